"""The README's commands and code run as they are written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import strongpose as package

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_blocks_run(code):
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_the_first_command_writes_a_picture_and_a_json_file(strongpose, tmp_path):
    command = blocks("bash")[0].strip().split(" && ")[1]
    program, *arguments = shlex.split(command)
    assert program == "strongpose"
    arguments = [str(REPOSITORY / a) if a.startswith("tests/") else a for a in arguments]
    arguments[arguments.index("--out") + 1] = str(tmp_path)
    run = strongpose(*arguments)
    assert run.returncode == 0, run.stderr
    assert {"group.poses.jpg", "group.poses.json"} <= {path.name for path in tmp_path.iterdir()}


def test_ci_runs_the_readmes_test_command():
    install, test = blocks("bash")[1].strip().split(" && ")
    script = (REPOSITORY / ".ci" / "run").read_text()
    assert install.removeprefix("pip install ") in script
    assert test in script


def test_links_to_files_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / link).exists(), link


def test_versions_agree():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["version"] == package.__version__
    assert f"version: {package.__version__}" in (REPOSITORY / "CITATION.cff").read_text()
