"""What the batch tests share: one Ray for all of them, photos of people, and a job on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from strongpose.batch import Job
from strongpose.batch.worker import describe_estimator
from strongpose.inference import StrongPose


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a Ray of two CPUs, which lives as long as a process of its own.

    Ray ends processes that lose their cluster, so none of the tests' own may join one.
    """
    code = (
        "import ray, sys; from strongpose.batch.engine import connect; assert connect('local', 2) == 2;"
        "print(ray.get_runtime_context().gcs_address, flush=True); sys.stdin.read()"
    )
    os.environ["RAY_worker_niceness"] = "0"  # so that other programs do not stop the tests
    os.environ["RAY_AUTH_MODE"] = "disabled"  # else a token that only the keeper has
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdin is not None and keeper.stdout is not None
        address = keeper.stdout.readline().strip()
        assert address, "Ray did not start"
        yield address
        keeper.stdin.close()


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A folder with 48 photos of three people in folders, no two of the same width, one of them cut short."""
    folder = tmp_path_factory.mktemp("crowd")
    with Image.open(photos / "group.jpg") as group:
        for i in range(48):
            path = folder / f"{i // 16}" / f"{i:02}.jpg"
            path.parent.mkdir(exist_ok=True)
            group.resize((400 + i, 141)).save(path)
    cut = folder / "2" / "33.jpg"
    cut.write_bytes(cut.read_bytes()[:5000])
    return folder


@pytest.fixture(scope="session")
def small_estimator() -> StrongPose:
    return StrongPose.from_pretrained(size=161, threads=1, runtime="onnx")


@pytest.fixture(scope="session")
def job_on(small_estimator: StrongPose) -> Callable[..., Job]:
    """Makes jobs: ``job_on(input, part_size=8)``."""

    def make(source: Path, part_size: int = 8, column: str = "path", key: str = "") -> Job:
        facts = describe_estimator(small_estimator, "base")
        return Job(str(source), "photos", column, key, part_size, "base", "onnx", 0.25, facts)

    return make
