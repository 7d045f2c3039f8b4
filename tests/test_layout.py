"""The rooms of the package: imports point one way, and every error has one place."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import strongpose
from strongpose import StrongPoseError, exceptions

PACKAGE = Path(strongpose.__file__).parent
REPOSITORY = Path(__file__).parent.parent

# Rooms and modules at the top: each imports only itself and what stands in lines above its own.
LAYERS = (
    ("exceptions",),
    ("_util",),
    ("oks", "skeleton"),
    ("skeletons", "fields", "poses"),
    ("encode", "images", "network"),
    ("annotations", "decode"),
    ("runtime",),
    ("inference",),
    ("draw", "video"),
    ("data", "evaluation", "export"),
    ("annotate", "batch", "benchmarking", "serve", "training"),
    ("commands",),
    ("cli",),
)
BESIDES = {("runtime", "decode"), ("data", "inference"), ("data", "runtime"), ("export", "inference")}
"""Rooms that must not import others below them, either: (room, other)."""
UPWARDS = {
    ("poses/poses.py", "draw"),  # Poses.draw and save, methods so that users find them; imported in their calls
    ("inference/estimator.py", "video"),  # StrongPose.track, a method so that users find it; imported in its call
}
"""The only imports of higher layers, each within a function or for type checkers: (file, other)."""


def _rooms() -> set[str]:
    return {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def _imports(file: Path) -> list[tuple[int, str]]:
    """(line, room) of everything of ours that a file imports, also where only functions or type checkers do."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "strongpose":
            parts = node.module.split(".")
            rooms = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            rooms = [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("strongpose.")]
        else:
            continue
        found += [
            (node.lineno, room) for room in rooms if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()
        ]
    return found


def test_every_room_has_its_layer():
    assert sorted(_rooms() - {"__init__", "__main__"}) == sorted(room for layer in LAYERS for room in layer)


def test_imports_point_one_way():
    height = {room: i for i, layer in enumerate(LAYERS) for room in layer}
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for line, other in _imports(file):
            if (file.relative_to(PACKAGE).as_posix(), other) in UPWARDS:
                continue
            if other != room and (height[other] >= height[room] or (room, other) in BESIDES):
                wrong.append(f"{file.relative_to(PACKAGE)}:{line}: {room} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_every_file_says_in_its_first_line_what_it_is():
    silent = [file for file in sorted(PACKAGE.rglob("*.py")) if not ast.get_docstring(ast.parse(file.read_text()))]
    assert not silent


def test_the_page_on_architecture_shows_these_layers():
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    shown = {
        int(number): [re.findall(r"`([\w/]+)`", part)[0].rstrip("/") for part in row.split(" · ")]
        for number, row in rows
    }
    assert {number: sorted(rooms) for number, rooms in shown.items()} == {
        i: sorted(rooms) for i, rooms in enumerate(LAYERS)
    }


@pytest.mark.parametrize("name", exceptions.__all__)
def test_errors_are_strongpose_errors(name):
    assert issubclass(getattr(exceptions, name), StrongPoseError)


def test_no_file_is_too_long_to_be_read_at_once():
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text().splitlines()) for file in PACKAGE.rglob("*.py")}
    assert not {file: length for file, length in lengths.items() if length > 300}


def test_all_errors_are_listed():
    classes = {name for name, thing in vars(exceptions).items() if inspect.isclass(thing)}
    assert classes == set(exceptions.__all__)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_errors_pass_between_processes(name):
    kind = getattr(exceptions, name)
    error = kind(413, "too large", 3) if kind is exceptions.RefusedError else kind("too large")
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (kind, "too large", vars(error))


def test_errors_have_one_place():
    elsewhere = []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            public = isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            if public and file.name != "exceptions.py" and any("Error" in ast.unparse(b) for b in node.bases):
                elsewhere.append(f"{file.relative_to(PACKAGE)}:{node.lineno}: {node.name}")
    assert not elsewhere


@pytest.mark.parametrize("module", ["strongpose.data.batches", "strongpose.data.coco", "strongpose.data.augment"])
def test_training_data_loads_no_estimator(module):
    code = f"import sys, {module}; print([m for m in sys.modules if m.startswith('strongpose.inference')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", sorted(f"strongpose.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")))
def test_public_names_of_rooms_are_documented(module):
    room = importlib.import_module(module)
    bare = [
        name
        for name in getattr(room, "__all__", [])
        if (inspect.isclass(thing := getattr(room, name)) or inspect.isfunction(thing)) and not inspect.getdoc(thing)
    ]
    assert not bare
