import json
import tarfile

import numpy as np
import pytest
from pictures import write_dataset

from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import AnnotationError
from strongpose.skeleton import Skeleton


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "set", 3)


def changed(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_reads_people_and_photos(dataset):
    data = KeypointDataset(dataset)
    photo, record = data.open(1)
    assert len(data) == 3
    assert photo.shape == (160, 192, 3) and photo.dtype == np.uint8
    assert record.keypoints.shape == (2, 17, 3) and record.ignore == () and record.silhouettes == (None, None)


def test_reads_tar_shards_in_place(dataset):
    plain = KeypointDataset(dataset).open(2)[0]
    folder = dataset.with_suffix("")
    for shard, names in enumerate((["0.png"], ["1.png", "2.png"])):
        with tarfile.open(f"{folder}-{shard}.tar", "w") as archive:
            for name in names:
                archive.add(folder / name, f"people/{name}")
    folder.rename(folder.with_name("elsewhere"))
    assert np.array_equal(KeypointDataset(dataset).open(2)[0], plain)


def test_crowds_and_people_without_keypoints_are_ignored(dataset):
    def change(data):
        data["annotations"][0] |= {
            "iscrowd": 1,
            "segmentation": {"size": [160, 192], "counts": [160 * 20, 160, 160 * 171]},
        }
        data["annotations"][1] |= {"keypoints": [0] * 51, "num_keypoints": 0}
        data["annotations"][2] |= {"segmentation": [[10, 10, 60, 10, 60, 90]]}

    records = KeypointDataset(changed(dataset, change)).records
    assert len(records[0].keypoints) == 0
    assert records[0].ignore[0].mask.sum(0).nonzero()[0].tolist() == [20]  # counted down the columns
    assert len(records[1].keypoints) == 1 and len(records[1].ignore[0].polygons) == 1
    assert records[1].silhouettes[0].polygons[0].tolist() == [[10, 10], [60, 10], [60, 90]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "expected a list 'images'"),
        (
            lambda d: d["categories"][0].update(keypoints=["nose"]),
            "its keypoints are nose, but the model's are",
        ),
        (lambda d: d["annotations"][0].update(keypoints=[1, 2, 2]), "annotation 0 needs 51 keypoint values"),
        (
            lambda d: (d["images"][1].pop("width"), d["images"][1].update(file_name="no.png")),
            "image 1 has no size, and .*no.png: no such file",
        ),
        (lambda d: d.update(annotations=[]), "no photo has an annotated person"),
    ],
)
def test_damaged_annotations_name_the_file(dataset, change, message):
    with pytest.raises(AnnotationError, match=message) as error:
        KeypointDataset(changed(dataset, change))
    assert str(dataset) in str(error.value)


def test_not_json(tmp_path):
    path = tmp_path / "broken.json"
    path.write_text('{"images": [')
    with pytest.raises(AnnotationError, match=r"broken\.json, line 1: not JSON, or cut short"):
        KeypointDataset(path)
    with pytest.raises(AnnotationError, match=r"gone\.json: no such file"):
        KeypointDataset(tmp_path / "gone.json")


def test_no_photos(dataset):
    dataset.with_suffix("").rename(dataset.with_name("elsewhere"))
    with pytest.raises(
        AnnotationError, match=r"its photos are not beside it, in .*/ or images/; name their folder with"
    ):
        KeypointDataset(dataset)
    with pytest.raises(FileNotFoundError, match="neither the folder"):
        KeypointDataset(dataset, dataset.with_name("nowhere"))


def test_another_skeleton(dataset):
    stick = Skeleton("stick", ("top", "bottom"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))

    def change(data):
        data["categories"][0]["keypoints"] = ["top", "bottom"]
        for annotation in data["annotations"]:
            annotation["keypoints"] = annotation["keypoints"][:6]

    assert KeypointDataset(changed(dataset, change), skeleton=stick).records[0].keypoints.shape == (1, 2, 3)
