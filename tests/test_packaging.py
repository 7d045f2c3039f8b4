"""What is installed: the versions that are allowed were tried, and a wheel holds every file of the package."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "src" / "strongpose"
MODELS = ("accurate.onnx", "accurate.md", "base.onnx", "base.md", "fast.xml", "fast.bin", "fast.md")
NEEDED = (*(f"models/{name}" for name in MODELS), "py.typed")
NEEDED += ("serve/page/index.html", "serve/page/page.js", "serve/page/style.css", "skeletons/lsp14.json")


def package_files() -> set[str]:
    paths = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PACKAGE.parent).as_posix() for path in paths}


def test_least_versions_are_those_that_were_tried():
    """Each of pyproject.toml's lower bounds was tried, as the oldest release, but for torch."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = ("train", "remote", "export", "openvino", "video", "serve", "batch", "data")
    stated = project["dependencies"] + [r for extra in runtime for r in project["optional-dependencies"][extra]]
    bounds = dict(r.replace("[http]", "").split(">=") for r in stated if not r.startswith("strongpose["))
    results = json.loads((REPOSITORY / "benchmarks" / "results" / "compatibility.json").read_text(encoding="utf-8"))
    assert results["columns"][:3] == ["package", "least", "oldest tried"]
    assert {row[0]: row[1] for row in results["rows"]} == bounds
    for name, bound, oldest, *_ in results["rows"]:
        assert oldest.startswith(bound) or name == "torch", f"{name}: the oldest that was tried is {oldest}"


def test_nothing_of_the_package_is_ignored_by_git():
    """What git ignores is left out of wheels."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("no clone")
    files = sorted(package_files())
    assert {f"strongpose/{name}" for name in NEEDED} <= set(files)
    command = ["git", "check-ignore", "--no-index", *(f"src/{name}" for name in files)]
    ignored = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (ignored.returncode, ignored.stdout) == (1, ""), ignored


def test_a_wheel_holds_every_file_of_the_package(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling builds wheels; scripts/compatibility.py always looks")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert package_files() <= held
    assert any(name.endswith("licenses/LICENSE") for name in held)
