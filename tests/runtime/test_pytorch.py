"""The released model gives the same poses through torch and through ONNX Runtime."""

from __future__ import annotations

import numpy as np

from strongpose import StrongPose


def test_keypoints_agree_with_onnx_runtime(photos):
    model = StrongPose.from_pretrained("base", size=401, runtime="onnx")
    torch_model = StrongPose.from_pretrained("base", size=401, runtime="torch")
    assert torch_model.runtime.name == "torch on cpu in float32" and torch_model.info == model.info
    for photo in ("group.jpg", "grace_hopper.jpg"):
        expected, got = model(photos / photo), torch_model(photos / photo)
        expected, got = expected[expected.scores > 0.25], got[got.scores > 0.25]
        assert len(expected) > 0 and len(got) == len(expected)
        sure = expected.keypoints[..., 2] > 0.1
        assert np.abs(got.keypoints - expected.keypoints)[sure].max() < 0.1
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-3)


def test_a_mirrored_photo_gives_mirrored_poses(photos):
    """With flip testing, left and right traded: sides of the form 8·n + 1, so that nothing is padded or resized."""
    from PIL import Image

    pixels = np.asarray(Image.open(photos / "group.jpg").convert("RGB").resize((561, 193)))
    model = StrongPose.from_pretrained("base", size=561, flip=True)
    straight, mirrored = model(pixels), model(np.ascontiguousarray(pixels[:, ::-1]))
    straight, mirrored = straight[straight.scores > 0.25], mirrored[mirrored.scores > 0.25]
    assert len(straight) == len(mirrored) == 3
    order = list(straight.skeleton.flip_order)
    back = mirrored.keypoints[:, order].copy()
    back[..., 0] = 560 - back[..., 0]
    sure = straight.keypoints[..., 2] > 0.1
    assert sure.sum() > 20
    assert np.abs(back - straight.keypoints)[sure].max() < 0.1
