"""Appearance: colour histograms of people's clothes, for the re-identification of people who were occluded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.poses import Poses

__all__ = ["Appearances", "colour_distances"]

_SHOULDERS, _HIPS = ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")
_KNEES = ("left_knee", "right_knee")
_PARTS = 2  # torso, thighs
_LEVELS = 4  # of each of red, green and blue
_BINS = _LEVELS**3
_ACROSS, _DOWN = np.linspace(0.1, 0.9, 8), np.linspace(0.05, 0.9, 12)  # of the torso, where colours are sampled
_ALONG = np.linspace(0.15, 0.95, 10)  # of the thighs, likewise
_ASIDE = np.array([-0.08, 0.0, 0.08])  # lengths of the torso to the left and right of the thighs' middle
_SURE = 0.2  # least score of shoulders and hips of a torso that is sure to be where it was found
_OVERLAP = 0.1  # share of the torso's samples in boxes of others, from which it counts as occluded
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Appearances:
    """How the N people of a frame look.

    Attributes:
        histograms: (N, 2, 64) of red, green and blue, of the torso and of the thighs; the sum of each is 1, or 0 where
            the body part is outside the image or not part of the skeleton.
        unoccluded: (N,) bool, whether the torso was found surely and nobody else's box reaches over it: the colours
            are surely the person's own.
    """

    histograms: np.ndarray
    unoccluded: np.ndarray

    @classmethod
    def unknown(cls, count: int) -> Appearances:
        """Of people of whom only the poses are known."""
        return cls(np.zeros((count, _PARTS, _BINS)), np.zeros(count, dtype=bool))

    @classmethod
    def of(cls, image: np.ndarray, poses: Poses) -> Appearances:
        """Of N people in an image.

        Args:
            image: (H, W, 3) uint8 RGB.
            poses: in pixels of the image; unknown where the skeleton has no shoulders and hips by COCO's names.
        """
        names = poses.skeleton.names
        found = cls.unknown(len(poses))
        if not len(poses) or not {*_SHOULDERS, *_HIPS} <= set(names):
            return found

        def at(which: tuple[str, str]) -> np.ndarray:
            return poses.keypoints[:, [names.index(name) for name in which]].astype(np.float64)

        shoulders, hips = at(_SHOULDERS), at(_HIPS)
        torsos = _torso_points(shoulders[..., :2], hips[..., :2])
        found.histograms[:, 0] = _colour_histograms(image, torsos)
        if set(_KNEES) <= set(names):
            lengths = np.linalg.norm((shoulders - hips)[..., :2].mean(axis=1), axis=1)
            thighs = _thigh_points(hips[..., :2], at(_KNEES)[..., :2], lengths)
            found.histograms[:, 1] = _colour_histograms(image, thighs)
        sure = np.concatenate([shoulders, hips], axis=1)[..., 2].min(axis=1) >= _SURE
        inside = found.histograms[:, 0].any(axis=1)
        found.unoccluded[:] = sure & inside & (_overlapped(torsos, poses.boxes) <= _OVERLAP)
        return found


def colour_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How differently M and N people are dressed: 1 - Bhattacharyya coefficient, the mean over the body parts.

    Args:
        first: (M, 2, 64) histograms.
        second: (N, 2, 64) histograms.

    Returns:
        (M, N) 0-1; 0 is alike. A body part that is not known of both counts as alike.
    """
    known = (first.sum(axis=-1) > 0)[:, None] & (second.sum(axis=-1) > 0)[None]
    alike = np.einsum("mkb,nkb->mnk", np.sqrt(first), np.sqrt(second))
    return np.where(known, 1 - np.minimum(alike, 1), 0).mean(axis=-1)


def _torso_points(shoulders: np.ndarray, hips: np.ndarray) -> np.ndarray:
    """(N, P, 2) evenly between (N, 2, 2) shoulders and (N, 2, 2) hips."""
    across = _ACROSS[:, None]
    top = (1 - across) * shoulders[:, :1] + across * shoulders[:, 1:]
    low = (1 - across) * hips[:, :1] + across * hips[:, 1:]
    down = _DOWN[:, None, None]
    return ((1 - down) * top[:, None] + down * low[:, None]).reshape(len(hips), -1, 2)


def _thigh_points(hips: np.ndarray, knees: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(N, P, 2) in narrow bands from (N, 2, 2) hips to (N, 2, 2) knees; (N,) lengths of the torso, in pixels."""
    along = _ALONG[:, None, None]
    middles = ((1 - along) * hips[:, None] + along * knees[:, None]).reshape(len(hips), -1, 1, 2)
    aside = np.stack([_ASIDE * lengths[:, None], np.zeros((len(hips), len(_ASIDE)))], axis=-1)
    return (middles + aside[:, None]).reshape(len(hips), -1, 2)


def _colour_histograms(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 64) at (N, P, 2) points; every colour counts in the bins around it (trilinear)."""
    height, width = image.shape[:2]
    x, y = np.moveaxis(np.floor(points + 0.5), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = np.where(inside, x, 0).astype(np.int64), np.where(inside, y, 0).astype(np.int64)
    levels = image[y, x].astype(np.float64) / 255 * (_LEVELS - 1)
    low = np.minimum(levels.astype(np.int64), _LEVELS - 2)
    high_share = levels - low
    rows = _BINS * np.arange(len(points))[:, None]
    sums = np.zeros(len(points) * _BINS)
    for corner in np.ndindex(2, 2, 2):
        weights = np.where(corner, high_share, 1 - high_share).prod(axis=-1) * inside
        bins = rows + (low + corner) @ [_LEVELS**2, _LEVELS, 1]
        sums += np.bincount(bins.ravel(), weights.ravel(), len(sums))
    histograms = sums.reshape(len(points), _BINS)
    return histograms / np.maximum(histograms.sum(axis=1, keepdims=True), _TINY)


def _overlapped(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) share of each person's (N, P, 2) points that lie in another person's box, of (N, 4)."""
    low, high = boxes[None, :, None, :2], boxes[None, :, None, 2:]
    inside: np.ndarray = np.all((points[:, None] >= low) & (points[:, None] <= high), axis=-1)
    inside[np.arange(len(points)), np.arange(len(points))] = False
    covered = np.asarray(inside.any(axis=1))
    return covered.mean(axis=1)
