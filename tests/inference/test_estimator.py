"""The estimator: keypoints land where they are in the photo, whatever its size, with and without mirroring."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from strongpose import StrongPose
from strongpose.decode import DecodeOptions
from strongpose.encode import encode
from strongpose.exceptions import ImageError, ModelError
from strongpose.fields import cell_count
from strongpose.runtime import DEFAULT_THRESHOLD, ModelInfo, RawMaps
from strongpose.skeleton import Skeleton

TRIANGLE = Skeleton.from_names(
    "triangle",
    ["top", "left", "right"],
    [("top", "left"), ("top", "right"), ("left", "right")],
    [("left", "right")],
    [0.05, 0.05, 0.05],
    [("top", "left"), ("top", "right")],
)


class TriangleRuntime:
    """Finds three bright spots in its input, as a perfect network would: the highest is the top, and so on."""

    device = "cpu"

    def __init__(self, stride: int = 4, coarse_stride: int = 8, size: int = 257) -> None:
        self.info = ModelInfo(TRIANGLE, stride, coarse_stride, size, {}, {})

    def __call__(self, images: np.ndarray) -> RawMaps:
        keypoints = np.stack([np.append(self.spots(image), np.ones((3, 1)), axis=1)[None] for image in images])
        size = tuple(cell_count(side, self.info.stride) for side in images.shape[1:3])
        targets = encode(torch.tensor(keypoints, dtype=torch.float32), size, self.info.stride, TRIANGLE)
        return RawMaps(*(t.numpy().astype(np.float32) for t in targets[:3]), targets.body.numpy().astype(np.float32))

    @staticmethod
    def spots(image: np.ndarray) -> np.ndarray:
        """(3, 2) centres of mass of the spots: top, left, right."""
        red = image[..., 0].astype(np.float64)
        red[np.ptp(image, axis=2) == 0] = 0  # spots are red, padding and background are grey
        count, labels = cv2.connectedComponents((red > 40).astype(np.uint8))
        assert count == 4, f"expected three spots, found {count - 1}"
        y, x = np.mgrid[: red.shape[0], : red.shape[1]]
        weights = [red * (labels == i) for i in (1, 2, 3)]
        centres = sorted([((w * x).sum() / w.sum(), (w * y).sum() / w.sum()) for w in weights], key=lambda c: c[1])
        return np.array([centres[0], *sorted(centres[1:])])


def photo(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo with three red spots, and their (3, 2) centres."""
    points = np.array([[0.52, 0.2], [0.3, 0.7], [0.75, 0.8]]) * [width, height] + [0.3, -0.2]
    y, x = np.mgrid[:height, :width]
    sigma = min(width, height) / 40
    red = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in points)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.round(255 * np.minimum(red, 1))
    return image, points


@pytest.mark.parametrize("flip", [False, True], ids=["straight", "flip"])
@pytest.mark.parametrize("size", [257, (129, 200, 257)], ids=["one size", "three sizes"])
@pytest.mark.parametrize("strides", [(4, 8), (8, 8), (4, 16), (8, 16)], ids=str)
@pytest.mark.parametrize(("width", "height"), [(400, 300), (211, 340), (900, 650)])
def test_keypoints_land_where_they_are_in_the_photo(width, height, strides, size, flip):
    image, points = photo(width, height)
    model = StrongPose(TriangleRuntime(*strides), size, flip)
    poses = model(image)
    assert len(poses) == 1
    tolerance = 0.15 * max(1.0, max(width, height) / model.sizes[0])  # a fraction of an input pixel
    assert np.abs(poses.keypoints[0, :, :2] - points).max() < tolerance
    assert (poses.keypoints[0, :, 2] > 0.9).all()
    np.testing.assert_allclose(poses.boxes[0], [*points.min(0), *points.max(0)], atol=tolerance)


def test_mirrored_fields_agree_with_the_straight_ones():
    """A one-pixel error in the flip would show here as two pixels between both."""
    image, _ = photo(400, 300)
    straight = StrongPose(TriangleRuntime()).fields(image)
    averaged = StrongPose(TriangleRuntime(), flip=True).fields(image)
    inside = (straight.heatmaps > 0.5) & (averaged.heatmaps > 0.9)
    assert inside.sum() > 50
    for k in range(3):
        difference = (straight.offsets[k] - averaged.offsets[k])[:, inside[k]]
        assert np.abs(difference).max() < 0.1


