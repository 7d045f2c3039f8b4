"""Compare bodies drawn from keypoints with the silhouettes of the same people; fit the sizes of their parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import tyro
from torch import Tensor

from strongpose.annotations.segmentation import Region
from strongpose.data.coco import KeypointDataset, PhotoRecord
from strongpose.encode.drawn_body import body_targets
from strongpose.skeleton import COCO
from strongpose.skeletons.body_shape import BODY, LENGTHS, BodyShape, without_side

WINDOW = 64  # points across a person's window
STRIDE = 8
LONG_SIDE = 401  # of a photo, at the network's cells
KEYPOINTS = ((1, 4), (5, 8), (9, 12), (13, 17))  # labelled
AREAS = ((0, 20), (20, 80), (80, 320), (320, 10_000))  # of silhouettes, in cells
LIMB_WIDTH = 0.12  # of the capsules that were drawn before
START = BodyShape(
    *(0.2, 0.15, 0.11, 0.22, 0.17, 0.12, 0.15, BODY.other, 0.3),
    *(0.2, 0.1, 0.8, 0.18, 0.22, 0.1, 0.45),
)


@dataclass(frozen=True)
class Arguments:
    """Print the overlap (intersection over union) of drawn bodies with silhouettes, for people not fitted to.

    The photos with silhouettes are taken in turn: one to fit to, one held out. Points that another person's silhouette
    covers do not count, nor do points outside of the photo.
    """

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON), some with `segmentation`; the photos beside them are not read."""
    fit: bool = False
    """Fit lengths and sizes anew, from those that anybody would guess, and print them; takes two minutes."""


Seen = tuple[np.ndarray, int]
"""A window: (2, 3) matrix from photo pixels to its points, and how many points it is across."""


class People(NamedTuple):
    """P people, each seen through a window of their own.

    Attributes:
        keypoints: (P, 17, 3) float; x, y in the window's points.
        silhouettes: (P, n, n) bool.
        judged: (P, n, n) bool, False outside of the photo and on other people.
    """

    keypoints: Tensor
    silhouettes: Tensor
    judged: Tensor


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    records = KeypointDataset(arguments.annotations).records
    photos = [record for record in records if any(region is not None for region in record.silhouettes)]
    shape = BODY
    if arguments.fit:
        keypoints = [k for record in records if record not in photos[1::2] for k in record.keypoints]
        print_lengths(torch.tensor(np.stack(keypoints)))
        shape = fitted(seen(photos[::2], window))
        print(shape, "\n")
    fine, cells = seen(photos[1::2], window), seen(photos[1::2], network_cells)
    columns = [overlaps(people, draw) for people in (cells, fine) for draw in (capsules, drawn(shape))]
    labels = (fine.keypoints[..., 2] > 0).sum(1)
    area = cells.silhouettes.sum((1, 2))
    print(f"| held-out people | number | cells of {STRIDE} px: capsules | bodies | fine: capsules | bodies |")
    print("|---|---|---|---|---|---|")
    for name, some in (
        ("all", labels > 0),
        *((f"{low} to {high} keypoints", (labels >= low) & (labels <= high)) for low, high in KEYPOINTS),
        *((f"{low} to {high - 1} cells", (area >= low) & (area < high)) for low, high in AREAS),
    ):
        figures = " | ".join(f"{column[some].mean():.3f}" for column in columns)
        print(f"| {name} | {int(some.sum())} | {figures} |")


def seen(photos: list[PhotoRecord], view: Callable[[PhotoRecord, np.ndarray, np.ndarray], Seen]) -> People:
    """The people of the photos who have a silhouette."""
    people = []
    for photo in photos:
        masks = [filled(region, photo) for region in photo.silhouettes]
        for i, (keypoints, region) in enumerate(zip(photo.keypoints, photo.silhouettes, strict=True)):
            if region is not None:
                others = np.any([np.zeros_like(masks[i]), *masks[:i], *masks[i + 1 :]], axis=0)
                matrix, points = view(photo, keypoints, masks[i])
                moved = keypoints.copy()
                moved[:, :2] = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
                inside = sampled(np.ones_like(others), matrix, points)
                people.append(
                    (moved, sampled(masks[i], matrix, points), inside & ~sampled(others, matrix, points)),
                )
    return People(*(torch.tensor(np.stack(column)) for column in zip(*people, strict=True)))


def window(photo: PhotoRecord, keypoints: np.ndarray, mask: np.ndarray) -> Seen:
    """A window around a person, who is drawn the same size as everybody else."""
    rows, columns = mask.nonzero()
    corners = [(columns.min(), rows.min()), (columns.max(), rows.max())] if len(rows) else []
    points = np.array([*keypoints[keypoints[:, 2] > 0, :2], *corners])
    low, high = points.min(0), points.max(0)
    scale = (WINDOW - 1) / (1.3 * (high - low).max() + 4)
    shift = (WINDOW - 1) / 2 - scale * (low + high) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), WINDOW


