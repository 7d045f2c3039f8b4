"""The part of a photo around a person: cells and photo pixels lie where the network's input says."""

from __future__ import annotations

import numpy as np
import pytest

from strongpose.decode.windows import window_around
from strongpose.fields import Fields, cell_count
from strongpose.images import fit_image
from strongpose.skeleton import Skeleton

STRIDE = 8
STICK = Skeleton("stick", ("top", "foot"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))


@pytest.mark.parametrize("photo_size", [(121, 161), (400, 531), (60, 47)])
def test_up_sampled_cells_lie_on_their_pixels(photo_size):
    fitted = fit_image(np.zeros((*photo_size, 3), np.uint8), 161, STRIDE)
    h, w = (cell_count(side, STRIDE) for side in fitted.pixels.shape[:2])
    fields = Fields(
        np.zeros((2, h, w)), np.zeros((2, 2, h, w)), np.zeros((2, 2, h, w)), np.zeros((h, w)), STRIDE, STICK
    )
    window = window_around(np.array([[40.0, 50.0], [70.0, 60.0]]), 16, fields, fitted)
    assert window is not None
    x, y = window.cells(STRIDE)
    assert x.min() <= 24 and x.max() >= 86 and y.min() <= 34 and y.max() >= 76
    columns = window.enlarged(np.broadcast_to(x, (len(y), len(x))), STRIDE, fitted)
    rows = window.enlarged(np.broadcast_to(y[:, None], (len(y), len(x))), STRIDE, fitted)
    top, left = window.photo_rows.start, window.photo_columns.start
    assert columns.shape == (window.photo_rows.stop - top, window.photo_columns.stop - left)
    expected = fitted.to_input(
        np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in (window.photo_columns, window.photo_rows))), axis=-1)
    )
    assert np.abs(columns - expected[..., 0]).max() < 1e-3
    assert np.abs(rows - expected[..., 1]).max() < 1e-3


def test_nobody_outside_of_the_photo_has_a_window():
    fitted = fit_image(np.zeros((121, 161, 3), np.uint8), 161, STRIDE)
    fields = Fields(
        np.zeros((2, 16, 21)), np.zeros((2, 2, 16, 21)), np.zeros((2, 2, 16, 21)), np.zeros((16, 21)), STRIDE, STICK
    )
    assert window_around(np.array([[400.0, 50.0]]), 16, fields, fitted) is None
    assert window_around(np.array([[1e9, 1e9]]), 16, fields, fitted) is None
