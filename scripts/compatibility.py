"""Install the package with the oldest and the newest releases that it allows, run its tests and verbs, print tables.

``python scripts/compatibility.py --work FOLDER`` needs the packages build, uv and tyro.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import tyro
from compatibility_verbs import Check, check_extras

REPOSITORY = Path(__file__).resolve().parents[1]
Ages: TypeAlias = Literal["oldest", "newest"]

TOGETHER = ("openvino", "video", "serve", "batch", "data")
"""Extras that are installed beside each other; those that need torch are checked alone."""

OPENCV = "opencv-python-headless"
"""For training alone, but the tests draw with it."""

TOOLS = ("pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6.100", "pycocotools>=2.0.8", "onnx>=1.17")
TESTS = ("decode", "data/convert", "runtime/test_runtime.py", "runtime/test_openvino.py", "runtime/test_choice.py")
TESTS += tuple(f"test_{name}.py" for name in "images poses evaluation draw estimator tracking video skeletons".split())
TESTS += ("commands/test_predict.py", "batch/test_reading.py", "batch/test_plan.py", "serve/test_api.py")
"""What is run: all that reaches for other packages; not the page, drills with damaged files, and training."""


@dataclass(frozen=True)
class Arguments:
    """Check what pyproject.toml promises about versions and extras; ends with status 1 if anything fails."""

    work: Path
    """Folder for the environments; each is removed when it is done with."""
    pythons: tuple[Path, ...] = (Path(sys.executable),)
    """Interpreters; the first one also tries each extra alone."""
    ages: tuple[Ages, ...] = ("oldest", "newest")
    """Which releases to try; () goes on to the extras."""
    extras: bool = True
    """Also install every extra alone and run its verb."""
    torch: str = "torch==2.13.0"
    """The torch to install for the extras that need one."""
    tests: tuple[str, ...] = TESTS
    """Which tests to run, by their place below tests/."""
    timeout: float = 3600
    """Seconds that the tests of one environment may take."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def create(self, python: Path) -> None:
        """Make it anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        uv("venv", "--python", python, self.folder)

    def install(self, *requirements: object) -> None:
        """Install packages.

        Raises:
            subprocess.CalledProcessError: if they cannot be installed; its ``stderr`` says why.
        """
        uv("pip", "install", "--python", self.python, *requirements)

    def versions(self, names: list[str]) -> dict[str, str]:
        """What is installed of these packages."""
        code = "import json,sys,importlib.metadata as m;print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
        return json.loads(subprocess.check_output([self.python, "-c", code, *names], text=True))


def uv(*arguments: object) -> None:
    """Run uv; it takes wheels from the folders that pip takes them from."""
    links = os.environ.get("PIP_FIND_LINKS", "")
    environment = {"UV_FIND_LINKS": links, **os.environ} if links else dict(os.environ)
    command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, text=True, env=environment)


def lower_bounds(*extras: str) -> dict[str, str]:
    """Requirements by package, as pyproject.toml states them, of the package and some extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = project["dependencies"] + [r for extra in extras for r in project["optional-dependencies"][extra]]
    return {re.split(r"[<>=!~\[]", r)[0]: r for r in stated if not r.startswith("strongpose")}


def build(work: Path) -> tuple[Path, Path]:
    """The wheel and the source archive, built as a release is; the wheel comes from the archive."""
    out = work / "dist"
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, REPOSITORY], check=True, capture_output=True)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def left_out(wheel: Path) -> list[str]:
    """Files of the package that a wheel does not hold: models, cards, page, skeletons, ``py.typed``, code."""
    source = REPOSITORY / "src"
    names = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    return sorted(
        name for name in names - set(zipfile.ZipFile(wheel).namelist()) if "__pycache__" not in name.split("/")
    )


