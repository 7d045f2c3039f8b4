"""A window that shows a video's frames as they are made."""

from __future__ import annotations

import os
import sys

import numpy as np

from strongpose._util.lines import one_line

__all__ = ["open_window", "show_frame"]

_TITLE = "strongpose (q ends)"
_ESCAPE = 27
_WITH_WINDOWS = "pip uninstall opencv-python-headless; pip install --force-reinstall --no-deps opencv-python"


def open_window() -> str | None:
    """Open the window; returns None, or why that cannot be done and the remedy."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no screen here (DISPLAY is not set); leave --show away and look at the written video"
    try:
        import cv2
    except ImportError as error:
        return f"a window needs OpenCV, which cannot be loaded ({one_line(error)}); remedy: pip install opencv-python"
    without_windows = f"the installed OpenCV has no windows; remedy: {_WITH_WINDOWS}"
    if not hasattr(cv2, "imshow"):  # what an uninstalled build left behind
        return without_windows
    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL)
    except cv2.error:
        return without_windows
    return None


def show_frame(picture: np.ndarray) -> bool:
    """Show (H, W, 3) uint8 RGB; False once q or Esc was pressed or the window was closed."""
    import cv2

    cv2.imshow(_TITLE, picture[..., ::-1])
    key = cv2.waitKey(1) & 0xFF
    return key not in (ord("q"), _ESCAPE) and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) > 0
