"""Photos are found in folders and by patterns; what only looks like one, or was drawn by us, is left out and named."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from strongpose.export.quantization import calibration_photos
from strongpose.images.folders import Found, files_below, is_hidden, photos_below, photos_in, photos_named
from strongpose.images.results import is_result, marked, result_names

SIDECAR = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4072)  # what a Mac puts beside a file on a stick


def write_photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(path, "JPEG")
    return path


def write_drawing(path):
    write_photo(path)
    path.write_bytes(marked(path.read_bytes()))
    return path


def names(paths):
    return [path.name for path in paths]


def test_photos_of_all_kinds_in_any_case(tmp_path):
    kinds = (
        "jpg JPEG jpe JFIF jif png apng WebP bmp DIB gif tif TIFF ppm pgm pbm pnm pfm mpo avif avifs HEIC heif".split()
    )
    kinds += ["pjpeg", "PJP", "jpg_large", "JPG ", "png  "]
    for kind in kinds:
        (tmp_path / f"a.{kind}").touch()
    (tmp_path / "a.txt").touch()
    (tmp_path / "notes").touch()
    assert sorted(names(photos_in(tmp_path).photos)) == sorted(f"a.{kind}" for kind in kinds)
    assert photos_in(tmp_path).left_out == ()


def test_hidden_files_and_folders_are_no_photos(tmp_path):
    write_photo(tmp_path / "a.jpg")
    for name in (
        *("._a.jpg", ".b.jpg", "__MACOSX/a.jpg", "__MACOSX/._a.jpg", ".git/c.jpg", "below/._d.jpg", "Thumbs.db"),
        *("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/a.jpg", "System Volume Information/a.jpg"),
        *("lost+found/a.jpg", "#recycle/a.jpg", "@Recycle/a.jpg"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(SIDECAR)
    found = photos_in(tmp_path)
    assert (names(found.photos), found.left_out) == (["a.jpg"], ())
    assert names(photos_below(tmp_path)) == names(files_below(tmp_path)) == ["a.jpg"]
    assert names(photos_named(f"{tmp_path}/**/*.jpg").photos) == ["a.jpg"]
    assert names(photos_named(f"{tmp_path}/*").photos) == ["a.jpg"]
    assert calibration_photos([tmp_path], 5) == [tmp_path / "a.jpg"]
    assert is_hidden("desktop.ini") and not is_hidden("a.b.jpg")


def test_pictures_of_other_kinds_and_folders_with_photos_are_named(tmp_path):
    for name in ("a.jpg", "b/c/d.JPG", "e/notes.txt", "f/g.poses.txt"):
        write_photo(tmp_path / name)
    write_drawing(tmp_path / "h/i.poses.jpg")
    for name in ("1.psd", "2.CR2", "3.svg", "4.jxl"):
        (tmp_path / name).touch()
    found = photos_in(tmp_path)
    assert names(found.photos) == ["a.jpg"]
    assert names(found.other_pictures) == ["1.psd", "2.CR2", "3.svg", "4.jxl"]
    assert names(found.folders) == ["b"]
    assert found.left_out == (
        "4 pictures of kinds that are not opened (1.psd, 2.CR2, 3.svg, …)",
        "1 sub-folder with photos (b)",
    )


def test_pictures_whose_names_do_not_say_so_are_named(tmp_path):
    for name in ("a.jpg", "b", "c.jpg~", "d.part", "e.txt", ".f", "g"):
        write_photo(tmp_path / name)
    for number, kind in enumerate(("PNG", "GIF", "TIFF", "WEBP")):
        Image.new("RGB", (40, 20)).save(tmp_path / f"h{number}", kind)
    (tmp_path / "g").write_text("no picture")
    os.mkfifo(tmp_path / "pipe")
    found = photos_in(tmp_path)
    assert (names(found.photos), names(found.unnamed)) == (["a.jpg"], ["b", "c.jpg~", "d.part", "h0", "h1", "h2", "h3"])
    assert found.left_out == ("7 pictures whose names do not say so (b, c.jpg~, d.part, …)",)
    assert names(photos_named(str(tmp_path / "b")).photos) == ["b"]


def test_folders_in_front_of_a_pattern_may_have_brackets(tmp_path):
    for name in ("in [2020]/a.jpg", "in [2020]/[b] 1/c.jpg", "in 2/d.jpg"):
        write_photo(tmp_path / name)
    for pattern, expected in (
        *(("in [2020]/*.jpg", ["a.jpg"]), ("in [2020]/**/*.jpg", ["c.jpg", "a.jpg"]), ("in [20]/*.jpg", ["d.jpg"])),
        *(("in [2020]/[[]b] ?/*", ["c.jpg"]), ("in [2020]/[b] 1/[c]*", ["c.jpg"]), ("in*/*.jpg", ["d.jpg", "a.jpg"])),
    ):
        assert names(photos_named(f"{tmp_path}/{pattern}").photos) == expected, pattern


def test_links_that_lead_nowhere_are_not_passed_over(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "b.jpg").mkdir()
    assert names(photos_in(tmp_path).photos) == ["a.jpg"]


def test_drawings_are_told_from_photos_of_their_name(tmp_path):
    own = [write_photo(tmp_path / name) for name in ("own.poses.jpg", "own.fields.jpg", "poses.jpg", "x.jpg")]
    drawn = [write_drawing(tmp_path / f"x.{kind}.jpg") for kind in ("fields", "poses")]
    write_drawing(tmp_path / "renamed.jpg")
    (tmp_path / "x.poses.json").write_text(json.dumps({"photo": "x.jpg", "version": 1, "skeleton": {}, "people": []}))
    (tmp_path / "own.poses.json").write_text(json.dumps({"people": "my own"}))
    assert list(filter(is_result, sorted(tmp_path.iterdir()))) == [*drawn, tmp_path / "x.poses.json"]
    photos = sorted([*own, tmp_path / "renamed.jpg"])
    assert photos_in(tmp_path).photos == tuple(photos)
    assert photos_named(f"{tmp_path}/*.jpg").photos == tuple(photos)
    assert photos_in(tmp_path).left_out == ("2 results of earlier runs (x.fields.jpg, x.poses.jpg)",)
    assert photos_named(str(drawn[0])).photos == () and photos_named(str(drawn[0])).results == (drawn[0],)
    assert list(photos_below(tmp_path)) == photos
    with Image.open(drawn[0]) as picture:
        assert picture.size == (40, 20)


def test_copies_of_drawings_are_known_by_their_mark(tmp_path):
    for name in ("A.POSES.JPG", "a.poses (1).jpg", "a.poses copy.jpg", "a.Fields.jpeg", "a_poses-small.JPG"):
        write_drawing(tmp_path / name)
    own = [write_photo(tmp_path / name) for name in ("B.POSES.JPG", "b.poses (1).jpg", "poses.jpg")]
    assert photos_in(tmp_path).photos == tuple(sorted(own))
    assert len(photos_in(tmp_path).results) == 5


def test_results_take_the_place_of_results_only(tmp_path):
    write_photo(tmp_path / "own.fields.jpg")
    write_drawing(tmp_path / "x.poses.jpg")
    photos = [tmp_path / name for name in ("own.jpg", "x.jpg", "X.png", "y.jpg", "Y.poses.jpg")]
    assert names(result_names(photos, tmp_path)) == ["own-2", "x", "X-2", "y-2", "Y.poses"]
    assert names(result_names(photos, tmp_path / "out")) == ["own", "x", "X-2", "y", "Y.poses"]


def test_results_of_other_photos_keep_their_place(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(tmp_path)
    for name, photo in (("a", str(tmp_path / "p/a.jpg")), ("a-2", "q/a.jpg"), ("b", "\0"), ("c", 7)):
        about = {"photo": photo, "version": 1, "skeleton": {}, "people": []}
        (out / f"{name}.poses.json").write_text(json.dumps(about))
    (out / "d.poses.json").write_text('{"photo": "p/d.jpg", "skel')  # cut short
    assert names(result_names([tmp_path / "q/a.jpg", tmp_path / "r/../p/a.jpg"], out)) == ["a-2", "a"]
    photos = [tmp_path / "r" / name for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]
    assert names(result_names(photos, out)) == ["a-3", "b-2", "c-2", "d-2"]


def test_drawings_of_earlier_versions_are_known_by_the_file_beside_them(tmp_path):
    for name in ("x.jpg", "x.poses.jpg", "x.fields.jpg"):
        write_photo(tmp_path / name)
    (tmp_path / "x.poses.json").write_text(json.dumps({"version": 1, "photo": "x.jpg", "skeleton": {}, "people": []}))
    assert names(photos_in(tmp_path).photos) == ["x.jpg"]


def test_a_folder_without_photos_to_calibrate_with_says_what_was_left_out(tmp_path):
    (tmp_path / "a.cr2").touch()
    with pytest.raises(ValueError, match=r"left out: 1 picture of a kind that is not opened \(a\.cr2\); name a folder"):
        calibration_photos([tmp_path], 5)


def test_folders_in_folders(tmp_path):
    photos = [write_photo(tmp_path / name) for name in ("a.jpg", "day1/b.jpg", "day1/beach/a.jpg", "day2/c.jpg")]
    found = photos_in(tmp_path)
    assert found.photos == (photos[0],) and found.subfolders == {}
    assert names(found.folders) == ["day1", "day2"]
    found = photos_in(tmp_path, recursive=True)
    assert list(found.photos) == photos and found.folders == ()
    assert [str(found.subfolders[path]) for path in photos] == [".", "day1", "day1/beach", "day2"]
    found = photos_named(str(tmp_path), recursive=True, leave_out=tmp_path / "day1")
    assert list(found.photos) == [photos[0], photos[3]]


def test_a_folder_without_photos_of_its_own_is_searched(tmp_path):
    photos = [write_photo(tmp_path / name) for name in ("day1/a.jpg", "day2/sea/a.jpg")]
    found = photos_in(tmp_path)
    assert list(found.photos) == photos
    out = tmp_path / "out"
    places = list(result_names(found.photos, out, found.subfolders))
    assert places == [out / "day1/a", out / "day2/sea/a"]
    joined = Found.all_of([photos_in(tmp_path / "day1"), found])
    assert joined.photos == tuple(photos) and joined.subfolders == {photos[1]: Path("day2/sea")}


def test_links_to_folders_are_told_and_not_followed(tmp_path):
    photo = write_photo(tmp_path / "in/a.jpg")
    write_photo(tmp_path / "elsewhere/b.jpg")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    found = photos_in(tmp_path / "in", recursive=True)
    assert found.photos == (photo,) and names(found.folders) == ["link", "loop"]


def test_results_below_are_not_taken_for_photos(tmp_path):
    photo = write_photo(tmp_path / "a/x.jpg")
    drawn = write_drawing(tmp_path / "a/out/x.poses.jpg")
    found = photos_in(tmp_path, recursive=True)
    assert found.photos == (photo,) and found.results == (drawn,)
