"""Poses drawn on their photo by the poses themselves, and written as files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from strongpose import ImageError, OutputError, Poses
from strongpose.draw import draw_poses
from strongpose.images import open_image


@pytest.fixture
def poses() -> Poses:
    points = np.random.default_rng(3).uniform(100, 300, (2, 17, 2))
    return Poses(np.concatenate([points, np.full((2, 17, 1), 0.9)], axis=2), [0.9, 0.8])


def test_the_photo_is_given_or_known(poses, photos):
    path = photos / "astronaut.jpg"
    pixels = open_image(path)
    expected = draw_poses(pixels, poses)
    assert (expected != pixels).any()
    for photo in (path, pixels, path.read_bytes(), Image.fromarray(pixels)):
        np.testing.assert_array_equal(poses.draw(photo), expected)
    np.testing.assert_array_equal(poses.draw(pixels[..., ::-1], bgr=True), expected)
    known = replace(poses, photo=path)
    np.testing.assert_array_equal(known.draw(), expected)
    np.testing.assert_array_equal(known[:1].draw(thickness=2), draw_poses(pixels, poses[:1], thickness=2))
    with pytest.raises(ValueError, match=r"which photo\? These poses were not found in a file: give the photo as well"):
        poses.draw()
    with pytest.raises(ImageError, match="cut short"):
        replace(Poses.empty(), error=ImageError("a.jpg: cut short")).draw(path)


def test_pictures_are_written_as_their_names_say(poses, photos, tmp_path):
    known = replace(poses, photo=photos / "astronaut.jpg")
    for name, kind in (("a.png", "PNG"), ("b.JPG", "JPEG"), ("new/folder/c.webp", "WEBP"), ("d.jpeg", "JPEG")):
        known.save(tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert picture.format == kind and picture.size == (512, 512)
    np.testing.assert_array_equal(open_image(tmp_path / "a.png"), known.draw())
    poses.save(str(tmp_path / "e.png"), known.draw(), thickness=2)
    with pytest.raises(ValueError, match=r"a\.txt: the name of a picture must end in \.jpg, \.jpeg, \.png, \.webp"):
        known.save(tmp_path / "a.txt")


def test_text_is_written_as_well_as_given(poses, tmp_path):
    assert poses.to_json(tmp_path / "a.json") == (tmp_path / "a.json").read_text() == poses.to_json()
    assert poses.to_csv(str(tmp_path / "a.csv")) == (tmp_path / "a.csv").read_text() == poses.to_csv()
    assert '"photo": "b.jpg"' in replace(poses, photo=tmp_path / "b.jpg").to_json(about={"photo": "b.jpg"})
    assert f'"photo": "{tmp_path / "b.jpg"}"' in replace(poses, photo=tmp_path / "b.jpg").to_json()


def test_what_cannot_be_written_is_one_line(poses, photos, tmp_path):
    (tmp_path / "file").touch()
    wrong = tmp_path / "file" / "a.png"
    for write in (poses.to_json, poses.to_csv, lambda path: poses.save(path, photos / "astronaut.jpg")):
        with pytest.raises(OutputError, match=r"file/a\.png: cannot be written \(.+\); name another place$") as told:
            write(wrong)
        assert "\n" not in str(told.value) and isinstance(told.value, OSError)
