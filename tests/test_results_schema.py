"""Every verb writes people in one layout: docs/results.schema.json describes it, and `Poses.from_json` reads it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator, ValidationError
from PIL import Image

from strongpose import COCO, Poses

sys.path.insert(0, str(Path(__file__).parent / "serve"))

from starting import started

REPOSITORY = Path(__file__).parents[1]
SCHEMA = json.loads((REPOSITORY / "docs" / "results.schema.json").read_text(encoding="utf-8"))
OPTIONS = ("--size", 161, "--runtime", "onnx")
PERSON = {"score", "box", "keypoints"}


def check(result: dict, facts: set[str], person: set[str] = PERSON) -> list[dict]:
    """The people in a result, which must be valid, hold these facts and no others, and be read back."""
    Draft202012Validator(SCHEMA).validate(result)
    assert set(result) == {"version", "people", *facts}
    assert all(set(one) == person for one in result["people"])
    if "skeleton" in result:
        poses = Poses.from_json(json.dumps(result))
        assert [list(one["keypoints"]) for one in result["people"]] == [list(poses.skeleton.names)] * len(poses)
    return result["people"]


@pytest.fixture(scope="module")
def predicted(strongpose, photos, tmp_path_factory) -> dict:
    out = tmp_path_factory.mktemp("predicted")
    run = strongpose("predict", photos / "group.jpg", "--out", out, "--threads", 1, "--bodies", *OPTIONS)
    assert run.returncode == 0, run.stderr
    return json.loads((out / "group.poses.json").read_text())


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_predict(predicted):
    people = check(predicted, {"photo", "width", "height", "run", "skeleton"}, PERSON | {"body"})
    assert len(people) >= 2


def test_serve(predicted, photos, tmp_path):
    with started(tmp_path / "log", "--threads", 1, *OPTIONS) as server:
        answer = server.client.post("/api/poses", (photos / "group.jpg").read_bytes())
    assert answer.status == 200
    people = check(answer.json, {"width", "height", "model", "skeleton", "timings_ms"})
    assert people == [{key: one[key] for key in PERSON} for one in predicted["people"]]


def test_video(strongpose, photos, tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "clip.mp4"), "w") as clip, Image.open(photos / "group.jpg") as photo:
        stream = clip.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 800, 280, "yuv420p"
        for frame in 5 * [photo.resize((800, 280))]:
            clip.mux(stream.encode(av.VideoFrame.from_image(frame)))
        clip.mux(stream.encode())
    run = strongpose("video", tmp_path / "clip.mp4", "--out", tmp_path, "--threads", 1, *OPTIONS)
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in (tmp_path / "clip.poses.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(5))
    people = [check(line, {"frame", "time"}, PERSON | {"id"}) for line in lines]
    assert len(people[0]) >= 2
    assert list(people[0][0]["keypoints"]) == list(COCO.names)


def test_batch(predicted, strongpose_process, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", "0")  # so that other programs do not stop the test
    source, out = tmp_path / "photos", tmp_path / "out"
    source.mkdir()
    (source / "group.jpg").write_bytes((photos / "group.jpg").read_bytes())
    run = strongpose_process("batch", source, out, "--actors", 1, *OPTIONS)
    assert run.returncode == 0, run.stderr
    table = pq.read_table(out)
    about = json.loads(table.schema.metadata[b"strongpose"])
    [row] = table.to_pylist()
    assert (row.pop("status"), row.pop("error")) == ("ok", None)
    result = {"version": about["version"], "skeleton": about["skeleton"], **row}
    people = check(result, {"photo", "width", "height", "skeleton"})
    for one, other in zip(people, predicted["people"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-6)
        assert one["box"] == pytest.approx(other["box"], abs=1e-3)
        assert one["keypoints"]["nose"] == pytest.approx(other["keypoints"]["nose"], abs=1e-3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda result: result.pop("version"),
        lambda result: result.update(version=2),
        lambda result: result.pop("skeleton"),
        lambda result: result.update(poses=result.pop("people")),
        lambda result: result["people"][0].update(bbox=result["people"][0].pop("box")),
        lambda result: result["people"][0].update(bbox=[0, 0, 1, 1]),
        lambda result: result["people"][0]["box"].pop(),
        lambda result: result["people"][0].update(keypoints=[1.0] * 51),
        lambda result: result["people"][0]["keypoints"].update(nose=[1.0, 2.0]),
        lambda result: result["people"][0].update(area=7),
        lambda result: result["people"][0]["body"].update(bbox=[0, 0, 1, 1]),
    ],
)
def test_other_layouts_are_found_out(predicted, damage):
    result = json.loads(json.dumps(predicted))
    damage(result)
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(result)