def network_cells(photo: PhotoRecord, keypoints: np.ndarray, mask: np.ndarray) -> Seen:
    """All of the photo, as the network's cells see it."""
    scale = LONG_SIDE / max(photo.width, photo.height) / STRIDE
    return np.array([[scale, 0, 0], [0, scale, 0]]), LONG_SIDE // STRIDE + 1


def filled(region: Region | None, photo: PhotoRecord) -> np.ndarray:
    """(H, W) bool in photo pixels."""
    mask = np.zeros((photo.height, photo.width), dtype=np.uint8)
    if region is not None:
        for polygon in region.polygons:
            cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
        if region.mask is not None:
            mask |= region.mask
    return mask.astype(bool)


def sampled(mask: np.ndarray, matrix: np.ndarray, points: int) -> np.ndarray:
    """(points, points) bool."""
    return cv2.warpAffine(mask.astype(np.uint8), matrix, (points, points), flags=cv2.INTER_NEAREST) > 0


def overlaps(people: People, draw: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """(P,) intersection over union of what is drawn with the silhouettes."""
    grid = torch.arange(people.judged.shape[-1], dtype=torch.float32)
    bodies = draw(people.keypoints[..., :2], people.keypoints[..., 2] > 0, grid) & people.judged
    known = people.silhouettes & people.judged
    return (bodies & known).sum((1, 2)) / (bodies | known).sum((1, 2)).clamp(min=1)


def drawn(shape: BodyShape) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Draws bodies with parts of these sizes."""
    return lambda points, labelled, grid: body_targets(points[:, None], labelled[:, None], grid, grid, COCO, shape)


def capsules(points: Tensor, labelled: Tensor, grid: Tensor) -> Tensor:
    """(P, n, n) bool: limbs of the same width, a share of the root of the keypoints' box, as they were drawn before."""
    low = points.masked_fill(~labelled[..., None], torch.inf).amin(1)
    high = points.masked_fill(~labelled[..., None], -torch.inf).amax(1)
    extent = high - low
    width = LIMB_WIDTH * torch.maximum(extent.prod(-1).sqrt(), 0.5 * extent.amax(-1))
    cells = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), dim=-1)  # (n, n, 2)
    body = torch.zeros(len(points), len(grid), len(grid), dtype=torch.bool)
    for a, b in COCO.limbs:
        start, limb = points[:, a, None, None], (points[:, b] - points[:, a])[:, None, None]
        away = cells - start
        along = ((away * limb).sum(-1) / limb.square().sum(-1).clamp(min=1e-6)).clamp(0, 1)
        near = (away - along[..., None] * limb).square().sum(-1) <= width.square()[:, None, None]
        body |= near & (labelled[:, a] & labelled[:, b])[:, None, None]
    return body


def fitted(people: People) -> BodyShape:
    """Sizes by coordinate descent on the mean overlap, in ever smaller steps."""
    shape, best = START, float(overlaps(people, drawn(START)).mean())
    for step in (0.08, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01):
        for name in [field.name for field in fields(shape) if field.name != "other"]:
            for change in (step, -step):
                better = True
                while better:
                    other = replace(shape, **{name: max(0.0, round(getattr(shape, name) + change, 2))})
                    value = float(overlaps(people, drawn(other)).mean())
                    better = value > best + 1e-5
                    if better:
                        shape, best = other, value
        print(f"steps of {step}: overlap {best:.4f}", flush=True)
    return shape


def print_lengths(keypoints: Tensor) -> None:
    """How far keypoints lie apart, as shares of the trunk, which they tell themselves: each by turns until they agree.

    Of people with eight keypoints at least; left and right together.
    """
    keypoints = keypoints[(keypoints[..., 2] > 0).sum(1) >= 8]
    pairs = torch.tensor([[COCO.names.index(a), COCO.names.index(b)] for a, b, _ in LENGTHS])
    ends = keypoints[:, pairs]  # (P, L, 2, 3)
    squares, seen = (ends[:, :, 0, :2] - ends[:, :, 1, :2]).square().sum(-1), (ends[..., 2] > 0).all(-1)
    names = [f"{without_side(a)} to {without_side(b)}" for a, b, _ in LENGTHS]
    shares = dict.fromkeys(names, 1.0)
    for _ in range(50):
        typical = torch.tensor([shares[name] for name in names]).square()
        trunks = (squares / typical * seen).sum(1) / seen.sum(1).clamp(min=1)
        known = seen & (trunks > 0)[:, None]
        relative = (squares / trunks.clamp(min=1e-6)[:, None]).where(known, 0.0)
        for name in shares:
            alike = [i for i, other in enumerate(names) if other == name]
            shares[name] = float((relative[:, alike].sum() / known[:, alike].sum()).sqrt())
        shares = {name: share / shares["shoulder to hip"] for name, share in shares.items()}
    extent = torch.stack([k[k[:, 2] > 0, :2].amax(0) - k[k[:, 2] > 0, :2].amin(0) for k in keypoints])
    boxes = torch.maximum(extent.prod(1).sqrt(), 0.5 * extent.amax(1))
    print("lengths:", ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    print(f"trunk over box: {(trunks.sqrt() / boxes).median():.2f}, {len(keypoints)} people")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
