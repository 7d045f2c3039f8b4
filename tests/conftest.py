"""What several tests share: the data-set folder, the sample photos, and the command line."""

from __future__ import annotations

import gc
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

import numpy as np
import pytest

REPOSITORY = Path(__file__).parent.parent

_IS_ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ
if _IS_ONE_OF_SEVERAL:  # with one thread each: those of several processes would wait for one another's cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

gc.set_threshold(20_000, 20, 20)  # not after every 700 objects, of which exporting a network makes millions

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; the commands would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Takes back how many threads a test gave PyTorch, as that holds for the whole process."""
    yield
    if _IS_ONE_OF_SEVERAL and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the data sets, from the environment variable STRONGPOSE_DATA; skips without it."""
    folder = Path(os.environ.get("STRONGPOSE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "coco-tune" / "annotations.json").is_file():
        pytest.skip(f"no data sets in {folder}; name their folder in STRONGPOSE_DATA")
    return folder


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of the sample photos."""
    return REPOSITORY / "tests" / "photos"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .onnx model with random weights, exported as a user would: it runs, and finds nobody."""
    import torch

    from strongpose.export.onnx import export_onnx
    from strongpose.network import NetworkConfig, build_network

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    network = build_network(NetworkConfig(upsample=2, neck_channels=0, middle_head=False))
    export_onnx(network, path, {"size": 129, "licence": "Apache-2.0", "decode": {"disk_radius": 12.0}})
    return path


@contextmanager
def written_to(file: TextIO, name: str, number: int) -> Iterator[None]:
    """What Python writes to a standard stream and what libraries in C write to its number goes into a file."""
    kept = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, name, file)
            yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


@pytest.fixture(scope="session")
def strongpose() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line: ``strongpose("predict", photo, "--out", folder)``; in this process, which saves its start.

    Nothing can be read from standard input.
    """
    from strongpose.cli import main

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = list(map(str, arguments))
        with ExitStack() as stack:
            out, err = (stack.enter_context(TemporaryFile("w+", encoding="utf-8")) for _ in range(2))
            with (
                open(os.devnull) as nothing,
                pytest.MonkeyPatch.context() as patch,
                written_to(out, "stdout", 1),
                written_to(err, "stderr", 2),
            ):
                patch.setattr(sys, "stdin", nothing)
                patch.setenv("COLUMNS", "100")
                try:
                    status = main(words)
                except SystemExit as end:
                    assert isinstance(end.code, int)
                    status = end.code
                out.flush()
                err.flush()
            said, complained = (stream.seek(0) or stream.read() for stream in (out, err))
        return subprocess.CompletedProcess(words, status, said, complained)

    return run


@pytest.fixture(scope="session")
def strongpose_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """As ``strongpose``, in a process of its own."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "strongpose.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        )

    return run


@pytest.fixture
def without_vnni(tmp_path: Path) -> Callable[..., tuple[str, dict[str, np.ndarray]]]:
    """Runs a model by OpenVINO as on an x86 CPU with AVX2 and no VNNI: ``name, maps = without_vnni(path, images)``.

    More arguments by name go to `strongpose.runtime.OpenVinoRuntime`.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("only x86 CPUs have instructions for int8 whose sums saturate at 16 bits")
    code = """
import json, sys, numpy
from strongpose.runtime import OpenVinoRuntime
path, images, maps, options = sys.argv[1:]
run = OpenVinoRuntime(path, bf16=False, **json.loads(options))
numpy.savez(maps, **run(numpy.load(images))._asdict())
print(run.name)
"""

    def run(path: Path, images: np.ndarray, **options: object) -> tuple[str, dict[str, np.ndarray]]:
        np.save(tmp_path / "images.npy", images)
        maps = tmp_path / "maps.npz"
        command = [sys.executable, "-c", code, path, tmp_path / "images.npy", maps, json.dumps(options)]
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), dict(np.load(maps))

    return run
