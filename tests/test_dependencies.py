"""What the package needs: each dependency is a decision, under a licence that lets everybody use it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from dependencies import installed_packages, licence_of

REPOSITORY = Path(__file__).parents[1]

AGREED = {
    "": {"faster-coco-eval", "numpy", "onnxruntime", "pillow", "tqdm", "tyro"},
    "train": {"opencv-python-headless", "safetensors", "tensorboard", "torch"},
    "remote": {"fsspec"},
    "timm": {"timm"},
    "export": {"nncf", "onnx", "onnxscript", "safetensors", "torch"},
    "openvino": {"openvino"},
    "video": {"av", "scipy"},
    "serve": {"fastapi", "h11", "prometheus-client", "python-multipart", "uvicorn"},
    "batch": {"pyarrow", "ray"},
    "data": {"scipy"},
    "all": set(),
}
"""Who adds a dependency adds it here, and says in the commit why it is worth it."""

MODULES = {"cv2": "opencv-python-headless", "PIL": "pillow", "google": "protobuf"}
ALONG = {
    "starlette": "fastapi",
    "aiohttp": "fsspec",
    "pydantic": "fastapi",
    "protobuf": "onnx",
    "supervision": "",
    "pillow-heif": "",
}
"""Imported packages that come with others, of which they are a visible part, or that callers bring themselves."""
SILENT = {"faster-coco-eval": "Apache"}
"""Packages whose licence is told by their files only."""
PERMISSIVE = r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|Zlib"
COPYLEFT = r"\b[AL]?GPL|General Public|Affero|SSPL|Commons Clause|Non.?Commercial|CC.BY.(NC|SA)"

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    name: needs for name, needs in PROJECT["optional-dependencies"].items() if name not in ("test", "docs", "dev")
}


def requirements(extra: str) -> list[Requirement]:
    return [Requirement(text) for text in (EXTRAS[extra] if extra else PROJECT["dependencies"])]


def test_dependencies_are_those_that_were_agreed_on():
    assert {"", *EXTRAS} == set(AGREED)
    for extra, agreed in AGREED.items():
        assert {need.name for need in requirements(extra)} - {"strongpose"} == agreed, extra


@pytest.mark.parametrize("extra", AGREED)
def test_dependencies_have_a_least_version_and_no_other_bound(extra):
    for need in requirements(extra):
        if need.name != "strongpose":
            assert [specifier.operator for specifier in need.specifier] == [">="], need
            assert need.url is None


def test_licences_let_everybody_use_it():
    packages, _ = installed_packages("strongpose", EXTRAS)
    assert len(packages) > 20
    direct = set().union(*AGREED.values())
    for name, package in packages.items():
        licence = licence_of(package)
        assert not re.search(COPYLEFT, licence), f"{name}: {licence}"
        if name in direct:
            assert re.search(PERMISSIVE, licence or SILENT.get(name, "")), f"{name}: {licence!r}"


@pytest.mark.parametrize("name", SILENT)
def test_packages_that_say_nothing_have_a_licence_file(name):
    if licence_of(distribution(name)):
        return
    files = [path for path in distribution(name).files or [] if path.name.startswith("LICENSE")]
    assert any(SILENT[name] in path.read_text(encoding="utf-8") for path in files)


def test_the_package_imports_what_it_says_it_needs():
    assert all(parent in set().union(*AGREED.values(), [""]) for parent in ALONG.values())
    allowed = set().union(*AGREED.values()) | set(ALONG) | {"strongpose"}
    imported = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names)
    assert {MODULES.get(name, name.replace("_", "-")) for name in foreign} <= allowed


def test_the_list_can_be_printed():
    script = REPOSITORY / "scripts" / "dependencies.py"
    run = subprocess.run([sys.executable, script, "--extras", "serve"], capture_output=True, text=True, check=True)
    assert re.search(r"\| uvicorn \| [\d.]+ \| BSD-3-Clause \|", run.stdout)
    assert "| strongpose |" not in run.stdout and "| torch |" not in run.stdout
