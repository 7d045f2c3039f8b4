"""What callers give as photos: one, lists, folders and patterns; others get one line that says what to do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from strongpose import StrongPose
from strongpose.exceptions import ImageError
from strongpose.images import open_image


@pytest.fixture(scope="module")
def model():
    return StrongPose.from_pretrained(size=161, runtime="onnx", threads=1)


@pytest.fixture
def folder(photos, tmp_path):
    """Two photos, a damaged one between them by name, and a photo in a folder below."""
    for name, to in (("astronaut.jpg", "a.jpg"), ("grace_hopper.jpg", "c.jpg")):
        (tmp_path / to).write_bytes((photos / name).read_bytes())
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff no photo")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.jpg").write_bytes((photos / "astronaut.jpg").read_bytes())
    return tmp_path


def test_a_list_of_any_kinds_gives_a_list(model, photos):
    path = photos / "astronaut.jpg"
    pixels = open_image(path)
    sources = [path, str(path), path.read_bytes(), pixels, Image.fromarray(pixels)]
    expected = model(path)
    assert len(expected) == 1
    for found in (model(sources), model(tuple(sources))):
        assert isinstance(found, list)
        for poses in found:
            np.testing.assert_array_equal(poses.keypoints, expected.keypoints)
    assert model([]) == []
    assert [poses.photo for poses in model([path, pixels])] == [path, None]
    with pytest.raises(ImageError, match=r"nope\.jpg: no such file"):
        model([path, "nope.jpg"])


def test_what_cv2_reads_needs_bgr(model, photos):
    rgb = open_image(photos / "astronaut.jpg")
    bgr = rgb[..., ::-1]
    expected = model(rgb).keypoints
    np.testing.assert_array_equal(model(bgr, bgr=True).keypoints, expected)
    np.testing.assert_array_equal(model([bgr], bgr=True)[0].keypoints, expected)
    [poses] = model.predict_many([bgr], bgr=True)
    np.testing.assert_array_equal(poses.keypoints, expected)
    with pytest.raises(ValueError, match="bgr is for arrays"):
        list(model.predict_many([photos / "astronaut.jpg"], bgr=True))


def test_other_things_are_refused_with_the_call_that_takes_them(model, folder):
    (folder / "clip.mp4").touch()
    for source, line in (
        (folder, "is a folder; predict_many("),
        (str(folder / "*.jpg"), "is a pattern; predict_many("),
        (folder / "clip.mp4", "clip.mp4') finds the people in its frames"),
        ("http://example.org/a.jpg", "photos are not downloaded; download it"),
    ):
        with pytest.raises(ImageError) as refused:
            model(source)
        assert line in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(ValueError, match=r"expected a photo or a list of photos, got a generator; predict_many takes"):
        model(path for path in [folder / "a.jpg"])
    for one in (np.zeros((8, 8, 3), np.uint8), b"photo", Image.new("RGB", (8, 8))):
        with pytest.raises(ValueError, match=r"expected several photos, .* got one photo; call model\(photo\)"):
            model.predict_many(one)


def test_folders_and_patterns_give_their_photos_by_name(model, folder):
    (folder / "b.jpg").unlink()
    with pytest.warns(UserWarning, match=r"left out: 1 sub-folder with photos \(below\)"):
        found = model.predict_many(folder)
    results = list(found)
    assert [poses.photo.name for poses in results] == ["a.jpg", "c.jpg"] and all(len(poses) == 1 for poses in results)
    assert [poses.photo.name for poses in model.predict_many(str(folder / "[cd].jpg"))] == ["c.jpg"]
    with pytest.raises(ImageError, match=r"nowhere: no such photo, and no folder or pattern that holds one; check the"):
        model.predict_many(folder / "nowhere")


def test_a_photo_that_cannot_be_opened_does_not_end_the_loop(model, folder):
    paths = [folder / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    for batch in (1, 2):
        with pytest.warns(UserWarning, match=r"b\.jpg: ") as told:
            results = list(model.predict_many(paths, batch))
        assert len(told) == 1 and told[0].filename == __file__
        assert [poses.photo for poses in results] == paths
        assert [len(poses) for poses in results] == [1, 0, 1]
        assert [type(poses.error) for poses in results] == [type(None), ImageError, type(None)]
        assert repr(results[1]) == f"Poses({paths[1]}: not opened ({results[1].error}))"
        assert results[1][:0].error is results[1].error and results[0][:1].photo == paths[0]
    with warnings.catch_warnings(), pytest.raises(ImageError, match=r"b\.jpg"):
        warnings.simplefilter("error")
        list(model.predict_many(paths, strict=True))


def test_its_text_says_what_it_is(model):
    assert repr(model) == (
        "StrongPose('base', size=161, flip=False, threshold=0.25, runtime='ONNX Runtime on CPU', device='cpu')"
    )
    assert "size=(129, 161), flip=True, threshold=0.5" in repr(StrongPose(model.runtime, (161, 129), True, None, 0.5))


def test_what_is_no_runtime_or_device_gets_a_line():
    with pytest.raises(TypeError, match=r"StrongPose.from_pretrained\('base'\) opens a model"):
        StrongPose("base")
    with pytest.raises(ValueError, match=r"device must be auto or one of cpu, cuda.* got 0"):
        StrongPose.from_pretrained(device=0)
