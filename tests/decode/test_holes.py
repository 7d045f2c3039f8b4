"""Holes in masks, found like OpenCV finds them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from strongpose.decode.holes import enclosed


def drawn(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


def filled_by_opencv(mask: np.ndarray) -> np.ndarray:
    canvas = mask.astype(np.uint8)
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.astype(bool)


def test_what_is_open_to_the_border_is_no_hole():
    mask = drawn("#####", "#...#", "#.#.#", "###.#")
    assert not enclosed(mask).any()
    mask[3, 3] = True
    assert (enclosed(mask) == drawn(".....", ".###.", ".#.#.", ".....")).all()


def test_corners_close_a_hole():
    assert (enclosed(drawn(".#.", "#.#", ".#.")) == drawn("...", ".#.", "...")).all()


@pytest.mark.parametrize("value", [False, True])
def test_plain_masks_have_none(value):
    for shape in ((1, 1), (1, 4), (4, 1), (3, 5)):
        assert not enclosed(np.full(shape, value)).any()


@pytest.mark.parametrize("grain", [1, 4])
def test_holes_are_those_that_opencv_fills(grain):
    rng = np.random.default_rng(grain)
    found = 0
    for _ in range(200):
        height, width = rng.integers(1, 40, 2).tolist()
        noise = cv2.resize(rng.random((height // grain + 1, width // grain + 1)), (width, height))
        mask = noise < rng.random()
        holes = enclosed(mask)
        assert not (holes & mask).any()
        assert np.array_equal(mask | holes, filled_by_opencv(mask))
        found += holes.any()
    assert found > 20
