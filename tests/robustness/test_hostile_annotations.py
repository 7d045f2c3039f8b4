"""Annotation, result and skeleton files with every field missing, wrong or huge: taken, or refused in one line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from damaged_annotations import DAMAGED_TEXTS, mutations, small_annotations
from harness import is_one_line, try_all

from strongpose.annotations import load_annotations
from strongpose.commands.check import check
from strongpose.commands.convert import convert
from strongpose.commands.diagnose import diagnose
from strongpose.commands.estimator_options import EstimatorOptions
from strongpose.commands.evaluate import evaluate
from strongpose.data.check import check_data_set
from strongpose.data.coco import KeypointDataset
from strongpose.data.convert import read_coco
from strongpose.evaluation import evaluate_results
from strongpose.exceptions import AnnotationError, ConversionError, ImageError
from strongpose.skeleton import COCO
from strongpose.skeletons import load_skeleton


@pytest.fixture
def data_set(tmp_path) -> tuple[Path, dict[str, Any]]:
    """An annotation file of two drawn photos, with a polygon and a run-length mask, and its content."""
    return small_annotations(tmp_path / "set")


def written(path: Path, document: Any) -> Path:
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def load_to_evaluate(path: Path, results: list[dict[str, Any]]) -> None:
    """What `strongpose evaluate` does, but for the network."""
    data = load_annotations(path, COCO)
    known = {image["id"] for image in data["images"]}
    evaluate_results([result for result in results if result["image_id"] in known], data, COCO.sigmas)


def load_to_train(path: Path) -> None:
    photos = KeypointDataset(path, path.parent / "people")
    for index in range(len(photos)):
        photos.open(index)


@pytest.mark.parametrize(
    ("load", "refusals"),
    [
        (load_to_evaluate, (AnnotationError,)),
        (load_to_train, (AnnotationError, ImageError)),
        (lambda path: check_data_set(path, path.parent / "people"), (AnnotationError,)),
        (read_coco, (AnnotationError, ConversionError)),
    ],
    ids=["evaluate", "train", "data check", "data convert"],
)
@pytest.mark.filterwarnings("error")
def test_every_mutation_of_an_annotation_file_is_taken_or_refused_in_one_line(data_set, load, refusals):
    path, data = data_set
    people = [{key: person[key] for key in ("image_id", "category_id", "keypoints")} for person in data["annotations"]]
    if load is load_to_evaluate:
        load = partial(load, results=[{**person, "score": 0.5} for person in people])
    load(path)  # the file is right before it is damaged
    bad = path.with_name("bad.json")
    cases = [*DAMAGED_TEXTS.items(), *mutations(data, lambda number: number % 2 == 0)]
    tally = try_all(cases, lambda content: load(written(bad, content)), f"{path.parent}/", refusals)
    assert tally.wrong == []
    assert tally.counts["taken"] > 50
    assert tally.counts["refused"] > 50


@pytest.mark.filterwarnings("error")
def test_commands_say_one_line_about_damaged_annotations(data_set, tiny_model, tmp_path, capsys):
    path, data = data_set
    images, bad, results = path.parent / "people", path.with_name("bad.json"), tmp_path / "results.json"
    network = EstimatorOptions(str(tiny_model), (33,), threads=1, runtime="onnx")
    written(results, [])
    commands = (
        lambda: evaluate((bad,), images=(images,), network=network),
        lambda: diagnose(bad, images=images, out=tmp_path / "errors", results=results, network=network),
        lambda: check(bad, images=images, out=tmp_path / "check"),
    )
    taken = 0
    for number, (what, content) in enumerate([*DAMAGED_TEXTS.items(), *mutations(data, lambda n: n % 23 == 0)]):
        written(bad, content)
        status = commands[number % len(commands)]()
        said = capsys.readouterr()
        lines = said.err.splitlines()
        if status == 0 or said.out:
            taken += 1
            assert all(is_one_line(line, "bad.json") for line in lines), what  # what was filled in or left out
        else:
            assert lines[-1].startswith("strongpose: ") and all(is_one_line(line, "bad.json") for line in lines), what
    assert taken > 10


@pytest.mark.parametrize("source", ["coco", "crowdpose", "mpii", "ochuman", "posetrack"])
def test_converting_says_one_line_about_damaged_annotations(data_set, tmp_path, capsys, source):
    path, data = data_set
    documents = {
        "coco": data,
        "crowdpose": {**data, "categories": [{"id": 1, "keypoints": list(load_skeleton("crowdpose14").names)}]},
        "mpii": [{"image": "0.png", "joints": [[1, 2]] * 16, "joints_vis": [1] * 16}],
        "ochuman": {
            "images": [{"file_name": "0.png", "width": 48, "height": 40, "annotations": [{"bbox": [1, 2, 3, 4]}]}],
            "keypoint_names": ["left_hand"],
            "keypoint_visible": {"missing": 0, "vis": 1, "self_occluded": 2, "others_occluded": 3},
        },
        "posetrack": data,
    }
    bad, images, out = path.with_name("bad.json"), path.parent / "people", tmp_path / "out.json"
    for what, content in [*DAMAGED_TEXTS.items(), *mutations(documents[source], lambda number: number % 7 == 0)]:
        written(bad, content)
        status = convert(bad, source=source, out=out, images=images)
        lines = capsys.readouterr().err.splitlines()
        assert status == 0 or (len(lines) == 1 and is_one_line(lines[0], f"{path.parent}/")), (what, lines)


@pytest.mark.filterwarnings("error")
def test_every_mutation_of_a_result_file_is_taken_or_refused_in_one_line(data_set, tiny_model, tmp_path, capsys):
    path, data = data_set
    results = [
        {"image_id": person["image_id"], "category_id": 1, "keypoints": person["keypoints"], "score": 0.5}
        for person in data["annotations"]
    ]
    bad, taken = tmp_path / "results.json", 0
    for what, content in [*DAMAGED_TEXTS.items(), *mutations(results, lambda number: number % 5 == 0)]:
        written(bad, content)
        network = EstimatorOptions(str(tiny_model), threads=1, runtime="onnx")
        status = diagnose(path, images=path.parent / "people", out=tmp_path / "out", results=bad, network=network)
        lines = capsys.readouterr().err.splitlines()
        taken += status == 0
        assert status == 0 or (len(lines) == 1 and is_one_line(lines[0], "results.json")), what
    assert taken > 5


def test_the_command_line_says_one_line(strongpose, data_set, tiny_model, tmp_path):
    path, data = data_set
    images, bad = path.parent / "people", path.with_name("bad.json")
    data["annotations"][0]["keypoints"][0] = float("nan")
    damaged = written(tmp_path / "results.json", DAMAGED_TEXTS["nested a million deep"])
    network = ("--model", tiny_model, "--size", 33, "--threads", 1, "--runtime", "onnx")
    for content, named, arguments in (
        (data, bad, ("evaluate", bad, "--images", images, *network)),
        (
            data,
            damaged,
            ("diagnose", path, "--images", images, "--results", damaged, "--out", tmp_path / "out", *network),
        ),
        (DAMAGED_TEXTS["a pickle"], bad, ("data", "check", bad, "--images", images)),
        (data, bad, ("train", "--data", bad, "--images", images, "--out", tmp_path / "run", "--device", "cpu")),
    ):
        written(bad, content)
        run = strongpose(*arguments)
        assert run.returncode == 1, arguments
        assert run.stdout == "" and run.stderr.startswith(f"strongpose: {named}"), run.stderr
        assert is_one_line(run.stderr, str(named)), run.stderr


def test_every_mutation_of_a_skeleton_file_is_taken_or_refused_in_one_line(tmp_path):
    cases = [*DAMAGED_TEXTS.items(), *mutations(load_skeleton("lsp14").to_dict())]
    paths = {}
    for number, (what, content) in enumerate(cases):
        (tmp_path / str(number)).mkdir()  # skeletons are remembered by path
        paths[what] = written(tmp_path / str(number) / "bad.json", content)
    tally = try_all(paths.items(), lambda path: load_skeleton(str(path)), "bad.json", (ValueError,))
    assert tally.wrong == []
    assert tally.counts["refused"] > 150


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["images"][0].update(id=[]), "image 0 needs 'id' and 'file_name'"),
        (lambda d: d["images"][0].update(file_name=7), "image 0 needs 'id' and 'file_name'"),
        (lambda d: d["annotations"][0].update(area=float("nan")), "annotation 0 needs a number 'area'"),
        (lambda d: d["annotations"][0]["bbox"].__setitem__(2, float("inf")), "annotation 0 needs 'bbox', four numbers"),
        (lambda d: d["annotations"][0]["keypoints"].__setitem__(0, 10**400), "annotation 0: its keypoints are not all"),
        (lambda d: d["annotations"][0].update(iscrowd="x"), "annotation 0: 'iscrowd' must be 0 or 1"),
        (lambda d: d["categories"][0].update(keypoints=5), "'keypoints' of a category must be a list of names"),
    ],
)
def test_what_cannot_be_evaluated_is_said(data_set, change, message):
    path, data = data_set
    change(data)
    with pytest.raises(AnnotationError, match=message):
        load_annotations(written(path, data), COCO)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["annotations"][0]["keypoints"].__setitem__(0, float("nan")), "keypoints are not all numbers"),
        (lambda d: d["annotations"][0]["keypoints"].__setitem__(0, 1e308), "keypoints are not all numbers"),
        (lambda d: d["images"][0].update(width=float("inf")), "image 0 needs a number of pixels as 'width'"),
        (lambda d: d["images"][0].update(width=0.5), "image 0 cannot have 0.5×40 pixels"),
        (lambda d: d["annotations"][1]["segmentation"].update(size=[40, 10**9]), "a mask of .* for a photo of"),
        (lambda d: d["annotations"][1]["segmentation"].update(counts=[10, 10**12]), "must add up to 1920 pixels"),
        (lambda d: d["annotations"][1]["segmentation"].update(counts=[-5, 1925]), "must add up to 1920 pixels"),
        (lambda d: d["annotations"][1]["segmentation"].update(counts="oooooooooooooooo"), "mask are damaged"),
        (lambda d: d["annotations"][1]["segmentation"].update(counts="o"), "mask are cut short"),
    ],
)
def test_what_cannot_be_trained_on_is_said(data_set, change, message):
    path, data = data_set
    change(data)
    with pytest.raises(AnnotationError, match=message) as caught:
        KeypointDataset(written(path, data), path.parent / "people")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("counts", "packed", "ones"),
    [([205, 5, 1000, 710], "]65Xo0Qf0", 715), ([205, 5, 100, 700, 910], "]65T3ge0Zi0", 705)],
)
def test_masks_are_read_as_coco_packs_them(data_set, counts, packed, ones):
    """The packed texts are those of COCO's own mask API."""
    path, data = data_set
    masks = []
    for written_as in (counts, packed):
        data["annotations"][1]["segmentation"]["counts"] = written_as
        masks.append(KeypointDataset(written(path, data), path.parent / "people").records[1].ignore[0].mask)
    assert masks[0].shape == (40, 48)
    assert masks[0].sum() == ones
    assert masks[0][5:10, 5].tolist() == [1] * 5  # down the columns: pixel 205 is row 5 of column 5
    assert (masks[0] == masks[1]).all()


def test_a_damaged_shard_is_named(tmp_path):
    path, _ = small_annotations(tmp_path / "set")
    (path.parent / "people").rename(path.parent / "elsewhere")
    (path.parent / "people-0.tar").write_bytes(b"\xff" * 2000)
    with pytest.raises(ImageError, match=r"people-0\.tar: not a tar archive, or damaged"):
        KeypointDataset(path)
