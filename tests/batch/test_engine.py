"""No photo is lost or done twice when a process or the whole job is killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from strongpose.batch import begin_job, done_parts


def names_in(output: Path) -> list[str]:
    return [name for path in sorted(output.glob("part-*")) for name in pq.read_table(path)["photo"].to_pylist()]


def photos_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))


# Connects to the cluster, does all parts, kills a process after its part, the second, and prints every report.
DRIVER = """
import json, os, signal, sys, time
from pathlib import Path
from strongpose.batch import Job, begin_job
from strongpose.batch.engine import connect, run_parts
connect(sys.argv[1], 2)
output = Path(sys.argv[2])
job, parts = begin_job(output, Job(**json.loads(sys.argv[3])))
for done, report in enumerate(run_parts(job, output, parts, actors=2, threads=1), start=1):
    print("report", report.number, report.pid, flush=True)
    if done == 2:
        time.sleep(0.05)  # by now it works on the next part
        os.kill(report.pid, signal.SIGKILL)
"""


def test_a_killed_process_is_started_again_with_its_part(cluster, crowd, job_on, tmp_path):
    job, parts = begin_job(tmp_path, job_on(crowd))
    assert len(parts) == 6
    command = [sys.executable, "-c", DRIVER, cluster, str(tmp_path), json.dumps(asdict(job))]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    reports = re.findall(r"report (\d+) (\d+)", run.stdout)  # Ray prints, too, at times into the same line
    numbers, pids = zip(*([int(value) for value in report] for report in reports), strict=True)
    assert sorted(numbers) == list(range(6))
    assert set(pids[2:]) - set(pids[:2]), "the part of the killed process was not done by a new one"
    assert names_in(tmp_path) == photos_in(crowd)
    assert done_parts(tmp_path, job, parts) == set(range(6))


def test_a_killed_job_goes_on_where_it_was(cluster, crowd, tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, "-m", "strongpose.cli", "batch", crowd, output, "--size", "161", "--part-size", "8"]
    command += ["--runtime", "onnx", "--actors", "2", "--address", cluster]
    first = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while len(list(output.glob("part-*"))) < 2 and time.monotonic() < until and first.poll() is None:
        time.sleep(0.02)
    first.kill()
    _, errors = first.communicate()
    assert first.returncode == -signal.SIGKILL, errors.decode()
    time.sleep(0.5)  # Ray ends the processes of the job
    written = {path: path.stat().st_mtime_ns for path in output.glob("part-*")}
    assert 2 <= len(written) < 6
    second = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=180)
    assert second.returncode == 0, second.stderr
    assert second.stderr.splitlines()[0] == f"strongpose: {len(written)} of 6 parts are done already"
    assert f"[{6 - len(written)}/{6 - len(written)}] part " in second.stderr
    assert "6 parts are complete" in second.stdout
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert names_in(output) == photos_in(crowd)
