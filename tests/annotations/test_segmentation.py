"""Outlines of people in annotation files, in the forms that other tools write."""

from __future__ import annotations

import pytest
from annotation_files import read

from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import AnnotationError


@pytest.mark.parametrize(
    ("segmentation", "points"),
    [([1, 2, 30, 2, 30, 40], 3), ([[[1, 2], [30, 2], [30, 40]]], 3), ([None, [1, 2, 30, 2, 30, 40]], 3)],
)
def test_outlines_are_read_in_every_nesting(path, segmentation, points):
    read(path, lambda d: d["annotations"][0].update(segmentation=segmentation))
    assert len(KeypointDataset(path).records[0].silhouettes[0].polygons[0]) == points


def test_an_outline_that_cannot_be_read_is_named(path):
    with pytest.raises(
        AnnotationError, match=r"people\.json: segmentation of annotation 1 \(image 0\): expected a list of"
    ):
        read(path, lambda d: d["annotations"][0].update(segmentation=["x"]))
        KeypointDataset(path)


@pytest.mark.parametrize(
    ("outlines", "points"), [([[]], None), ([[5, 5]], None), ([[5, 5, 9, 9]], None), ([[], [1, 2, 30, 2, 30, 40]], [3])]
)
def test_outlines_of_fewer_than_three_points_are_none(path, outlines, points):
    def change(data):
        data["annotations"][0]["segmentation"] = outlines
        data["annotations"][1].update(segmentation=outlines, iscrowd=1)

    read(path, change)
    first, second, _ = KeypointDataset(path).records
    if points is None:
        assert first.silhouettes == (None,)
        assert second.ignore[0].polygons[0].shape == (4, 2)  # the box instead
    else:
        assert [len(polygon) for polygon in first.silhouettes[0].polygons] == points
        assert [len(polygon) for polygon in second.ignore[0].polygons] == points
