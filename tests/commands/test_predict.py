"""``strongpose predict`` as its users meet it: good, missing and damaged photos, folders and patterns."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval.core import mask
from PIL import Image, ImageFilter

from strongpose.poses import Poses


def test_a_photo_gives_a_picture_and_a_json_file(strongpose_process, photos, tmp_path):
    out = tmp_path / "poses"
    run = strongpose_process("predict", photos / "group.jpg", "--out", out, "--threads", 1)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert sorted(path.name for path in out.iterdir()) == ["group.poses.jpg", "group.poses.json"]
    text = (out / "group.poses.json").read_text()
    poses = Poses.from_json(text)
    assert 3 <= len(poses) <= 6  # three people, and perhaps a ghost
    assert json.loads(text)["width"] == 1198
    assert f"{len(poses)} people" in run.stdout
    # the head of each of the three is where it is in the photo
    noses = poses.keypoints[:, 0, :2]
    for x, y in ((183, 100), (604, 160), (982, 128)):
        assert (abs(noses - [x, y]).max(axis=1) < 30).any(), noses
    picture = Image.open(out / "group.poses.jpg")
    assert picture.size == (1198, 420)


def test_options_reach_the_model(strongpose, photos, tmp_path):
    for name, options in {"plain": (), "flip": ("--flip",), "small": ("--size", 257)}.items():
        run = strongpose("predict", photos / "astronaut.jpg", "--out", tmp_path / name, "--threads", 1, *options)
        assert run.returncode == 0, run.stderr
    texts = {name: (tmp_path / name / "astronaut.poses.json").read_text() for name in ("plain", "flip", "small")}
    assert len(set(texts.values())) == 3


def test_fields_are_drawn_on_request(strongpose, tiny_model, photos, tmp_path):
    run = strongpose("predict", photos / "astronaut.jpg", "--out", tmp_path, "--model", tiny_model, "--fields")
    assert run.returncode == 0, run.stderr
    names = ["astronaut.fields.jpg", "astronaut.poses.jpg", "astronaut.poses.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    width, height = Image.open(tmp_path / "astronaut.fields.jpg").size
    assert width > 3 * 960 and height > 2 * 960


def test_bodies_are_drawn_and_written_on_request(strongpose, photos, tmp_path):
    pictures = {}
    for name, options in {"plain": (), "bodies": ("--bodies",)}.items():
        run = strongpose("predict", photos / "group.jpg", "--out", tmp_path / name, "--threads", 1, *options)
        assert run.returncode == 0, run.stderr
        pictures[name] = np.asarray(Image.open(tmp_path / name / "group.poses.jpg")).astype(int)
    text = (tmp_path / "bodies" / "group.poses.json").read_text()
    people, poses = json.loads(text)["people"], Poses.from_json(text)
    assert len(people) >= 3
    masks = np.stack([mask.decode(person["body"]["segmentation"]).astype(bool) for person in people])
    assert masks.shape[1:] == (420, 1198)
    assert masks.sum(axis=0).max() == 1
    assert masks[:, 100, 183].any() and masks[:, 160, 604].any() and masks[:, 128, 982].any()  # the noses
    for person, pose, body in zip(people, poses, masks, strict=True):
        assert set(person) == {"score", "box", "keypoints", "body"}
        assert set(person["body"]) == {"segmentation", "area"}
        assert person["body"]["area"] == body.sum() > 0.2 * np.prod(pose.box[2:] - pose.box[:2])
    tinted = np.abs(pictures["bodies"] - pictures["plain"]).max(axis=2) > 25
    assert tinted[masks.any(axis=0)].mean() > 0.6 and tinted[~masks.any(axis=0)].mean() < 0.05


def test_damaged_and_missing_photos_are_named_and_the_others_still_done(strongpose, tiny_model, photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photos / "astronaut.jpg", folder / "good.jpg")
    (folder / "cut.jpg").write_bytes((photos / "astronaut.jpg").read_bytes()[:9000])
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not looked at")
    Image.new("L", (20_000, 10_000)).save(folder / "huge.png")
    out = tmp_path / "out"
    run = strongpose("predict", folder, tmp_path / "nope.jpg", "--out", out, "--model", tiny_model)
    assert run.returncode == 1
    assert sorted(path.name for path in out.iterdir()) == ["good.poses.jpg", "good.poses.json"]
    complaints = run.stderr.splitlines()
    assert len(complaints) == 4, run.stderr
    for name, reason in {
        "nope.jpg": "no such photo",
        "cut.jpg": "cut short",
        "empty.png": "empty",
        "huge.png": "megapixels",
    }.items():
        assert sum(name in line and reason in line for line in complaints) == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert "1 of 4 photos" in run.stdout


def test_photos_are_told_in_order_whatever_their_sizes(strongpose, tiny_model, photos, tmp_path):
    sizes = {"a": (400, 300), "b": (300, 400), "d": (90, 90), "e": (500, 200)}
    for name, size in sizes.items():
        Image.new("RGB", size, (90, 120, 60)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.jpg").write_bytes((photos / "astronaut.jpg").read_bytes()[:9000])
    run = strongpose("predict", tmp_path, "--out", tmp_path / "out", "--model", tiny_model, "--batch", 2)
    assert run.returncode == 1
    *lines, last = run.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"[{number}/5] {tmp_path / name}.png" for number, name in ((1, "a"), (2, "b"), (4, "d"), (5, "e"))
    ]
    assert re.fullmatch(
        rf"4 of 5 photos, 0 people, [\d.]+ (photos/s|s/photo) with .+; results in {tmp_path / 'out'}; failed: c\.jpg; "
        "try --size 90 181 for small people",
        last,
    ), last
    assert run.stderr.count("\n") == 1 and "c.jpg: damaged" in run.stderr
    for name, (width, height) in sizes.items():
        data = json.loads((tmp_path / "out" / f"{name}.poses.json").read_text())
        assert (data["photo"], data["width"], data["height"]) == (str(tmp_path / f"{name}.png"), width, height)


def test_photos_of_the_same_name_do_not_overwrite_each_other(strongpose, tiny_model, tmp_path):
    for i, name in enumerate(("a/x.png", "b/x.png", "b/X.jpg", "c/x-2.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (60 + i, 40)).save(tmp_path / name)
    run = strongpose("predict", tmp_path / "?", tmp_path / "?/*", "--out", tmp_path / "out", "--model", tiny_model)
    assert run.returncode == 1  # "?" names folders only
    run = strongpose("predict", tmp_path / "?/*", tmp_path / "a", "--out", tmp_path / "out", "--model", tiny_model)
    assert run.returncode == 0, run.stderr
    results = sorted((tmp_path / "out").glob("*.json"))
    assert len(results) == 4
    assert len({path.name.casefold() for path in results}) == 4
    assert {json.loads(path.read_text())["width"] for path in results} == {60, 61, 62, 63}


def test_results_of_other_photos_are_not_overwritten(strongpose, tiny_model, tmp_path):
    for i, folder in enumerate("pq"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (60 + i, 40)).save(tmp_path / folder / "a.png")
    options = ("--out", tmp_path / "out", "--model", tiny_model)
    for folder in ("p", "q", "p", "q"):
        run = strongpose("predict", tmp_path / folder, *options)
        assert run.returncode == 0, run.stderr
        assert run.stdout.splitlines()[0] == f"[1/1] {tmp_path / folder}/a.png: 0 people" + (
            "; results called a-2" if folder == "q" else ""
        )
    run = strongpose("predict", tmp_path / "q", tmp_path / "p", *options, "--resume")
    assert "2 of 2 photos have their results" in run.stdout
    about = {path.name: json.loads(path.read_text())["width"] for path in (tmp_path / "out").glob("*.json")}
    assert about == {"a.poses.json": 60, "a-2.poses.json": 61}


def test_fields_are_drawn_of_somebody_whom_only_the_smaller_size_shows(strongpose, photos, tmp_path):
    """Blurred, so that the larger size has not even a seed."""
    blurred = Image.open(photos / "cameraman.jpg").convert("RGB").filter(ImageFilter.GaussianBlur(7))
    blurred.save(tmp_path / "a.png")
    run = strongpose("predict", tmp_path / "a.png", "--out", tmp_path / "out", "--fields", "--size", "281", "561")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"[1/1] {tmp_path / 'a.png'}: 1 person\n")
    assert (tmp_path / "out" / "a.fields.jpg").is_file()


def test_a_photo_that_is_named_in_several_ways_is_looked_at_once(strongpose, tiny_model, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "in/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    ways = ("in/a.png", tmp_path / "in/a.png", "./in/../in/a.png", "in", "link/*.png")
    run = strongpose("predict", *ways, "--out", "out", "--model", tiny_model)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == "[1/1] in/a.png: 0 people" and len(run.stdout.splitlines()) == 2
    for way in ways:
        run = strongpose("predict", way, "--out", "out", "--model", tiny_model, "--resume")
        assert "1 of 1 photos have their results" in run.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.poses.jpg", "a.poses.json"]


def test_a_line_break_in_a_name_does_not_break_the_line(strongpose, tiny_model, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a\nb.png")
    run = strongpose("predict", tmp_path / "a\nb.png", "--out", tmp_path / "out", "--model", tiny_model)
    assert run.stdout.splitlines()[0] == f"[1/1] {tmp_path}/a\\nb.png: 0 people"
    assert (tmp_path / "out/a\nb.poses.json").exists()


def test_a_second_run_into_the_same_folder_takes_the_photos_only(strongpose, tiny_model, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "x.png")
    for _ in range(2):
        run = strongpose("predict", tmp_path, "--out", tmp_path, "--model", tiny_model)
        assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.png", "x.poses.jpg", "x.poses.json"]


@pytest.mark.parametrize(
    ("way", "options"), [("folder", ()), ("pattern", ()), ("shell", ("--fields",)), ("pattern", ("--resume",))]
)
def test_results_beside_the_photos_are_never_taken_for_photos(strongpose, tiny_model, tmp_path, way, options):
    for name in ("x.png", "own.poses.jpg", "own.jpg"):  # of which one is called like a result, and stays what it is
        Image.new("RGB", (60, 40)).save(tmp_path / name)
    before = (tmp_path / "own.poses.jpg").read_bytes()
    for number in range(2):
        named = {"folder": [tmp_path], "pattern": [tmp_path / "*.jpg", tmp_path / "*.png"]}
        shell = sorted([*tmp_path.glob("*.jpg"), *tmp_path.glob("*.png")])
        run = strongpose("predict", *named.get(way, shell), "--out", tmp_path, "--model", tiny_model, *options)
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""
        assert ("left out:" in run.stdout) == (number > 0)
    assert len(list(tmp_path.glob("*.poses.json"))) == 3
    assert (tmp_path / "own.poses.jpg").read_bytes() == before
    assert "3 results of earlier runs (own-2.poses.jpg, " in run.stdout or "--fields" in options


def test_the_end_names_what_was_left_out(strongpose, tiny_model, photos, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    (tmp_path / "below").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "below" / "b.png")
    for name in ("c.psd", "d.NEF", "._a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"whatever")
    shutil.copy(tmp_path / "a.png", tmp_path / "e")
    run = strongpose("predict", tmp_path, "--out", tmp_path / "out", "--model", tiny_model)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].endswith(
        f"results in {tmp_path / 'out'}; left out: 2 pictures of kinds that are not opened (c.psd, d.NEF), "
        "1 sub-folder with photos (below), 1 picture whose name does not say so (e); "
        "try --size 90 181 for small people"
    )
    assert run.stderr.splitlines() == [
        f"strongpose: {tmp_path}/c.psd and 1 more: pictures of this kind are not opened; save them as JPEG or PNG",
        f"strongpose: {tmp_path}/e: skipped, as the name does not end like a photo's; rename it to .jpg",
        f"strongpose: {tmp_path}/below: its photos are skipped; --recursive takes them, too",
    ]


@pytest.mark.parametrize("size", [(1000, 100), (100, 1000), (300, 200), (1000, 400)])
def test_a_panorama_without_people_gets_a_hint(strongpose, tiny_model, tmp_path, size):
    Image.new("RGB", size, (90, 120, 60)).save(tmp_path / "a.png")
    options = ("--out", tmp_path / "out", "--model", tiny_model, "--size")
    run = strongpose("predict", tmp_path, *options, 97)
    assert (run.returncode, run.stderr) == (0, "")
    hint = f"; the photo has {size[0]}×{size[1]} pixels, and the network saw its short side in 10: --size 650 may find"
    line = f"[1/1] {tmp_path}/a.png: 0 people{f'{hint} more people' if 100 in size else ''}"
    assert run.stdout.splitlines()[0] == line
    run = strongpose("predict", tmp_path, *options, 900)
    assert run.stdout.splitlines()[0] == f"[1/1] {tmp_path}/a.png: 0 people"


def test_a_result_alone_is_no_photo(strongpose, tiny_model, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "x.png")
    assert strongpose("predict", tmp_path, "--out", tmp_path, "--model", tiny_model).returncode == 0
    run = strongpose("predict", tmp_path / "x.poses.jpg", "--out", tmp_path / "out", "--model", tiny_model)
    assert run.returncode == 1
    assert "left out: 1 result of an earlier run (x.poses.jpg)" in run.stderr


def test_an_interrupted_run_does_every_photo_once(strongpose, tiny_model, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (640, 480), (90, 120, 60)).save(folder / "000.png")
    for number in range(1, 150):
        os.link(folder / "000.png", folder / f"{number:03}.png")
    (folder / "150.png").touch()
    out = tmp_path / "out"
    options = (folder, "--out", out, "--model", tiny_model, "--threads", 1, "--resume")
    told, left = [], 151

    def note(said):
        nonlocal left
        first, *lines = said.splitlines()
        assert first == f"{151 - left} of 151 photos have their results in {out} already"
        for line in lines:
            if line.startswith("["):
                assert line.split("]")[0].endswith(f"/{left}")
                told.append(Path(line.split()[1].rstrip(":")).stem)
        left = 151 - len(list(out.glob("*.poses.json")))
        assert len(told) == len(set(told)) and set(told) <= {path.name[:3] for path in out.glob("*.json")}

    for number, status in ((signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)):
        command = [sys.executable, "-m", "strongpose.cli", "predict", *map(str, options)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
            said = ""
            while said.count("\n[") < 5:
                said += process.stdout.readline()
            process.send_signal(number)
            rest, complaints = process.communicate(timeout=120)
        assert process.returncode == status
        done = (said + rest).count("\n[")
        line = f"strongpose: interrupted after {done} photos; the same command with --resume continues\n"
        assert complaints == (line if number == signal.SIGTERM else "")
        note(said + rest)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.poses.json")}
    run = strongpose("predict", *options)
    assert run.returncode == 1 and run.stderr.count("\n") == 1 and "150.png: the file is empty" in run.stderr
    note(run.stdout)
    assert 149 <= len(told) <= 150  # it may have been killed after a photo's file and before its line
    assert left == 1 and len(list(out.glob("*.poses.jpg"))) == 150
    assert all(path.stat().st_mtime_ns == at for path, at in times.items())


def test_results_of_other_options_or_older_than_the_photo_are_made_anew(strongpose, tiny_model, tmp_path):
    for name in "abcd":
        Image.new("RGB", (60, 40)).save(tmp_path / f"{name}.png")
    options = (tmp_path, "--out", tmp_path, "--model", tiny_model, "--threads", 1, "--resume")
    done = {}
    for what, more in (("none", ()), ("all", ()), ("older, cut, no picture", ()), ("options", ("--threshold", 0.5))):
        if what.startswith("older"):
            os.utime(tmp_path / "a.png", (time.time() + 100, time.time() + 100))
            (tmp_path / "b.poses.json").write_text((tmp_path / "b.poses.json").read_text()[:-20])
            (tmp_path / "c.poses.jpg").unlink()
        run = strongpose("predict", *options, *more)
        assert run.returncode == 0, run.stderr
        done[what] = run.stdout.splitlines()[0].split()[0]
    assert done == {"none": "0", "all": "4", "older, cut, no picture": "1", "options": "0"}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--out", "out"), 1, "name at least one photo"),
        (("nope.jpg", "--out", "out"), 1, "nope.jpg: no such photo"),
        (("{photo}",), 2, "--out"),
        (("{photo}", "--out", "{photo}"), 1, "is a file; name another folder"),
        (("{photo}", "--out", "{out}", "--model", "nope"), 1, "nope: no such model"),
        (("{photo}", "--out", "{out}", "--model", "{photo}"), 1, "cannot load it"),
        (("{photo}", "--out", "{out}", "--model", "{model}", "--size", "0"), 1, "size must be at least 1 pixel"),
        (("{photo}", "--out", "{out}", "--size", "big"), 2, "big"),
        (("{photo}", "--out", "{out}", "--model", "{model}", "--batch", "0"), 1, "--batch must be at least 1 photo"),
    ],
)
def test_mistakes_are_explained_without_a_traceback(
    strongpose, tiny_model, photos, tmp_path, arguments, status, message
):
    names = {"photo": photos / "astronaut.jpg", "out": tmp_path / "out", "model": tiny_model}
    run = strongpose("predict", *(argument.format(**names) for argument in arguments))
    assert run.returncode == status
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_url_an_empty_folder_and_nobody_are_told(strongpose, tiny_model, tmp_path):
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    photos = ("https://example.org/bus.jpg", tmp_path / "empty", tmp_path / "a.png")
    run = strongpose("predict", *photos, "--out", tmp_path / "out", "--model", tiny_model, "--size", "401")
    assert run.returncode == 1
    assert "https://example.org/bus.jpg: photos are not downloaded" in run.stderr
    assert f"{tmp_path / 'empty'}: the folder holds no photo; check the path" in run.stderr
    assert run.stdout.splitlines()[-1].endswith("; try --size 280 561 for small people")


def test_a_threshold_out_of_range_ends_it_and_foreign_json_stays(strongpose, tiny_model, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    options = (tmp_path / "a.png", "--out", tmp_path / "out", "--model", tiny_model)
    run = strongpose("predict", *options, "--keypoint-threshold", "nan")
    assert run.returncode == 1
    assert "--keypoint-threshold must lie in 0-1, got nan" in run.stderr
    (tmp_path / "out").mkdir(exist_ok=True)
    foreign = tmp_path / "out" / "a.poses.json"
    foreign.write_text('{"mine": 1}')
    assert strongpose("predict", *options).returncode == 0
    assert foreign.read_text() == '{"mine": 1}'
    assert (tmp_path / "out" / "a-2.poses.json").exists()
