"""Run every verb for real: with what it needs, and without, which one line should say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Check", "check_extras"]

REPOSITORY = Path(__file__).resolve().parents[1]
CLIP = """
import av
from PIL import Image
photo = Image.open("photos/group.jpg").resize((480, 168))
with av.open("clip.mp4", "w") as out:
    stream = out.add_stream("mpeg4", rate=5)
    stream.width, stream.height, stream.pix_fmt = 480, 168, "yuv420p"
    for _ in range(5):
        out.mux(stream.encode(av.VideoFrame.from_image(photo)))
    out.mux(stream.encode())
"""
MATLAB = """
import numpy, scipy.io
joints = numpy.full((14, 3, 1), 20.0)
joints[:, 2] = 1
scipy.io.savemat("joints.mat", {"joints": joints})
"""


@dataclass(frozen=True)
class Check:
    """A command that was run.

    Attributes:
        installed: in which environment.
        command: as one would type it.
        outcome: what came of it, in a few words.
        good: whether that is what was to be expected.
    """

    installed: str
    command: str
    outcome: str
    good: bool


@dataclass(frozen=True)
class Place:
    """A folder with photos and a small data set, and an environment whose program is run in it."""

    folder: Path
    python: Path
    installed: str

    def run(self, command: str, expected: str, text: str = "") -> Check:
        """Run ``strongpose COMMAND``, which should write files that fit ``expected``, with ``text`` in the first."""
        done = self._run(command)
        found = sorted(self.folder.glob(expected))
        good = done.returncode == 0 and bool(found) and (not text or text in found[0].read_text(encoding="utf-8"))
        outcome = f"wrote {expected}" if good else f"**failed**: {_tail(done.stderr)}"
        return Check(self.installed, f"`strongpose {command}`", outcome, good)

    def refused(self, command: str, line: str) -> Check:
        """Run ``strongpose COMMAND``, which should end with a single line that holds ``line``."""
        done = self._run(command)
        lines = done.stderr.strip().splitlines()
        good = done.returncode == 1 and len(lines) == 1 and line in lines[0]
        outcome = f"one line: `… {line}`" if good else f"**not one line**: {_tail(done.stderr)}"
        return Check(self.installed, f"`strongpose {command}`", outcome, good)

    def do(self, code: str) -> None:
        """Run Python code that makes what a command needs."""
        subprocess.run([self.python, "-c", code], cwd=self.folder, check=True, capture_output=True)

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        program = self.python.with_name("strongpose")
        return subprocess.run(
            [program, *command.split()],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=900,
            env=_environment(),
        )


def check_extras(
    installed: Callable[..., Path], wheel: Path, archive: Path, torch: str, oldest: Sequence[str], work: Path
) -> list[Check]:
    """Install the package plainly and with each extra alone, and run what it is for.

    Args:
        installed: makes an environment in a folder with requirements, and gives its interpreter.
        wheel: the package's wheel.
        archive: its source archive.
        torch: the torch to install where one is needed.
        oldest: lower bounds of what training and exporting need, which are tried beside that torch.
        work: a folder.
    """
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    _write_inputs(folder)

    def extra(name: str) -> str:
        return f"strongpose[{name}] @ {wheel.as_uri()}"

    environments: dict[str, tuple[list[object], Callable[[Place], list[Check]]]] = {
        "the source archive": ([archive], _from_source),
        "the wheel": ([wheel], _plainly),
        "[openvino]": ([extra("openvino")], _with_openvino),
        "[video]": ([extra("video")], _with_video),
        "[serve]": ([extra("serve")], _with_serve),
        "[batch]": ([extra("batch")], _with_batch),
        "[data]": ([extra("data")], _with_data),
        "[train]": ([extra("train"), torch], _with_train),
        "[export]": ([extra("export"), torch], _with_export),
        "[train,export], the oldest": (
            ["--resolution", "lowest-direct", wheel, *oldest, torch],
            lambda place: [*_with_train(place), *_with_export(place)],
        ),
        "[docs]": ([extra("docs")], lambda place: [_site(place, archive)]),
    }
    checks: list[Check] = []
    for name, (requirements, check) in environments.items():
        place = work / "extra"
        try:
            checks += check(Place(folder, installed(place, *requirements), name))
        except subprocess.CalledProcessError as error:
            text = error.stderr if isinstance(error.stderr, str) else (error.stderr or b"").decode()
            checks.append(Check(name, "", f"**failed**: {_tail(text)}", False))
        shutil.rmtree(place, ignore_errors=True)
        print(f"{name}: {'good' if all(c.good for c in checks if c.installed == name) else 'bad'}", file=sys.stderr)
    return checks


def _from_source(place: Place) -> list[Check]:
    return [place.run("predict photos/group.jpg --out from-source --size 321", "from-source/group.poses.json")]


def _with_openvino(place: Place) -> list[Check]:
    return [place.run("predict photos --out fast --model fast", "fast/*.json", "left_knee")]


def _with_video(place: Place) -> list[Check]:
    place.do(CLIP)
    return [place.run("video clip.mp4 --out clips --size 321", "clips/clip.poses.jsonl", "left_knee")]


def _with_serve(place: Place) -> list[Check]:
    return [_served(place)]


def _with_batch(place: Place) -> list[Check]:
    return [place.run("batch photos parts --size 321", "parts/part-*.parquet")]


def _with_data(place: Place) -> list[Check]:
    place.do(MATLAB)
    return [place.run("data convert joints.mat --from lsp --images people --out lsp.json", "lsp.json", "right_ankle")]


def _with_train(place: Place) -> list[Check]:
    shutil.rmtree(place.folder / "trained", ignore_errors=True)  # which would be gone on with
    options = "--steps 1 --batch-size 1 --crop-size 65 --workers 0 --no-bf16"
    return [place.run(f"train --data people.json --out trained {options}", "trained/weights.safetensors")]


def _with_export(place: Place) -> list[Check]:
    """A tiny network, of the weights that training wrote, and that it runs."""
    return [
        place.run("export trained/weights.safetensors --out tiny.onnx --size 129", "tiny.onnx"),
        place.run("predict photos/group.jpg --out tiny --model tiny.onnx", "tiny/group.poses.json"),
    ]


def _plainly(place: Place) -> list[Check]:
    """Without any extra: what works, and what the others say."""
    return [
        place.run("predict photos --out poses --bodies", "poses/group.poses.json", "left_knee"),
        place.run("evaluate people.json --images people --size 129 --results found.json", "found.json"),
        place.run("diagnose people.json --images people --size 129 --out wrong", "wrong/*"),
        place.run("data convert people.json --from coco --out again.json", "again.json"),
        place.refused("predict photos --out no --model fast", "pip install 'strongpose[openvino] @ file:"),
        place.refused("predict photos --out no --runtime torch", "pip install 'strongpose[train] @ file:"),
        place.refused("video clip.mp4 --out no", "pip install 'strongpose[video] @ file:"),
        place.refused("serve --port 0", "pip install 'strongpose[serve] @ file:"),
        place.refused("batch photos no", "pip install 'strongpose[batch] @ file:"),
        place.refused("train --data people.json --out no", "pip install 'strongpose[train] @ file:"),
        place.refused("export w.safetensors --out no.onnx", "pip install 'strongpose[export] @ file:"),
        place.refused(
            "data convert a.mat --from lsp --images people --out no.json", "pip install 'strongpose[data] @ file:"
        ),
    ]


def _served(place: Place) -> Check:
    """Start the server, ask for the page and for the people in a photo, and end it."""
    command = ["serve", "--port", "0", "--size", "321"]
    program = place.python.with_name("strongpose")
    server = subprocess.Popen(
        [program, *command], cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=_environment(),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = next((word for word in server.stdout.readline().split() if word.startswith("http")), "")
        page = urllib.request.urlopen(url, timeout=60).read().decode()
        photo = (place.folder / "photos" / "group.jpg").read_bytes()
        question = urllib.request.Request(f"{url.rstrip('/')}/api/poses", photo, {"Content-Type": "image/jpeg"})
        people = len(json.load(urllib.request.urlopen(question, timeout=300))["people"])
        outcome, good = f"the page; {people} people in group.jpg", "<html" in page and people > 0
    except (OSError, ValueError, KeyError) as error:
        outcome, good = f"**failed**: {error}", False
    finally:
        server.terminate()
        server.wait(60)
    return Check(place.installed, f"`strongpose {' '.join(command)}`", outcome, good)


def _site(place: Place, archive: Path) -> Check:
    """Build the pages of the source archive."""
    with tarfile.open(archive) as source:
        source.extractall(place.folder / "source", filter="data")
    [source_folder] = (place.folder / "source").iterdir()
    command = [place.python, "-m", "mkdocs", "build", "--quiet", "--site-dir", place.folder / "site"]
    done = subprocess.run(command, cwd=source_folder, capture_output=True, text=True, env=_environment())
    good = done.returncode == 0 and (place.folder / "site" / "python" / "index.html").is_file()
    return Check(place.installed, "`mkdocs build`", "a site" if good else f"**failed**: {_tail(done.stderr)}", good)


def _write_inputs(folder: Path) -> None:
    """Two photos, and a data set of one: ``people.json`` and ``people/im00001.jpg``."""
    sources = REPOSITORY / "tests" / "photos"
    for name in ("photos", "people"):
        (folder / name).mkdir(parents=True)
    for name in ("group.jpg", "astronaut.jpg"):
        shutil.copy(sources / name, folder / "photos")
    shutil.copy(sources / "astronaut.jpg", folder / "people" / "im00001.jpg")
    keypoints = [value for k in range(17) for value in (150 + 9 * k, 80 + 14 * k, 2)]
    person = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "keypoints": keypoints, "num_keypoints": 17}
    person |= {"bbox": [150, 80, 144, 224], "area": 20000}
    names = [f"{side}_{part}" for part in ("eye", "ear") for side in ("left", "right")]
    names += [
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    ]
    data = {
        "images": [{"id": 1, "file_name": "im00001.jpg", "width": 512, "height": 512}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", *names], "skeleton": []}],
    }
    (folder / "people.json").write_text(json.dumps(data), encoding="utf-8")


def _environment() -> dict[str, str]:
    """Without a path to this checkout's package, and without colours."""
    left_out = ("PYTHONPATH", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "NO_MKDOCS_2_WARNING": "1", "RAY_worker_niceness": "0"}


def _tail(text: str) -> str:
    return " ".join(text.split())[-200:].replace("|", "/")
