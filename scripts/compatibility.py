"""Try what pyproject.toml promises: tests with the oldest and the newest releases that it allows, and each extra alone.

``python scripts/compatibility.py --work FOLDER`` needs the packages build and uv (``pip install build uv``) and makes a
fresh environment for each attempt. Also a plugin of pytest, for these environments: tests that need torch are skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.request import urlopen

import pytest
import tyro

REPOSITORY = Path(__file__).resolve().parents[1]
Age: TypeAlias = Literal["oldest", "newest"]

TOGETHER = ("openvino", "video", "serve", "batch", "data")
"""Extras that are installed beside each other for the tests; the others need torch, or are tried beside it."""
BESIDE_TORCH = ("train", "export", "remote")
TOOLS = ("pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6.100", "pycocotools>=2.0.8", "onnx>=1.17")
TESTS = ("decode", "images", "evaluation", "draw", "inference", "runtime", "video", "data/convert", "test_skeletons.py")
TESTS += ("commands/test_predict.py", "batch/test_reading.py", "batch/test_plan.py", "serve/test_api.py")
"""What is run: all that reaches for other packages; not the page, drills with damaged files, and training."""

PHOTO = "tests/photos/group.jpg"
CLIP = f"""
import numpy; from PIL import Image; from strongpose.video import VideoWriter
image = numpy.array(Image.open({str(REPOSITORY / PHOTO)!r}).convert("RGB").resize((480, 168)))
with VideoWriter("clip.mp4", 5) as writer:
    for n in range(5): writer.write(image, n / 5)
"""
MATLAB = """
import numpy, scipy.io; from pathlib import Path; from PIL import Image
joints = numpy.full((14, 3, 1), 20.0); joints[:, 2] = 1
scipy.io.savemat("joints.mat", {"joints": joints})
Path("people").mkdir(); Image.new("RGB", (64, 64)).save("people/im00001.jpg")
"""
CONVERT = "data convert joints.mat --from lsp --images people --skeleton coco --out lsp.json"
TRAIN = "train --data lsp.json --images people --out run --steps 1 --batch-size 1 --crop-size 65 --workers 0 --no-bf16"
EXPORT = (
    "export run/weights.safetensors --out tiny.onnx --size 129",
    f"predict {REPOSITORY / PHOTO} --out o --model tiny.onnx",
)
PREDICT = f"predict {REPOSITORY / PHOTO} --out poses --size 321"
EXTRAS: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    ((), "", (PREDICT,)),
    (("openvino",), "", (f"{PREDICT} --model fast",)),
    (("video",), CLIP, ("video clip.mp4 --out clips --size 321",)),
    (("serve",), "", ("serve --port 0 --size 321",)),
    (("batch",), "", (f"batch {REPOSITORY / 'tests/photos'} parts --size 321",)),
    (("data",), MATLAB, (CONVERT,)),
    (("data", "train"), MATLAB, (CONVERT, TRAIN)),
    (("data", "train", "export", "remote"), MATLAB, (CONVERT, TRAIN, *EXPORT)),
)
"""Extras that are installed, code that makes what their commands need, and the commands; the last at all ages."""

REFUSED = {
    "openvino": f"predict {REPOSITORY / PHOTO} --out no --model fast",
    "video": "video clip.mp4 --out no",
    "serve": "serve --port 0",
    "batch": "batch photos no",
    "train": "train --data people.json --out no",
    "export": "export weights.safetensors --out no.onnx",
    "data": "data convert a.mat --from lsp --images people --out no.json",
}
"""Commands that, without an extra, must end with one line that says how to install it."""


@dataclass(frozen=True)
class Arguments:
    """Try versions and extras; exit status 1 if anything fails."""

    work: Path
    """Folder for the environments; each is removed when it is done with."""
    pythons: tuple[Path, ...] = (Path(sys.executable),)
    """Interpreters; the first one also tries each extra alone."""
    ages: tuple[Age, ...] = ("oldest", "newest")
    """Which releases to try; () goes on to the extras."""
    extras: bool = True
    """Also install every extra alone and run its command."""
    torch: str = "torch==2.13.0"
    """The torch to install for the extras that need one."""
    tests: tuple[str, ...] = TESTS
    """Which tests to run, by their place below tests/."""
    json: Path | None = None
    """Write the versions that were tried as a results file, benchmarks/results/compatibility.json."""


def main(a: Arguments) -> int:
    """Print what came of each environment, and the versions."""
    a = replace(a, work=a.work.absolute())
    a.work.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(a.work / "dist", ignore_errors=True)
    build = [sys.executable, "-m", "build", "--outdir", a.work / "dist", REPOSITORY]
    subprocess.run(build, check=True, capture_output=True)  # the wheel comes from the source archive
    wheel = next((a.work / "dist").glob("*.whl"))
    good, tried = True, {age: list[dict[str, str]]() for age in a.ages}
    for python in a.pythons:
        for age in a.ages:
            outcome, versions = try_releases(python, age, wheel, a)
            tried[age].append(versions)
            good &= outcome.startswith("passed")
            print(f"{python}, {age} releases: {outcome}", flush=True)
    for extras, code, commands in EXTRAS if a.extras else ():
        for age in a.ages if set(BESIDE_TORCH) <= set(extras) else ("newest",):
            outcome, versions = try_extras(extras, age, code, commands, wheel, a)
            if set(BESIDE_TORCH) <= set(extras):
                tried[age].append(versions)
            good &= outcome == "works"
            print(f"[{','.join(extras)}], {age} releases: {outcome}", flush=True)
    bounds = lower_bounds(*TOGETHER, *(BESIDE_TORCH if a.extras else ()))
    columns = ["package", "least", *(f"{age} tried" for age in a.ages)]
    rows = [[name, bound, *(spread(tried[age], name) for age in a.ages)] for name, bound in bounds.items()]
    print("\n" + "\n".join(" | ".join(row) for row in [columns, *rows]))
    if a.json:
        sys.path.append(str(REPOSITORY / "benchmarks"))
        from results_file import write_results

        write_results(a.json, columns, rows)
    return 0 if good else 1


def lower_bounds(*extras: str) -> dict[str, str]:
    """Least versions by package, as pyproject.toml states them, of the package and some extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = project["dependencies"] + [need for extra in extras for need in project["optional-dependencies"][extra]]
    return dict(need.replace("[http]", "").split(">=") for need in stated if not need.startswith("strongpose"))


