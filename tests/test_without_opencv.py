"""OpenCV is for training and for the window of ``strongpose video --show``; all else does without."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import strongpose
from strongpose.video import window

PACKAGE = Path(strongpose.__file__).parent
NO_WINDOWS = "has no windows; remedy: pip uninstall opencv-python-headless; pip install --force-reinstall --no-deps"
ALLOWED = {"data/augment.py", "data/batches.py", "video/window.py"}

PREDICT = """
import sys
sys.modules["cv2"] = None  # importing it fails
from pathlib import Path
from strongpose import StrongPose
from strongpose.cli import main
photo, out = sys.argv[1:]
model = StrongPose.from_pretrained("base", size=321, threads=1, runtime="onnx")
poses = model(photo)
print(len(poses), all(len(found) == len(poses) for found in model.predict_many([photo])))
sys.argv = ["strongpose", "predict", photo, "--out", out, "--size", "321", "--bodies", "--fields", "--runtime", "onnx"]
sys.exit(main())
"""


def test_only_training_and_the_window_import_opencv():
    importing = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "cv2" for name in names):
                importing.add(file.relative_to(PACKAGE).as_posix())
    assert importing == ALLOWED


def test_photos_are_looked_at_and_drawn_on_where_opencv_cannot_be_imported(photos, tmp_path):
    command = [sys.executable, "-c", PREDICT, str(photos / "group.jpg"), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    people, same = run.stdout.splitlines()[0].split()
    assert int(people) >= 3 and same == "True"
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"group.poses.jpg", "group.fields.jpg", "group.poses.json"} <= names


class WithoutWindows:
    """An OpenCV as opencv-python-headless has it."""

    WINDOW_NORMAL = 0
    imshow = None

    class error(Exception):
        pass

    def namedWindow(self, title, kind):
        raise self.error("The function is not implemented")


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (None, "remedy: pip install opencv-python"),
        (
            WithoutWindows(),
            "has no windows; remedy: pip uninstall opencv-python-headless; pip install --force-reinstall",
        ),
        (object(), "has no windows; remedy: pip uninstall opencv-python-headless; pip install --force-reinstall"),
    ],
    ids=["missing", "headless", "left-over"],
)
def test_the_window_says_what_to_install(module, said, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setitem(sys.modules, "cv2", module)
    reason = window.open_window()
    assert reason is not None and said in reason and "\n" not in reason


def test_a_window_is_opened_with_whatever_build_has_one(monkeypatch):
    class WithWindows(WithoutWindows):
        WND_PROP_VISIBLE = 4
        shown = None

        def namedWindow(self, title, kind):
            pass

        def imshow(self, title, picture):
            self.shown = picture

        def waitKey(self, milliseconds):
            return ord("q")

        def getWindowProperty(self, title, what):
            return 1.0

    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setitem(sys.modules, "cv2", build := WithWindows())
    assert window.open_window() is None
    picture = np.full((2, 2, 3), (1, 2, 3), np.uint8)
    assert window.show_frame(picture) is False
    assert build.shown[0, 0].tolist() == [3, 2, 1]
