"""The command line and the package start fast and import no more than they need."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import strongpose as package


def imported(code: str) -> set[str]:
    """The modules that are loaded after running some Python code in a fresh process."""
    code += "\nimport sys\nprint('|'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(out.splitlines()[-1].split("|"))


def seconds(*command: str) -> float:
    """The least processor time of four runs, the first of which may compile: the others are a user's second."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_importing_the_package_loads_nothing_heavy():
    loaded = imported("import strongpose")
    assert not loaded & {"torch", "cv2", "onnxruntime", "PIL", "tyro", "supervision"}


def test_the_estimator_needs_no_torch():
    loaded = imported("from strongpose import StrongPose\nimport strongpose.evaluation, strongpose.draw")
    assert "cv2" in loaded
    assert not loaded & {"torch", "openvino", "onnxruntime", "onnx", "safetensors", "supervision"}


def test_help_loads_no_model_code():
    loaded = imported("import strongpose.cli")
    assert not loaded & {"torch", "cv2", "onnxruntime", "PIL"}


def test_start_up_takes_a_fraction_of_a_second():
    """Beside NumPy's own, so that a slow or busy machine does not count; that takes about 0.1 s."""
    bare = seconds("-c", "pass")
    numpy = seconds("-c", "import numpy") - bare
    assert seconds("-c", "import strongpose") - bare < 2.5 * numpy
    assert seconds("-m", "strongpose.cli", "--help") - bare < 5 * numpy


def test_help_and_version(strongpose):
    for arguments in ((), ("--help",)):
        run = strongpose(*arguments)
        assert run.returncode == 0
        for verb in ("predict", "evaluate", "diagnose", "train", "export"):
            assert verb in run.stdout
    assert strongpose("--version").stdout == f"strongpose {package.__version__}\n"
    run = strongpose("prdict")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_the_old_name_of_diagnose_works_for_one_release(strongpose):
    help_text = strongpose("--help").stdout
    assert "diagnose" in help_text and not re.search(r"\berrors\b *(Sort|$)", help_text, re.MULTILINE)
    old, new = (strongpose(verb, "nope.json", "--images", "x", "--out", "x") for verb in ("errors", "diagnose"))
    told = (
        "strongpose: `strongpose errors` is called `strongpose diagnose` now; the old name goes with the next release\n"
    )
    assert (old.returncode, old.stdout, old.stderr) == (1, "", told + new.stderr)
    assert new.stderr == "strongpose: nope.json: no such file; check the path\n"


def test_unknown_names_of_the_package_are_attribute_errors():
    assert not hasattr(package, "nonsense")
    assert all(hasattr(package, name) for name in package.__all__)


def test_sigterm_while_modules_are_loaded_ends_with_one_line(photos, tmp_path):
    command = [sys.executable, "-m", "strongpose.cli", "predict", str(photos), "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        while "cv2" not in Path(f"/proc/{run.pid}/maps").read_text():  # ONNX Runtime or OpenVINO comes later
            assert run.poll() is None
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=60)[0]
    assert (run.returncode, said) == (130, "strongpose: interrupted\n")