def test_one_size_gives_exactly_what_the_network_gives():
    image, _ = photo(400, 300)
    runtime = TriangleRuntime()
    expected = runtime(StrongPose(runtime).fit(image).pixels[None])
    for size in (257, [257]):
        model = StrongPose(runtime, size)
        for fields in (model.fields(image), model.fields(model.fit(image))):
            for name in RawMaps._fields:
                np.testing.assert_array_equal(getattr(fields, name), getattr(expected, name)[0])


@pytest.mark.parametrize("size", [257, (129, 185, 257)], ids=["one size", "three sizes"])
def test_a_mirrored_photo_gives_mirrored_poses(size):
    """With flip testing, left and right traded, within a tenth of a pixel."""
    image, _ = photo(385, 289)
    model = StrongPose(TriangleRuntime(), size, flip=True)
    straight, mirrored = model(image), model(np.ascontiguousarray(image[:, ::-1]))
    assert len(straight) == len(mirrored) == 1
    back = mirrored.keypoints[0][list(TRIANGLE.flip_order)]
    back[:, 0] = 384 - back[:, 0]
    assert np.abs(back - straight.keypoints[0]).max() < 0.1


def test_several_sizes_are_sorted_and_fields_are_those_of_the_largest():
    image, _ = photo(400, 300)
    model = StrongPose(TriangleRuntime(), size=[257, 129])
    assert model.sizes == (129, 257)
    assert model.size == 257
    assert model.fields(image).size == (49, 65)  # 193 × 257 pixels, stride 4


@pytest.mark.parametrize("size", [129, 257, 401])
def test_size_is_the_long_side_of_the_input(size):
    image, points = photo(400, 300)
    model = StrongPose(TriangleRuntime(), size=size)
    assert max(model.fit(image).scaled_size) == size
    assert np.abs(model(image).keypoints[0, :, :2] - points).max() < 0.6


def test_the_model_recommends_size_and_decoder_options():
    runtime = TriangleRuntime(size=321)
    runtime.info.decode["disk_radius"] = 12.0
    model = StrongPose(runtime)
    assert model.sizes == (161, 321)
    assert model.size == 321
    assert StrongPose(TriangleRuntime(size=198)).sizes == (100, 198)
    assert StrongPose(TriangleRuntime(size=197)).sizes == (197,)  # in 99 pixels nobody is large enough
    assert model.options == DecodeOptions(disk_radius=12.0)
    assert StrongPose(runtime, options=DecodeOptions(max_people=5)).options == DecodeOptions(max_people=5)
    runtime.info.decode["no_such_option"] = 1.0
    with pytest.raises(ModelError, match=r"recommends decoder options that do not fit: .*no_such_option"):
        StrongPose(runtime)


def test_no_more_people_than_asked_for_at_several_sizes():
    image, _ = photo(400, 300)
    several = StrongPose(TriangleRuntime(), size=(257, 401))
    small, large = several.views(several.inputs(image))
    assert len(several.poses((small, large))) == 1
    apart = (small, large._replace(fitted=replace(large.fitted, scaled_size=(75, 100))))  # as if elsewhere in the photo
    assert len(several.poses(apart)) == 2
    one = StrongPose(TriangleRuntime(), size=(257, 401), options=replace(several.options, max_people=1))
    np.testing.assert_array_equal(one.poses(apart).keypoints, several.poses(apart)[:1].keypoints)


def test_inputs_and_views_of_other_sizes_are_refused():
    image, _ = photo(400, 300)
    several, one = StrongPose(TriangleRuntime(), size=(129, 257)), StrongPose(TriangleRuntime(), size=257)
    with pytest.raises(ValueError, match=r"expected inputs of the sizes \(129, 257\), got \(257,\)"):
        several.views(one.inputs(image))
    with pytest.raises(ValueError, match="at least one size, got none"):
        several.poses([])


