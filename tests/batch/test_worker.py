"""A worker writes a part whole: the poses of its photos, and what is wrong with the others."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from strongpose.batch import begin_job
from strongpose.batch.worker import PartWorker


def test_a_part_holds_the_poses_of_one_photo_at_a_time_and_the_reasons(crowd, job_on, small_estimator, tmp_path):
    job, parts = begin_job(tmp_path, job_on(crowd, part_size=3))
    part = next(part for part in parts if part.first == 33)
    report = PartWorker(job, str(tmp_path), 1).do(part)
    assert (report.number, report.photos, report.bad, report.error) == (11, 3, 1, None)
    table = pq.read_table(tmp_path / "part-000011.parquet")
    cut, *sound = table.to_pylist()
    assert cut.pop("error").startswith(f"{crowd}/2/33.jpg: damaged or cut short")
    assert cut == {"photo": "2/33.jpg", "width": None, "height": None, "status": "unreadable", "people": []}
    for i, row in enumerate(sound, start=34):
        assert (row["photo"], row["status"], row["error"]) == (f"2/{i}.jpg", "ok", None)
        assert (row["width"], row["height"]) == (400 + i, 141)
        expected = small_estimator(crowd / row["photo"])
        expected = expected[expected.scores >= 0.25]
        assert len(row["people"]) == len(expected) >= 1
        for person, pose in zip(row["people"], expected, strict=True):
            assert person["score"] == pytest.approx(pose.score, abs=1e-6)
            np.testing.assert_allclose(person["box"], pose.box, atol=6e-4)
            assert tuple(person["keypoints"]) == pose.skeleton.names
            np.testing.assert_allclose(list(person["keypoints"].values()), pose.keypoints, atol=6e-4)
    assert report.people == sum(len(row["people"]) for row in sound)
    about = json.loads(table.schema.metadata[b"strongpose"])
    assert about["estimator"] == job.estimator and about["model"] == "base"
    assert len(about["estimator"]["model"]) == 64 and about["estimator"]["strongpose"] == "0.1.0"
    assert about["version"] == 1
    assert about["skeleton"]["names"][0] == "nose" and "ONNX Runtime" in about["runtime"]


def test_another_model_than_the_jobs_is_reported_and_nothing_written(crowd, job_on, tmp_path):
    job, parts = begin_job(tmp_path, job_on(crowd))
    other = replace(job, estimator={**job.estimator, "model": "0" * 64})
    report = PartWorker(other, str(tmp_path), 1).do(parts[0])
    assert "model is " in report.error and "install the same version" in report.error
    assert not list(tmp_path.glob("part-*"))
