"""A job begins once, goes on as it was, and does not mix with another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from strongpose.batch import begin_job, done_parts
from strongpose.batch.job import LISTING, MANIFEST
from strongpose.batch.rows import Row, to_parquet
from strongpose.exceptions import BatchError
from strongpose.skeleton import COCO


@pytest.fixture
def job(tmp_path, job_on):
    for i in range(5):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.png")
    return job_on(tmp_path, part_size=2)


def test_a_job_goes_on_with_its_parts_though_the_folder_has_changed(job, tmp_path):
    begun, parts = begin_job(tmp_path / "out", job)
    assert begun == job and [part.rows for part in parts] == [2, 2, 1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {MANIFEST, LISTING}
    Image.new("RGB", (20, 20)).save(tmp_path / "0a.png")
    assert begin_job(tmp_path / "out", job) == (begun, parts)


def test_another_job_is_refused_and_the_difference_named(job, tmp_path):
    begin_job(tmp_path / "out", job)
    for other, difference in (
        (replace(job, threshold=0.5), r"its threshold is 0.25, now it is 0.5"),
        (replace(job, input="/x"), r"its input is '.*', now it is '/x'"),
        (replace(job, part_size=3), r"its part_size is 2, now it is 3"),
        (replace(job, estimator={**job.estimator, "model": "abc"}), r"its model's sha256 is '\w{64}', now it is 'abc'"),
        (
            replace(job, estimator={**job.estimator, "merged_sizes": [97]}),
            r"its merged_sizes is \[161\], now it is \[97\]",
        ),
    ):
        with pytest.raises(BatchError, match=r"out: holds another job.*" + difference):
            begin_job(tmp_path / "out", other)
    with pytest.raises(BatchError, match="its kind is 'photos', now it is 'tar'"):
        begin_job(tmp_path / "out", job, "tar")
    begin_job(tmp_path / "out", replace(job, model="/elsewhere/base.onnx"))  # of the same content


def test_only_whole_files_of_the_job_count_as_done(job, tmp_path):
    out = tmp_path / "out"
    _, parts = begin_job(out, job)
    rows = [Row("a", "unreadable", "why"), Row("b", "unreadable", "why")]
    about = {"estimator": job.estimator}
    (out / parts[1].name).write_bytes(to_parquet(rows, COCO, about))
    (out / ".part-000000.parquet.x1").write_bytes(b"left by a process that was killed")
    assert done_parts(out, job, parts) == {1}
    (out / parts[0].name).write_bytes(to_parquet(rows, COCO, about)[:-9])
    with pytest.raises(BatchError, match=r"part-000000.parquet: damaged .*remove it"):
        done_parts(out, job, parts)
    for content in (to_parquet(rows[:1], COCO, about), to_parquet(rows, COCO, {"estimator": {}})):
        (out / parts[0].name).write_bytes(content)
        with pytest.raises(BatchError, match=r"part-000000.parquet: is not of this job"):
            done_parts(out, job, parts)


def test_parts_without_a_manifest_and_damaged_manifests_are_refused(job, tmp_path):
    out = tmp_path / "out"
    begin_job(out, job)
    (out / MANIFEST).write_text('{"job": {}')
    with pytest.raises(BatchError, match=r"_manifest.json: damaged"):
        begin_job(out, job)
    (out / MANIFEST).unlink()
    (out / "part-000000.parquet").touch()
    with pytest.raises(BatchError, match=r"part-000000.parquet: there are parts, but no _manifest.json"):
        begin_job(out, job)
