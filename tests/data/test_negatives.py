"""Photos on which nobody is annotated."""

import json
import math

import numpy as np
import pytest
import torch
from pictures import write_dataset

from strongpose.data.augment import Augmentation
from strongpose.data.batches import BatchesByStep
from strongpose.data.coco import KeypointDataset
from strongpose.encode import encode
from strongpose.skeleton import COCO
from strongpose.training.recipe import TrainConfig


class Watched(KeypointDataset):
    """Notes the first letter of every photo's name as it is opened."""

    def open(self, index):
        photo, record = super().open(index)
        self.seen.append(self.path.parent.name + record.file_name[0])
        return photo, record


@pytest.fixture
def sets(tmp_path):
    """Two sets of six photos each; nobody is annotated on the photos 1, 3 and 5."""
    sets = []
    for name in "ab":
        path = write_dataset(tmp_path / name, 6)
        data = json.loads(path.read_text())
        data["annotations"] = [a for a in data["annotations"] if a["image_id"] % 2 == 0]
        path.write_text(json.dumps(data))
        sets.append(Watched(path))
        sets[-1].seen = sets[0].seen if name == "b" else []
    return sets


def drawn(sets, **more):
    """The photos of the steps 5 and 6, and the sums of their crops' values."""
    sets[0].seen.clear()
    batches = BatchesByStep(sets, [2.0, 1.0], 6, 65, 8, Augmentation(), seed=7, **more)
    return [int(batches[step].images.long().sum()) for step in (5, 6)], " ".join(sets[0].seen)


def test_are_records_without_people_behind_the_others(sets):
    data = sets[0]
    assert len(data) == len(data.records) == 3
    assert [record.file_name for record in data.negatives] == ["1.png", "3.png", "5.png"]
    assert data.negatives[0].keypoints.shape == (0, 17, 3) and data.negatives[0].ignore == ()
    photo, record = data.open(4)
    assert photo.shape == (160, 192, 3) and record is data.negatives[1]


def test_none_are_drawn_unless_asked_for_and_the_random_stream_is_as_ever(sets):
    expected = [7110609, 7840376], "a4 a4 b2 a2 a0 a2 a4 a4 a0 a0 a4 a2"
    assert drawn(sets) == drawn(sets, negatives=0.0) == expected


def test_are_drawn_when_asked_for_and_the_same_again(sets):
    expected = [7910022, 6607879], "a0 a0 b4 a1 a4 a5 a2 a3 a0 a1 a1 a4"
    assert drawn(sets, negatives=1.0) == drawn(sets, negatives=1.0) == expected


def test_are_as_likely_as_told(sets):
    batches = BatchesByStep(sets, [1.0, 1.0], 400, 33, 8, Augmentation(), seed=0, negatives=0.5)
    batches[0]
    share = np.mean([int(name[1]) % 2 for name in sets[0].seen])
    assert abs(share - 1 / 3) < 0.06  # three photos, half as likely as three others
    sets[1].negatives.clear()
    batches = BatchesByStep(sets, [1.0, 1.0], 1, 33, 8, Augmentation(), seed=0, negatives=2.0)
    assert batches.share.tolist() == [0.75, 0.25]


def test_teach_that_nobody_is_there(sets):
    sets[0].records[:] = sets[0].negatives
    batch = BatchesByStep(sets[:1], [1.0], 4, 65, 8, Augmentation(), seed=0)[0]
    assert batch.keypoints.shape == (4, 1, 17, 3) and not batch.keypoints.any()
    targets = encode(batch.keypoints, (9, 9), 8, COCO, 12.0, batch.valid, batch.silhouettes, batch.has_silhouette)
    assert targets.valid.all() and not targets.body.any() and not targets.heatmaps.any()
    assert torch.isfinite(targets.offsets).all()


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_must_be_finite_and_not_negative(sets, value):
    with pytest.raises(ValueError, match="--negatives must be finite and not negative"):
        TrainConfig(data=("people.json",), negatives=value)
    with pytest.raises(ValueError, match="the weight of negatives must be finite and not negative"):
        BatchesByStep(sets, [1.0, 1.0], 1, 65, 8, Augmentation(), seed=0, negatives=value)
