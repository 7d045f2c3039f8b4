"""The command line and the package start fast and import no more than they need."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import strongpose as package
from strongpose.cli import VERBS, main
from strongpose.commands.help_texts import description_of
from strongpose.commands.options import options_of, wrong_option

VERBS_BY_NAME = {name: verb for group in VERBS.values() for name, verb in group.items()}
NAMES = tuple(VERBS_BY_NAME)


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
    assert "PIL" in loaded
    assert not loaded & {"torch", "cv2", "openvino", "onnxruntime", "onnx", "safetensors", "supervision"}


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
    for arguments in ((), ("--help",), ("-h",)):
        run = strongpose(*arguments)
        assert (run.returncode, run.stderr) == (0, "")
        lines = run.stdout.splitlines()
        assert max(map(len, lines)) <= 80
        for name in NAMES:
            assert sum(line.startswith(f"  {name} ") for line in lines) == 1
        assert "--version" in run.stdout
    for option in ("--version", "-V"):
        assert strongpose(option).stdout == f"strongpose {package.__version__}\n"


def test_data_alone_lists_its_verbs(strongpose):
    run = strongpose("data")
    assert run.returncode == 0
    assert [line.split()[:2] for line in run.stdout.splitlines() if line.startswith("  ")] == [
        name.split() for name in NAMES if name.startswith("data ")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_help_of_each_verb_has_examples_with_options_that_it_has(name):
    paragraphs = description_of(VERBS_BY_NAME[name]).split("\n\n")
    title, *examples = paragraphs[-1].splitlines()
    assert title == "Examples:" and examples
    for example in examples:
        assert len(example) <= 80
        words = shlex.split(example)
        assert words[:2] == ["strongpose", name.split()[0]]
        assert wrong_option(name, VERBS_BY_NAME[name], words[2:]) is None


@pytest.mark.parametrize("name", NAMES)
def test_names_of_options_are_those_of_the_help_text(name, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert "None" not in text
    shown = re.findall(r"^[│ ] (--[a-z][a-z0-9-]+)(?:, (--[a-z][a-z0-9-]+))?", text, re.MULTILINE)
    assert {option for pair in shown for option in pair if option} == set(options_of(VERBS_BY_NAME[name]))


def told(capsys, *arguments: str) -> str:
    """What a wrong command line is answered, without the frame."""
    try:
        status = main(arguments)
    except SystemExit as ending:
        status = ending.code
    assert status == 2
    said = capsys.readouterr()
    assert said.out == ""
    return " ".join(re.sub("[│─╭╮╰╯]", " ", said.err).split())


def test_wrong_command_lines_are_told_in_plain_words(capsys):
    assert told(capsys, "prdict") == "strongpose: there is no verb 'prdict'; did you mean predict?"
    assert told(capsys, "data", "gett") == "strongpose: there is no verb 'data gett'; did you mean data get?"
    assert told(capsys, "xyz") == "strongpose: there is no verb 'xyz'; `strongpose --help` lists the verbs"
    line = told(capsys, "predict", "a.jpg", "--ot=x")
    assert line == "strongpose: predict has no option --ot; did you mean --out?"
    line = told(capsys, "predict", "a.jpg", "--out", "x", "--no-flip")
    assert line == "strongpose: predict has no option --no-flip; did you mean --flip?"
    line = told(capsys, "evaluate", "--qqqq")
    assert line == "strongpose: evaluate has no option --qqqq; `strongpose evaluate --help` lists its options"
    values = ("predict", "a.jpg", "--out", "x")
    assert "--threshold: expected a number, got 'high'" in told(capsys, *values, "--threshold", "high")
    assert "--batch: expected a whole number, got '1.5'" in told(capsys, *values, "--batch", "1.5")
    assert "--size: expected whole numbers, got 'a.jpg'" in told(capsys, *values, "--size", "353", "a.jpg")
    assert "'onx' for argument '--runtime'. Expected one of ('auto'," in told(capsys, *values, "--runtime", "onx")
    assert "Missing value for argument '--out'" in told(capsys, "predict", "a.jpg", "--out")
    assert "Missing from strongpose predict: --out FOLDER" in told(capsys, "predict", "a.jpg")


def test_names_behind_two_hyphens_are_no_options():
    assert wrong_option("predict", VERBS_BY_NAME["predict"], ["--", "--odd.jpg"]) is None


def test_unknown_names_of_the_package_are_attribute_errors():
    assert not hasattr(package, "nonsense")
    assert all(hasattr(package, name) for name in package.__all__)


def test_sigterm_while_modules_are_loaded_ends_with_one_line(photos, tmp_path):
    command = [sys.executable, "-m", "strongpose.cli", "predict", str(photos), "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        while "_imaging" not in Path(f"/proc/{run.pid}/maps").read_text():  # ONNX Runtime or OpenVINO comes later
            assert run.poll() is None
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=60)[0]
    assert (run.returncode, said) == (130, "strongpose: interrupted\n")
