"""What others published on COCO, in rows like those of the paper's tables, to print beside our own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple
from typing import NamedTuple

from strongpose._util.tables import table
from strongpose.evaluation.coco import Metrics
from strongpose.evaluation.submission import SplitName

__all__ = ["PUBLISHED", "PublishedMetrics", "comparison"]


class PublishedMetrics(NamedTuple):
    """A row of somebody's table.

    Attributes:
        system: its name, network and way of testing.
        split: the part of COCO.
        ap: average precision, 0-1.
        ar: average recall, or None where our source does not tell it.
        source: who published it.
    """

    system: str
    split: SplitName
    ap: float
    ar: float | None
    source: str


_SP = "Ahmad and Yoon, ICPR 2020"

PUBLISHED = (
    PublishedMetrics("StrongPose, ResNet-101", "val2017", 0.690, 0.757, _SP),
    PublishedMetrics("StrongPose, ResNet-152", "val2017", 0.728, 0.800, _SP),
    PublishedMetrics("OpenPifPaf, k16", "val2017", 0.681, None, "Kreiss et al.'s model table"),
    PublishedMetrics("OpenPifPaf, k30", "val2017", 0.718, None, "Kreiss et al.'s model table"),
    PublishedMetrics("HigherHRNet-W48", "val2017", 0.699, None, "Cheng et al., CVPR 2020"),
    PublishedMetrics("HigherHRNet-W48, several sizes", "val2017", 0.721, None, "Cheng et al., CVPR 2020"),
    PublishedMetrics("SWAHR-W48", "val2017", 0.708, None, "Luo et al., CVPR 2021"),
    PublishedMetrics("SWAHR-W48, several sizes", "val2017", 0.732, None, "Luo et al., CVPR 2021"),
    PublishedMetrics("DEKR-W48", "val2017", 0.710, None, "Geng et al., CVPR 2021"),
    PublishedMetrics("DEKR-W48, several sizes", "val2017", 0.723, None, "Geng et al., CVPR 2021"),
    PublishedMetrics("RTMO-l", "val2017", 0.724, None, "Lu et al., CVPR 2024"),
    PublishedMetrics("DETRPose-X", "val2017", 0.733, None, "Janampa and Pattichis, 2025"),
    PublishedMetrics("RTMDet-nano, RTMPose-s", "val2017", 0.685, None, "Jiang et al., 2023; top-down"),
    PublishedMetrics("Lightweight OpenPose", "val2017", 0.400, None, "Osokin, 2018"),
    PublishedMetrics("YOLO26x-pose", "val2017", 0.716, None, "Ultralytics' model table"),
    PublishedMetrics("YOLO26n-pose", "val2017", 0.572, None, "Ultralytics' model table"),
    PublishedMetrics("StrongPose, ResNet-101", "test-dev2017", 0.708, None, _SP),
    PublishedMetrics("StrongPose, ResNet-152", "test-dev2017", 0.725, None, _SP),
    PublishedMetrics("PersonLab, ResNet-152", "test-dev2017", 0.665, None, "Papandreou et al., ECCV 2018"),
)
"""As their authors measured them; nothing here was run again."""

_COLUMNS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def comparison(split: SplitName, ours: Mapping[str, Metrics]) -> str:
    """A table of the published metrics on a part of COCO, by AP, and ours below them.

    Args:
        split: the part of COCO.
        ours: metrics by name of what was measured here, on the whole of that part.

    Returns:
        Lines of text; a dash where a figure is not known.
    """
    rows = [
        (row.system, (row.ap, *[math.nan] * 4, math.nan if row.ar is None else row.ar, *[math.nan] * 4), row.source)
        for row in sorted(PUBLISHED, key=lambda row: row.ap)
        if row.split == split
    ]
    rows += [(name, astuple(metrics), "measured now") for name, metrics in ours.items()]
    cells = [
        [name, *("–" if math.isnan(value) else f"{value:.3f}" for value in values), source]
        for name, values, source in rows
    ]
    return table([f"COCO {split}", *_COLUMNS, ""], cells)
