"""Sizes that need more memory than there is are refused before the kernel ends the process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from strongpose import ModelError, StrongPose
from strongpose._util.memory import available_memory
from strongpose.inference import field_finder
from strongpose.inference.field_finder import BYTES_PER_PIXEL


def files(root, **contents):
    for name, text in contents.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_least_of_machine_and_container_is_free(tmp_path):
    assert available_memory(tmp_path / "nothing") is None
    machine = files(tmp_path / "a", proc__meminfo="MemTotal: 9 kB\nMemAvailable:    5000 kB\n")
    assert available_memory(machine) == 5000 * 1024
    second = files(machine, proc__self__cgroup="0::/job\n", sys__fs__cgroup__job__memoryDOTmax="max\n")
    assert available_memory(second) == 5000 * 1024
    files(
        second,
        sys__fs__cgroup__job__memoryDOTmax="900000\n",
        sys__fs__cgroup__job__memoryDOTcurrent="500000\n",
        sys__fs__cgroup__job__memoryDOTstat="anon 7\ninactive_file 100000\n",
    )
    assert available_memory(second) == 500_000
    files(
        second,
        sys__fs__cgroup__memoryDOTmax="700000\n",  # of a group around it, which others fill, too
        sys__fs__cgroup__memoryDOTcurrent="600000\n",
    )
    assert available_memory(second) == 100_000
    first = files(
        tmp_path / "b",
        proc__self__cgroup="5:cpu:/\n4:memory:/job\n0::/\n",
        sys__fs__cgroup__memory__memoryDOTlimit_in_bytes="800",  # of the mount: the group is not seen from inside
        sys__fs__cgroup__memory__memoryDOTusage_in_bytes="900",
    )
    assert available_memory(first) == 0


@pytest.fixture
def model(tiny_model):
    return StrongPose.from_pretrained(tiny_model, size=129, runtime="onnx", threads=1)


def test_more_than_there_is_is_refused_with_a_size_that_fits(model, monkeypatch):
    photo = np.zeros((100, 200, 3), np.uint8)
    monkeypatch.setattr(field_finder, "available_memory", lambda: 4_000_000_000)
    large = StrongPose(model.runtime, (129, 20000))
    line = r"^size 20000 takes about 80\.0 GB of memory, and 4\.0 GB are free; choose a size of at most 4472$"
    for call in (large, large.fit, large.fields, lambda photo: next(large.predict_many([photo]))):
        with pytest.raises(ModelError, match=line):
            call(photo)
    with pytest.raises(ModelError, match=r"^size 20000 with flip takes about 160\.0 GB"):
        StrongPose(model.runtime, 20000, flip=True)(photo)


def test_batches_count_and_what_ran_before_runs_again(model, monkeypatch):
    photo = np.zeros((128, 128, 3), np.uint8)
    free = 2.5 * BYTES_PER_PIXEL * 129 * 129
    monkeypatch.setattr(field_finder, "available_memory", lambda: free)
    assert len(list(model.predict_many([photo] * 3, batch=2))) == 3
    with pytest.raises(ModelError, match=r"^size 129 in batches of 4 takes .* at most 101, or a smaller batch$"):
        list(model.predict_many([photo] * 4, batch=4))
    free = 0  # the network holds it now
    assert len(list(model.predict_many([photo] * 3, batch=2))) == 3
    monkeypatch.setattr(field_finder, "available_memory", lambda: None)
    assert len(list(model.predict_many([photo] * 4, batch=4))) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_predict_says_so_in_one_line(strongpose, photos, tmp_path):
    done = strongpose("predict", photos / "group.jpg", "--out", tmp_path, "--size", 60000)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "size 60000 takes about 504" in done.stderr, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("runtime", "size"), [("onnx", 801), ("openvino", 801)])
def test_the_packaged_models_take_no_more(photos, runtime, size):
    code = f"""
import numpy as np
from strongpose import StrongPose

def kilobytes(entry):
    return int(next(line for line in open("/proc/self/status") if line.startswith(entry)).split()[1])

model = StrongPose.from_pretrained(size={size}, runtime={runtime!r}, threads=1)
before = kilobytes("VmRSS")
model(np.random.default_rng(0).integers(0, 256, ({size}, {size}, 3), dtype=np.uint8))
print((kilobytes("VmHWM") - before) * 1024 / {size} ** 2)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 100 < float(done.stdout) < BYTES_PER_PIXEL
