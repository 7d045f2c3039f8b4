"""What the machine says about itself, against what this process can know."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from strongpose.benchmarking import this_machine
from strongpose.benchmarking.machine import busy_seconds, peak_memory_mb

REPOSITORY = Path(__file__).parents[2]


def test_machine_and_versions():
    machine = this_machine()
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.memory_gb is None or machine.memory_gb > 0.5
    assert machine.python == platform.python_version()
    assert machine.numpy == np.__version__


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a checkout")
def test_in_a_checkout_the_version_is_its_commit():
    commit = subprocess.run(
        ["git", "-C", REPOSITORY, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert this_machine().version.removesuffix("-dirty").endswith(commit)


def test_peak_memory_grows_with_what_is_held():
    code = """
from strongpose.benchmarking.machine import peak_memory_mb
import numpy as np
before = peak_memory_mb()
np.ones(12_500_000)  # 100 MB
print(peak_memory_mb() - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) == pytest.approx(100, rel=0.05)
    assert peak_memory_mb() > 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_busy_time_counts_this_process():
    before, own = busy_seconds(), time.process_time()
    while time.process_time() - own < 0.3:
        pass
    assert busy_seconds() - before >= 0.2
