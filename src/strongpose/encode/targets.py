"""Encode poses as target fields and loss masks, for a whole batch at once and on any device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from strongpose.encode.drawn_body import body_targets
from strongpose.fields import DISK_RADIUS, Fields, cells_to_pixels
from strongpose.skeleton import Skeleton

__all__ = ["Targets", "encode"]


class Targets(NamedTuple):
    """What the network should predict, B images at a time; the frame is the network's input image.

    Attributes:
        heatmaps: (B, K, h, w) float32, 1 within R pixels of some person's keypoint, else 0; a teacher's are between.
        offsets: (B, K, 2, h, w) float32, pixels from the cell to the nearest person's keypoint k;
            meaningful under ``disks``.
        displacements: (B, 2E, 2, h, w) float32, pixels from the cell to the head keypoint of the
            person whose tail keypoint is nearest; meaningful under ``displacement_mask``.
        displacement_mask: (B, 2E, h, w) bool, within R of a tail keypoint whose person's head keypoint is labelled.
        body: (B, h, w) float32, 1 on a person's body, else 0.
        valid: (B, h, w) bool, False where nobody knows whether there is a person (crowds, unlabelled people).
        disks: (B, K, h, w) bool, within R pixels of some person's keypoint.
    """

    heatmaps: Tensor
    offsets: Tensor
    displacements: Tensor
    displacement_mask: Tensor
    body: Tensor
    valid: Tensor
    disks: Tensor

    def fields(self, index: int, stride: int, skeleton: Skeleton) -> Fields:
        """The targets of one image as `Fields`, as a perfect network would predict them."""
        return Fields(
            heatmaps=self.heatmaps[index].cpu().numpy(),
            offsets=(self.offsets[index] * self.disks[index][:, None]).cpu().numpy(),
            displacements=(self.displacements[index] * self.displacement_mask[index][:, None]).cpu().numpy(),
            body=self.body[index].cpu().numpy(),
            stride=stride,
            skeleton=skeleton,
        )


@torch.no_grad()
def encode(
    keypoints: Tensor,
    size: tuple[int, int],
    stride: int,
    skeleton: Skeleton,
    radius: float = DISK_RADIUS,
    valid: Tensor | None = None,
    silhouettes: Tensor | None = None,
    has_silhouette: Tensor | None = None,
) -> Targets:
    """Target fields of annotated people (SP §III-B, §III-C).

    Args:
        keypoints: (B, N, K, 3) float; x, y in pixels of the network's input and a label that is
            positive where the keypoint is annotated. A row without any label is padding.
        size: (h, w), cells down and across.
        stride: pixels per cell.
        skeleton: K keypoints and E edges.
        radius: R, the disks' radius in pixels; the same for every person.
        valid: (B, h, w) bool, False where the losses must not look; all True if None. Inside a disk
            the target is certain, so it stays valid there.
        silhouettes: (B, h, w) bool, bodies known from segmentation.
        has_silhouette: (B, N) bool, people who are already in ``silhouettes``; everybody else's body
            is drawn from the keypoints.

    Returns:
        The targets, on the device of ``keypoints``.

    Raises:
        ValueError: if ``keypoints`` does not have the skeleton's K keypoints.
    """
    k = skeleton.num_keypoints
    if keypoints.ndim != 4 or keypoints.shape[2:] != (k, 3):
        raise ValueError(
            f"keypoints of skeleton {skeleton.name!r} must be (B, N, {k}, 3), got {tuple(keypoints.shape)}"
        )
    if keypoints.shape[1] == 0:
        keypoints = keypoints.new_zeros(keypoints.shape[0], 1, k, 3)
        has_silhouette = None
    device = keypoints.device
    batch = len(keypoints)
    (h, w), points, labelled = size, keypoints[..., :2].float(), keypoints[..., 2] > 0
    ys = cells_to_pixels(torch.arange(h, device=device, dtype=torch.float32), stride)
    xs = cells_to_pixels(torch.arange(w, device=device, dtype=torch.float32), stride)

    nearest, squared = _nearest(points, labelled, xs, ys)
    disks = squared <= radius**2

    cells = torch.stack(torch.broadcast_tensors(xs[None, :], ys[:, None]))  # (2, h, w)

    def vectors(person: Tensor, keypoint: Tensor) -> Tensor:
        """(B, C, 2, h, w): from each cell to ``keypoint[c]`` of ``person[:, c]``."""
        table = points[:, :, keypoint].permute(0, 2, 3, 1)  # (B, C, 2, N)
        index = person.flatten(2)[:, :, None].expand(-1, -1, 2, -1)  # (B, C, 2, h·w)
        return table.gather(3, index).reshape(batch, len(keypoint), 2, h, w) - cells

    every = torch.arange(k, device=device)
    tails, heads = torch.as_tensor(skeleton.directed_edges, device=device).unbind(1)
    owner = nearest[:, tails]  # (B, 2E, h, w)
    has_head = labelled[:, :, heads].transpose(1, 2).gather(2, owner.flatten(2)).view_as(owner)

    drawn = labelled if has_silhouette is None else labelled & ~has_silhouette[..., None]
    body = body_targets(points, drawn, xs, ys, skeleton)
    if silhouettes is not None:
        body = body | silhouettes
    certain = disks.any(1) | body
    valid = torch.ones_like(certain) if valid is None else valid | certain
    return Targets(
        heatmaps=disks.float(),
        offsets=vectors(nearest, every),
        displacements=vectors(owner, heads),
        displacement_mask=disks[:, tails] & has_head,
        body=body.float(),
        valid=valid,
        disks=disks,
    )


def _nearest(points: Tensor, labelled: Tensor, xs: Tensor, ys: Tensor) -> tuple[Tensor, Tensor]:
    """Whose keypoint k is nearest to each cell: (B, K, h, w) person, 0 if nobody's is known, and squared distance.

    Person by person, and only in images that have so many: in the order of their number these come first.
    """
    batch, people, k = labelled.shape
    numbers = torch.arange(people, device=points.device)
    last = torch.where(labelled.any(-1), numbers + 1, 0).amax(1)  # (B,) people of each image
    order = last.argsort(descending=True, stable=True)
    points, labelled = points[order], labelled[order]
    nearest = torch.zeros(batch, k, len(ys), len(xs), dtype=torch.long, device=points.device)
    squared = torch.full(nearest.shape, torch.inf, device=points.device)
    for n, images in enumerate((last[:, None] > numbers).sum(0).tolist()):
        unknown = ~labelled[:images, n, :, None]
        dx = (points[:images, n, :, 0, None] - xs).masked_fill(unknown, torch.inf)  # (images, K, w)
        dy = (points[:images, n, :, 1, None] - ys).masked_fill(unknown, torch.inf)  # (images, K, h)
        distance = dx.square()[:, :, None, :] + dy.square()[:, :, :, None]
        nearest[:images].masked_fill_(distance < squared[:images], n)
        torch.minimum(distance, squared[:images], out=squared[:images])
    back = order.argsort()
    return nearest[back], squared[back]
