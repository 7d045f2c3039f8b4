"""Measure multi-scale and flip testing: the network runs once per photo and size, then fields are averaged."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.annotations import load_annotations
from strongpose.decode import decode
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields
from strongpose.images import FittedImage, fit_image, open_image
from strongpose.inference.tta import average
from strongpose.runtime import OnnxRuntime, resolve_model


@dataclass(frozen=True)
class Arguments:
    """Print the average precision of a model, and what it costs, for ways of looking at a photo.

    A setting is the long sides in pixels, joined by +, the one whose frame is decoded first; then
    +flip where the mirrored photos are looked at as well, and +plain where vectors are averaged
    without regard to heat (of one size only): 561, 561+flip, 721+401+561+flip.
    """

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    settings: tuple[str, ...] = ("561", "561+flip+plain", "561+flip", "721+401", "721+401+561", "721+401+561+flip")
    """The rows of the table."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""


@dataclass(frozen=True)
class Setting:
    """A way of looking at a photo: the long sides in pixels, the frame's first; mirrored too; a plain mean or not."""

    name: str
    sizes: tuple[int, ...]
    flip: bool
    plain: bool

    @classmethod
    def parse(cls, name: str) -> Setting:
        """The setting that an argument names."""
        parts = name.split("+")
        sizes = tuple(int(part) for part in parts if part not in ("flip", "plain"))
        return cls(name, sizes, "flip" in parts, "plain" in parts)

    def __str__(self) -> str:
        sizes = " + ".join(map(str, sorted(self.sizes)))
        frame = f", reference {self.sizes[0]}" if len(self.sizes) > 1 else ""
        return sizes + frame + (", flip" if self.flip else "") + (", plain mean" if self.plain else "")


@dataclass(frozen=True)
class Look:
    """What the network found in a photo at one size, and in seconds the time that it took."""

    fitted: FittedImage
    found: list[Fields]  # straight, and mirrored back if so wished
    fitting: float
    network: list[float]


def main(arguments: Arguments) -> None:
    settings = [Setting.parse(name) for name in arguments.settings]
    flips = {size: any(size in s.sizes and s.flip for s in settings) for s in settings for size in s.sizes}
    model = StrongPose(OnnxRuntime(resolve_model(arguments.model), arguments.threads))
    data = load_annotations(arguments.annotations, model.info.skeleton)
    results: dict[Setting, list[dict[str, Any]]] = defaultdict(list)
    network: dict[Setting, list[float]] = defaultdict(list)
    total: dict[Setting, list[float]] = defaultdict(list)
    for image in data["images"]:
        start = time.perf_counter()
        photo = open_image(arguments.images / image["file_name"])
        opening = time.perf_counter() - start
        looks = {size: look(model, photo, size, flip) for size, flip in flips.items()}
        for setting in settings:
            used = [looks[size] for size in setting.sizes]
            runs = 1 + setting.flip
            start = time.perf_counter()
            poses = decode(merged(used, setting), model.options)[:MAX_DETECTIONS]
            keypoints = poses.keypoints.copy()
            keypoints[..., :2] = used[0].fitted.to_photo(keypoints[..., :2])
            rest = time.perf_counter() - start + opening + sum(one.fitting for one in used)
            results[setting] += replace(poses, keypoints=keypoints).to_coco(image["id"], data["categories"][0]["id"])
            network[setting].append(sum(sum(one.network[:runs]) for one in used))
            total[setting].append(network[setting][-1] + rest)
    print("| long sides | AP | AP50 | AP75 | AP medium | AP large | AR | ms a photo | network, ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for setting in settings:
        f = evaluate_results(results[setting], data, model.info.skeleton.sigmas)
        figures = " | ".join(f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar))
        times = " | ".join(f"{1e3 * statistics.median(t[setting]):.0f}" for t in (total, network))
        print(f"| {setting} | {figures} | {times} |")


def look(model: StrongPose, photo: np.ndarray, size: int, flip: bool) -> Look:
    """Run the network on a photo at one size and, if so wished, on the mirrored photo."""
    start = time.perf_counter()
    fitted = fit_image(photo, size, model.info.coarse_stride)
    fitting = time.perf_counter() - start
    found, seconds = [], []
    for mirrored in (False, True)[: 1 + flip]:
        start = time.perf_counter()
        if mirrored:
            found.append(model.fields(replace(fitted, pixels=fitted.pixels[:, ::-1])).mirrored())
        else:
            found.append(model.fields(fitted))
        seconds.append(time.perf_counter() - start)
    return Look(fitted, found, fitting, seconds)


def merged(looks: list[Look], setting: Setting) -> Fields:
    """The fields that a setting decodes, in the frame of its first size."""
    frame = looks[0]
    found = frame.found[: 1 + setting.flip]
    if setting.plain and setting.flip:
        return plain_mean(*found)
    if len(looks) == 1 and not setting.flip:
        return found[0]
    return average([(one.found[: 1 + setting.flip], one.fitted) for one in looks], frame.fitted)


def plain_mean(a: Fields, b: Fields) -> Fields:
    """The mean of two fields, whatever the heat."""
    return Fields(
        (a.heatmaps + b.heatmaps) / 2,
        (a.offsets + b.offsets) / 2,
        (a.displacements + b.displacements) / 2,
        (a.body + b.body) / 2,
        a.stride,
        a.skeleton,
    )


if __name__ == "__main__":
    main(tyro.cli(Arguments))