def test_people_below_the_threshold_are_left_out():
    image, _ = photo(300, 200)
    model = StrongPose(TriangleRuntime(), threshold=0)
    [score] = model(image).scores
    assert model.with_threshold(float(score))(image).scores == [score]
    strict = model.with_threshold(float(score) + 1e-4)
    fitted = strict.fit(image)
    assert len(strict(image)) == len(strict.decode(strict.fields(image), fitted)) == len(*strict.predict_many([image]))
    assert (strict.runtime, strict.sizes, strict.options) == (model.runtime, model.sizes, model.options)
    assert len(strict(image)) == 0


def test_the_threshold_is_the_models_unless_another_is_asked_for(tiny_model, tmp_path):
    assert StrongPose(TriangleRuntime()).threshold == DEFAULT_THRESHOLD == 0.25
    proto = onnx.load(tiny_model)
    [facts] = [entry for entry in proto.metadata_props if entry.key == "strongpose"]
    for value, expected in ((0.4, 0.4), (0, 0), (1.5, None), ("0.4", None), (True, None)):
        facts.value = json.dumps({**json.loads(facts.value), "threshold": value})
        onnx.save(proto, tmp_path / "own.onnx")
        if expected is None:
            with pytest.raises(ModelError, match=r"own\.onnx: its metadata does not fit: 'threshold' must be"):
                StrongPose.from_pretrained(tmp_path / "own.onnx")
        else:
            assert StrongPose.from_pretrained(tmp_path / "own.onnx").threshold == expected
            assert StrongPose.from_pretrained(tmp_path / "own.onnx", threshold=0.7).threshold == 0.7
    with pytest.raises(ValueError, match=r"threshold must lie in 0-1, got 25"):
        StrongPose(TriangleRuntime(), threshold=25)


def test_paths_bytes_arrays_and_pillow_images_give_the_same_poses(tmp_path):
    image, _ = photo(300, 200)
    Image.fromarray(image).save(tmp_path / "a.png")
    model = StrongPose(TriangleRuntime())
    expected = model(image)
    sources = [tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes(), Image.fromarray(image)]
    for poses in model.predict_many(sources):
        np.testing.assert_array_equal(poses.keypoints, expected.keypoints)


def test_bad_photos_and_sizes_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"nope\.jpg: no such file"):
        StrongPose(TriangleRuntime())(tmp_path / "nope.jpg")
    with pytest.raises(ValueError, match="size must be at least 1 pixel, got 0"):
        StrongPose(TriangleRuntime(), size=0)
    with pytest.raises(ValueError, match=r"size must be at least 1 pixel, got \[\]"):
        StrongPose(TriangleRuntime(), size=[])
    assert StrongPose(TriangleRuntime(), size=np.int64(129)).sizes == (129,)
    with pytest.raises(ValueError, match=r"size must be a whole number of pixels, or several, got 129\.5"):
        StrongPose(TriangleRuntime(), size=129.5)
    with pytest.raises(ValueError, match=r"sizes must differ, got \(257, 129, 257\)"):
        StrongPose(TriangleRuntime(), size=(257, 129, 257))


def test_a_model_that_lies_about_its_stride_is_refused(tiny_model, tmp_path):
    proto = onnx.load(tiny_model)
    facts = json.loads(proto.metadata_props[0].value)
    proto.metadata_props[0].value = json.dumps({**facts, "stride": 8})
    onnx.save(proto, tmp_path / "odd.onnx")
    with pytest.raises(
        ModelError, match=r"metadata says stride 8, which gives \(13, 17\) cells .* got \(1, 17, 25, 33\)"
    ):
        StrongPose.from_pretrained(tmp_path / "odd.onnx", size=129)(photo(400, 300)[0])


def test_an_exported_model_runs(tiny_model):
    model = StrongPose.from_pretrained(tiny_model, threads=1)
    assert model.size == 129
    assert model.options.disk_radius == 12.0
    fields = model.fields(photo(400, 300)[0])
    assert fields.size == (25, 33)  # 129 × 97 pixels
    assert len(model(photo(400, 300)[0])) == 0