def run_tests(python: Path, tests: tuple[str, ...], log: Path, timeout: float) -> str:
    """What pytest counted; with "not" in it where it did not end well."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    options = ["-p", "compatibility_skips", "-p", "no:cacheprovider", "-q", "--tb=short", "-rfE"]
    with log.open("w", encoding="utf-8") as out:
        try:
            done = subprocess.run(
                [python, "-m", "pytest", *options, *(REPOSITORY / "tests" / test for test in tests)],
                **{"stdout": out, "stderr": subprocess.STDOUT, "timeout": timeout},
                cwd=REPOSITORY,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {timeout:.0f} s"
    last = log.read_text(encoding="utf-8").strip().splitlines()[-1]
    counts = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", last)
    return ", ".join(counts) if done.returncode == 0 else f"not all pass: {', '.join(counts) or last}"


def try_releases(python: Path, age: Ages, wheel: Path, arguments: Arguments) -> tuple[str, dict[str, str]]:
    """Install the oldest or newest releases for a Python and run the tests; their outcome, and the versions."""
    label = f"{python.parent.parent.name}-{age}"
    environment = Environment(arguments.work / label)
    stated = lower_bounds(*TOGETHER) | {OPENCV: lower_bounds("train")[OPENCV]}
    resolution = "lowest-direct" if age == "oldest" else "highest"
    environment.create(python)
    try:
        environment.install("--only-binary", ":all:", "--resolution", resolution, *stated.values())
        environment.install("--only-binary", ":all:", *TOOLS)  # leaves what is there
        environment.install("--no-deps", wheel)
        outcome = run_tests(environment.python, arguments.tests, arguments.work / f"{label}.log", arguments.timeout)
        return outcome, environment.versions(list(stated))
    except subprocess.CalledProcessError as error:
        return f"not installed: {' '.join((error.stderr or '').split())[-300:]}", {}
    finally:
        shutil.rmtree(environment.folder, ignore_errors=True)


def try_extras(python: Path, wheel: Path, archive: Path, arguments: Arguments) -> list[Check]:
    """Install the package plainly from both files, and with every extra alone, and run what it is for."""

    def installed(folder: Path, *requirements: object) -> Path:
        environment = Environment(folder)
        environment.create(python)
        environment.install(*requirements)
        return environment.python

    oldest = list(lower_bounds("train", "export", "openvino").values())
    return check_extras(installed, wheel, archive, arguments.torch, oldest, arguments.work)


def main(arguments: Arguments) -> int:
    """Print the tables."""
    a = arguments
    a.work.mkdir(parents=True, exist_ok=True)
    wheel, archive = build(a.work)
    missing = left_out(wheel)
    print(f"{wheel.name}: {f'lacks {missing}' if missing else 'holds all files of the package'}", file=sys.stderr)
    columns: dict[str, tuple[str, dict[str, str]]] = {}
    for python in a.pythons:
        version = subprocess.check_output([python, "-c", "import platform;print(platform.python_version())"], text=True)
        for age in a.ages:
            columns[f"{version.strip()}, {age}"] = try_releases(python, age, wheel, a)
            print(f"{version.strip()}, {age}: {columns[f'{version.strip()}, {age}'][0]}", file=sys.stderr, flush=True)
    if columns:
        print("| package | least | " + " | ".join(columns) + " |\n" + "|---" * (2 + len(columns)) + "|")
        for name, requirement in lower_bounds(*TOGETHER).items():
            found = [versions.get(name, "") for _, versions in columns.values()]
            print(f"| {name} | {requirement.removeprefix(f'{name}>=')} | " + " | ".join(found) + " |")
        print("| **tests** | | " + " | ".join(outcome for outcome, _ in columns.values()) + " |", flush=True)
    checks = try_extras(a.pythons[0], wheel, archive, a) if a.extras else []
    if checks:
        print("\n| installed | command | outcome |\n|---|---|---|")
        for check in checks:
            print(f"| {check.installed} | {check.command} | {check.outcome} |")
    bad = [outcome for outcome, _ in columns.values() if "not" in outcome]
    return int(bool(bad or missing) or not all(check.good for check in checks))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