def spread(tried: list[dict[str, str]], name: str) -> str:
    """The versions of a package over all Pythons."""
    return ", ".join(dict.fromkeys(versions[name] for versions in tried if name in versions)) or "–"


def environment(python: Path, folder: Path, *installs: tuple[object, ...]) -> Path:
    """Make a fresh environment and install into it, in turns; its interpreter.

    Raises:
        subprocess.CalledProcessError: if something cannot be installed; its ``stderr`` says why.
    """
    shutil.rmtree(folder, ignore_errors=True)
    links = os.environ.get("PIP_FIND_LINKS", "")
    variables = {**os.environ, **({"UV_FIND_LINKS": links} if links else {})}
    made = folder / "bin" / "python"
    for arguments in (
        ("venv", "--python", python, folder),
        *(("pip", "install", "--python", made, *i) for i in installs),
    ):
        command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, text=True, env=variables)
    return made


def clean() -> dict[str, str]:
    """Environment variables without a path to this checkout's package."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "FORCE_COLOR")}
    return {**kept, "OMP_NUM_THREADS": "1"}


def try_releases(python: Path, age: Age, wheel: Path, a: Arguments) -> tuple[str, dict[str, str]]:
    """Install the oldest or newest releases and run the tests: their outcome, and the versions."""
    bounds, folder = lower_bounds(*TOGETHER), a.work / "releases"
    opencv = "opencv-python-headless>=4.10.0.84"  # the tests draw with it
    stated = [f"{name}>={bound}" for name, bound in bounds.items()] + [opencv]
    resolution = ("--only-binary", ":all:", "--resolution", "lowest-direct" if age == "oldest" else "highest")
    try:
        made = environment(
            python, folder, (*resolution, *stated), ("--only-binary", ":all:", *TOOLS), ("--no-deps", wheel)
        )
        options = ["-p", "compatibility", "-p", "no:cacheprovider", "-q", "--tb=short", "-rfE"]
        command = [made, "-m", "pytest", *options, *(REPOSITORY / "tests" / test for test in a.tests)]
        variables = {**clean(), "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True)
        (a.work / f"{age}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        counted = (done.stdout.strip().splitlines() or ["nothing"])[-1]
        versions = installed(made, bounds)
        return ("passed: " if done.returncode == 0 else "FAILED: ") + counted, versions
    except subprocess.CalledProcessError as error:
        return f"FAILED: cannot be installed: {tail(error.stderr)}", {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def installed(python: Path, names: Iterable[str]) -> dict[str, str]:
    """The versions of packages in an environment."""
    code = "import json,sys,importlib.metadata as m;print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    return json.loads(subprocess.check_output([python, "-c", code, *names], text=True))


def try_extras(
    extras: tuple[str, ...], age: Age, code: str, commands: tuple[str, ...], wheel: Path, a: Arguments
) -> tuple[str, dict[str, str]]:
    """Install the wheel with extras and run their commands: "works", or what failed; and the versions."""
    named = f"strongpose[{','.join(extras)}] @ {wheel.as_uri()}" if extras else wheel
    needs: list[object] = [a.torch] if set(BESIDE_TORCH) & set(extras) else []
    bounds = lower_bounds(*extras)
    if age == "oldest":
        stated = (f"{name}>={bound}" for name, bound in bounds.items() if name != "torch")
        needs += ["--resolution", "lowest-direct", *stated]
    try:
        made = environment(a.pythons[0], a.work / "extras", (named, *needs))
        versions = installed(made, bounds)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([made, "-c", code], cwd=folder, check=True, capture_output=True, text=True, env=clean())
            for command in commands:
                words = [made.with_name("strongpose"), *command.split()]
                if command.startswith("serve"):
                    served(words, folder)
                else:
                    subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, env=clean())
            if not extras:
                refused(made.with_name("strongpose"), folder)
    except (subprocess.CalledProcessError, OSError, IndexError) as error:
        return f"FAILED: {tail(str(getattr(error, 'stderr', '') or error))}", {}
    finally:
        shutil.rmtree(a.work / "extras", ignore_errors=True)
    return "works", versions


def served(words: list[Any], folder: str) -> None:
    """Start the server, ask for its page, and end it."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True, env=clean()) as server:
        assert server.stdout is not None
        try:
            urlopen(re.findall(r"http://\S+", server.stdout.readline())[0], timeout=60).close()
        finally:
            server.terminate()


