"""How a hand-held camera moves: the shift of the picture's background, so that people can be freed of it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from strongpose.poses import Poses

__all__ = ["CameraMotion", "shifted"]

_SIDE = 480  # pixels, long side of the pictures compared
_MARGIN = 0.15  # of a person's box that is left out around it as well
_TILE = 64  # pixels, side of the squares that are compared
_LEAST_TILES = 4
_LEAST_CONTRAST = 2.0  # grey levels of standard deviation
_SPREAD = 1.5  # pixels from the median shift within which …
_AGREEING = 0.5  # … at least this share of the tiles must move
_TINY = 1e-6


class CameraMotion:
    """Adds up how far the background has moved since the first frame.

    Square tiles outside the people's boxes are compared from frame to frame (phase correlation); the median of
    their shifts counts if most agree with it. Turning and zooming are not looked for. Where the background is
    bare, or hidden by people, its shift cannot be told and is taken to be none.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._last_boxes = np.zeros((0, 4))
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
        picture = Image.fromarray(image).convert("L").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        grey, boxes = np.asarray(picture, dtype=np.float32), boxes * scale
        if self._last is not None and self._last.shape == grey.shape:
            places = _background_tiles(grey.shape, np.concatenate([self._last_boxes, boxes]))
            steps = _shifts(_tiles(self._last, places), _tiles(grey, places))
            if len(steps) >= _LEAST_TILES:
                step = np.median(steps, axis=0)
                if (np.linalg.norm(steps - step, axis=1) < _SPREAD).mean() >= _AGREEING:
                    self._total = self._total + step / scale
        self._last, self._last_boxes = grey, boxes
        return self._total


def _background_tiles(shape: tuple[int, ...], boxes: np.ndarray) -> np.ndarray:
    """(T, 2) x, y of the top left corners of the tiles outside (N, 4) boxes."""
    x, y = np.meshgrid(*(np.arange(0, side - _TILE + 1, _TILE) for side in shape[::-1]))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    margin = _MARGIN * np.tile(boxes[:, 2:] - boxes[:, :2], 2) * [-1, -1, 1, 1]
    low, high = np.split(boxes + margin, 2, axis=1)
    touches = (places[:, None] <= high) & (places[:, None] + _TILE > low)  # (T, N, 2)
    return places[~np.any(np.all(touches, axis=2), axis=1)]


def _tiles(grey: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(T, side, side) squares of a picture, (T, 2) x, y being their top left corners; their mean is 0."""
    tiles = np.array([grey[y : y + _TILE, x : x + _TILE] for x, y in places.tolist()]).reshape(-1, _TILE, _TILE)
    return tiles - tiles.mean(axis=(1, 2), keepdims=True)


def _shifts(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(M, 2) x, y in pixels from where the content of tiles, (T, side, side), was; of those that have contrast."""
    rich = np.minimum(before.std(axis=(1, 2)), after.std(axis=(1, 2))) >= _LEAST_CONTRAST
    if not rich.any():
        return np.zeros((0, 2))
    window = np.hanning(_TILE + 2)[1:-1].astype(np.float32)
    spectra = [np.fft.rfft2(tiles[rich] * window * window[:, None]) for tiles in (before, after)]
    cross = spectra[1] * spectra[0].conj()
    cross /= np.sqrt(np.abs(cross)) + _TINY  # between phase correlation and correlation, which noise harms less
    peaks = np.fft.irfft2(cross, s=(_TILE, _TILE))
    flat = peaks.reshape(len(peaks), -1)
    y, x = np.divmod(flat.argmax(axis=1), _TILE)
    tile = np.arange(len(peaks))
    found = []
    for axis, at in (((0, 1), x), ((1, 0), y)):
        low, middle, high = (peaks[tile, (y + i * axis[0]) % _TILE, (x + i * axis[1]) % _TILE] for i in (-1, 0, 1))
        bend = np.maximum(2 * middle - low - high, _TINY)
        found.append((at + _TILE // 2) % _TILE - _TILE // 2 + np.clip((high - low) / (2 * bend), -0.5, 0.5))
    return np.stack(found, axis=1)


def shifted(poses: Poses, shift: np.ndarray) -> Poses:
    """The poses moved by (2,) x, y in pixels."""
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] += shift.astype(np.float32)
    return Poses(keypoints, poses.scores, poses.skeleton, poses.boxes + np.tile(shift, 2).astype(np.float32))
