"""Photos that are damaged, odd or hostile: a result, or one line that names the file; more by stress/fuzz.py."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from damaged_photos import damaged_arrays, damaged_photo, damaged_photos, well_formed
from harness import Tally, lines_of_ours, look_at, predict_all
from PIL import Image

from strongpose.exceptions import ImageError
from strongpose.images import open_image
from strongpose.inference import StrongPose


def test_a_file_is_made_again_from_its_number():
    first, again = (list(damaged_photos(700))[-300:] for _ in range(2))
    assert first == again
    assert len({photo.data for photo in first}) > 250
    assert damaged_photo(650, seed=1) != damaged_photo(650)


def test_damaged_photos_and_arrays_are_opened_or_refused_in_one_line(tiny_model):
    estimator = StrongPose.from_pretrained(tiny_model, size=33, threads=1, runtime="onnx")
    tally = Tally()
    for number, photo in enumerate(damaged_photos(800)):
        look_at(photo, estimator if number % 8 == 0 else None, tally)
    for array in damaged_arrays(200):
        look_at(array, estimator, tally)
    assert tally.wrong == []
    assert tally.counts["opened"] > 100
    assert tally.counts["refused"] > 300
    assert tally.slowest[0] < 10


def test_a_box_that_claims_to_be_long_takes_no_memory():
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=r"^a\.avif: not a photo that can be read"):
            open_image(b"\x01\0\0\0ftypavif" + bytes(40), "a.avif")
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_well_formed_photos_are_opened_as_they_are():
    for photo in well_formed():
        height, width = open_image(photo.data, photo.name).shape[:2]
        sideways = photo.name in ("turned.jpg", "turned.webp", "alpha.png")  # by their EXIF data
        assert (width, height) == ((48, 64) if sideways else (64, 48)), photo.name


def test_predict_names_every_damaged_photo_of_a_folder_once(tiny_model, tmp_path):
    photos = [damaged_photo(number, seed=2) for number in (*range(60), *range(1000, 1060))]
    tally, megabytes = predict_all(photos, tmp_path, tiny_model, size=33)
    assert tally.wrong == []
    assert tally.counts["opened"] > 20
    assert tally.counts["refused"] > 40
    assert 50 < megabytes < 1500


def test_predict_may_refuse_every_photo_of_a_folder(tmp_path, tiny_model):
    photos = [damaged_photo(number, seed=1) for number in range(100, 120)]
    tally, _ = predict_all(photos, tmp_path, tiny_model, size=33)
    assert (tally.wrong, tally.counts["refused"]) == ([], 20)


def test_lines_are_told_from_those_of_libtiff_that_they_interrupt():
    ours = ["strongpose: a/1.png: cut short", "strongpose: a/2.png: no photo"]
    theirs = "Not enough data at scanline 0 (short 1 bytes)"
    assert lines_of_ours(f"{ours[0]}\nLZWDecode: {theirs}.\n{ours[1]}\n") == ours
    assert lines_of_ours(f"LZWDecode: {ours[0]}\n{ours[1]}\n{theirs}.\n") == ours
    assert lines_of_ours(f"LZWDecode: {ours[0]}\n{theirs}{ours[1]}\n.\n") == ours
    assert lines_of_ours(f"Traceback\nLZWDecode: {theirs}.\n{ours[0]}\n") == ["Traceback", ours[0]]


def test_predict_says_names_that_are_no_text(strongpose_process, tiny_model, photos, tmp_path):
    """Undecodable bytes and line breaks in the names of files neither end the command nor break its lines in two."""
    whole = (photos / "cameraman.jpg").read_bytes()
    for name, content in ((b"whole-\xff.jpg", whole), (b"dam\naged-\xff.jpg", b"no photo")):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(content)
    run = strongpose_process("predict", tmp_path, "--out", tmp_path / "out", "--model", tiny_model, "--size", 33)
    assert run.returncode == 1
    assert "whole-\\udcff.jpg: 0 people" in run.stdout
    assert run.stderr.startswith(f"strongpose: {tmp_path}/dam\\naged-\\udcff.jpg: not a photo")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "photo: got None, as cv2.imread gives of files it cannot read; give the path"),
        ([[0, 0, 0]], "expected a path, bytes, an array or a Pillow image, got a list"),
        ("a\0b.jpg", r"a\x00b.jpg: cannot be a path"),
        ("a\nb.jpg", r"a\nb.jpg: no such file"),
        ("/dev/zero", "/dev/zero: is a pipe or device, not a file"),
        (np.full((4, 4, 3), np.nan), "expected an RGB image (H, W, 3) of uint8, got shape (4, 4, 3) of float64"),
    ],
)
def test_what_is_no_photo_at_all_is_refused(source, message):
    with pytest.raises(ImageError) as caught:
        open_image(source)
    assert message in str(caught.value)


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match=r"pipe\.jpg: is a pipe or device"):
        open_image(tmp_path / "pipe.jpg")


def test_a_photo_is_turned_although_other_exif_data_is_damaged():
    image = Image.new("RGB", (40, 20))
    entries = [(0x0112, 3, 1, 6), (0x8769, 4, 1, 0x7FFFFFFF), (0x011A, 5, 1, 0x7FFFFFF0)]
    directory = len(entries).to_bytes(2, "little") + b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in entries
    )
    exif = b"Exif\0\0II*\0\x08\0\0\0" + directory + bytes(4)
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    assert open_image(file.getvalue()).shape == (40, 20, 3)
