"""How a hand-held camera moves: the shift of the picture's background, so that people can be freed of it."""

from __future__ import annotations

import cv2
import numpy as np

from strongpose.poses import Poses

__all__ = ["CameraMotion", "shifted"]

_SIDE = 480  # pixels, long side of the pictures compared
_MARGIN = 0.15  # of a person's box that is left out around it as well
_CORNERS = 150  # points of the background that are followed at most
_LEAST_CORNERS = 12
_SPREAD = 1.5  # pixels from the median shift within which …
_AGREEING = 0.5  # … at least this share of the points must move


class CameraMotion:
    """Adds up how far the background has moved since the first frame.

    Corners outside the people's boxes are followed from frame to frame (Lucas-Kanade); the median of their
    shifts counts if most agree with it. Turning and zooming are not looked for. Where the background is bare,
    or hidden by people, its shift cannot be told and is taken to be none.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._corners = np.zeros((0, 1, 2), np.float32)
        self._total = np.zeros(2)

    def update(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Take in the next frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (N, 4) x0, y0, x1, y1 in pixels, where people are.

        Returns:
            (2,) x, y in pixels: a point that stood still lies so far from where it was in the first frame.
        """
        scale = min(1.0, _SIDE / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        if self._last is not None and self._last.shape == grey.shape and len(self._corners) >= _LEAST_CORNERS:
            moved, found, _ = cv2.calcOpticalFlowPyrLK(self._last, grey, self._corners, self._corners.copy())
            steps = (moved - self._corners)[found.astype(bool)].reshape(-1, 2)
            if len(steps) >= _LEAST_CORNERS:
                step = np.median(steps, axis=0)
                if (np.linalg.norm(steps - step, axis=1) < _SPREAD).mean() >= _AGREEING:
                    self._total = self._total + step / scale
        self._last, self._corners = grey, _background_corners(grey, boxes * scale)
        return self._total


def _background_corners(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(C, 1, 2) float32 points outside (N, 4) boxes."""
    mask = np.full(grey.shape, 255, np.uint8)
    for x0, y0, x1, y1 in boxes.tolist():
        dx, dy = _MARGIN * (x1 - x0), _MARGIN * (y1 - y0)
        corners = np.clip([x0 - dx, y0 - dy, x1 + dx, y1 + dy], -1, 10_000).round().astype(int)
        cv2.rectangle(mask, corners[:2].tolist(), corners[2:].tolist(), 0, -1)
    corners = cv2.goodFeaturesToTrack(grey, _CORNERS, 0.02, 8, mask=mask)
    return np.zeros((0, 1, 2), np.float32) if corners is None else corners


def shifted(poses: Poses, shift: np.ndarray) -> Poses:
    """The poses moved by (2,) x, y in pixels."""
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] += shift.astype(np.float32)
    return Poses(keypoints, poses.scores, poses.skeleton, poses.boxes + np.tile(shift, 2).astype(np.float32))
