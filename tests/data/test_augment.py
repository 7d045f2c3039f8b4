import numpy as np
import pytest
import torch
from pictures import write_dataset

from strongpose.annotations.segmentation import Region
from strongpose.data.augment import Augmentation, augment
from strongpose.data.batches import BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset, PhotoRecord
from strongpose.exceptions import ImageError
from strongpose.skeleton import COCO

PLAIN = Augmentation(scale=(0.6, 1.5), shift=0.1, colour=0.0, grey=0.0)


def blobs(points, width, height):
    """A black photo with a Gaussian blob (sigma 3 px) of its own brightness at each point."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width))
    for px, py in points:
        image += 250 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18)
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def record(keypoints, width, height, **more):
    return PhotoRecord(
        "p", width, height, keypoints, more.get("silhouettes", (None,) * len(keypoints)), more.get("ignore", ())
    )


@pytest.mark.parametrize("seed", range(8))
def test_keypoints_move_with_the_picture(seed):
    """Scale, rotation, shift, flip and aspect: the blob's centre of mass is where the keypoint went."""
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, 5] = (75.3, 60.8, 2)  # left shoulder
    sample = augment(
        blobs([(75.3, 60.8)], 160, 120), record(keypoints, 160, 120), 129, 8, COCO, PLAIN, np.random.default_rng(seed)
    )
    assert len(sample.keypoints) == 1
    shown = np.flatnonzero(sample.keypoints[0, :, 2])
    assert shown.tolist() in ([5], [6])  # a mirrored left shoulder is a right one
    x, y, _ = sample.keypoints[0, shown[0]]
    mass = sample.image[..., 0].astype(float)
    mass[mass == 127] = 0  # the padding
    rows, columns = np.mgrid[:129, :129]
    near = (rows - y) ** 2 + (columns - x) ** 2 < 14**2
    weight = (mass * near).sum()
    assert abs((columns * mass * near).sum() / weight - x) < 0.2
    assert abs((rows * mass * near).sum() / weight - y) < 0.2


def test_both_sides_are_seen():
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, 5] = (80, 60, 2)
    photo = blobs([(80, 60)], 160, 120)
    sides = {
        int(
            np.flatnonzero(
                augment(photo, record(keypoints, 160, 120), 65, 8, COCO, PLAIN, np.random.default_rng(i)).keypoints[
                    0, :, 2
                ]
            )[0]
        )
        for i in range(12)
    }
    assert sides == {5, 6}


def test_regions_move_with_the_picture():
    """A region painted white in the photo is where the masks say it is."""
    square = np.array([[40, 30], [110, 30], [110, 90], [40, 90]], dtype=np.float32)
    photo = np.zeros((120, 160, 3), dtype=np.uint8)
    photo[30:91, 40:111] = 255
    mask = (photo[..., 0] > 0).astype(np.uint8)
    person = np.zeros((1, 17, 3), dtype=np.float32)
    person[0, 0] = (75, 60, 2)
    for seed in range(6):
        for region in (Region((square,)), Region(mask=mask)):
            sample = augment(
                photo,
                record(person, 160, 120, ignore=(region,), silhouettes=(region,)),
                129,
                4,
                COCO,
                PLAIN,
                np.random.default_rng(seed),
            )
            white = sample.image[::4, ::4, 0] > 200
            assert (~sample.valid == white).mean() > 0.94  # polygons include the cells on their edge
            assert np.array_equal(sample.silhouettes, ~sample.valid) and sample.has_silhouette.tolist() == [True]


def test_points_outside_the_crop_lose_their_label():
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, 0], keypoints[0, 16] = (10, 10, 2), (300, 10, 2)
    sample = augment(
        np.zeros((320, 320, 3), np.uint8),
        record(keypoints, 320, 320),
        65,
        8,
        COCO,
        Augmentation(scale=(5, 5)),
        np.random.default_rng(0),
    )
    assert (sample.keypoints[..., 2] > 0).sum() <= 1


def test_batches_depend_on_seed_and_step_only(tmp_path):
    data = KeypointDataset(write_dataset(tmp_path / "set", 4))
    batches = BatchesByStep([data], [1.0], 3, 65, 8, Augmentation(), seed=7)
    with batch_loader(batches, 5, 8, workers=2) as loader:
        loaded = list(loader)
    for step, batch in zip(range(5, 8), loaded, strict=True):
        for a, b in zip(batch, batches[step], strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(batches[5].images, batches[6].images)
    other = BatchesByStep([data], [1.0], 3, 65, 8, Augmentation(), seed=8)
    assert not torch.equal(batches[5].images, other[5].images)


def test_weights_set_the_mix(tmp_path):
    sets = [KeypointDataset(write_dataset(tmp_path / n, 2, size=s)) for n, s in (("a", (192, 160)), ("b", (64, 48)))]
    batches = BatchesByStep(sets, [3.0, 1.0], 1, 65, 8, Augmentation(), seed=0)
    assert batches.share.tolist() == [0.75, 0.25]
    with pytest.raises(ValueError, match="expected 2 positive weights"):
        BatchesByStep(sets, [1.0], 1, 65, 8, Augmentation(), seed=0)


def test_damaged_photos_are_named_and_replaced(tmp_path):
    path = write_dataset(tmp_path / "set", 4)
    (tmp_path / "set" / "people" / "2.png").write_bytes(b"not a photo")
    batches = BatchesByStep([KeypointDataset(path)], [1.0], 8, 65, 8, Augmentation(), seed=0)
    with pytest.warns(UserWarning, match=r"left out of training: .*2\.png"):
        assert len(batches[0].images) == 8
    for i in (0, 1, 3):
        (tmp_path / "set" / "people" / f"{i}.png").unlink()
    with pytest.warns(UserWarning), pytest.raises(ImageError, match="10 photos in a row cannot be opened"):
        batches[1]