def refused(program: Path, folder: str) -> None:
    """Run the commands that need an extra, without it.

    Raises:
        subprocess.CalledProcessError: if one does not end as it should.
    """
    for extra, command in REFUSED.items():
        done = subprocess.run([program, *command.split()], cwd=folder, capture_output=True, text=True, env=clean())
        lines = done.stderr.strip().splitlines()
        if done.returncode != 1 or len(lines) != 1 or f"pip install 'strongpose[{extra}] @ file:" not in lines[0]:
            raise subprocess.CalledProcessError(done.returncode, command, stderr=f"{command}: {done.stderr}")


def tail(text: str) -> str:
    """The end of what a command said, on one line."""
    return " ".join(text.split())[-300:]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """A file that imports what is missing is left out."""
    return skipped((yield), collector.path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """A test, or what it is given, that imports what is missing is skipped."""
    return skipped((yield), item.path)


def skipped(report: Any, path: Path) -> Any:
    """The report, as skipped if it failed as a package is not installed."""
    text = str(report.longrepr) if report.failed else ""
    missing = re.search(r"(?:No module named '|the runtime (?=\w+ is not installed))(\w+)", text)
    if missing and missing[1] != "strongpose" and importlib.util.find_spec(missing[1]) is None:
        report.outcome, report.longrepr = "skipped", (str(path), 0, f"Skipped: needs {missing[1]}")
    return report


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
