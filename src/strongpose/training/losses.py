"""Training losses: masked, normalised and returned term by term."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from strongpose.encode import Targets
from strongpose.network.heads import DISPLACEMENT_SCALE, OFFSET_SCALE, Maps

__all__ = ["Counts", "LossWeights", "count", "losses", "total_loss"]


class LossWeights(NamedTuple):
    """How much each term counts in the sum that is minimised.

    Attributes:
        heatmaps: strong keypoint heat maps.
        offsets: short offsets.
        displacements: relative displacements.
        body: body heat map.
        middle: all terms of the middle-layer head together.
    """

    heatmaps: float = 1.0
    offsets: float = 1.0
    displacements: float = 1.0
    body: float = 1.0
    middle: float = 0.3


class Counts(NamedTuple):
    """What the terms are divided by: cells of a batch, each a scalar int64 (of several processes: the sum).

    Attributes:
        disks: cells of all keypoints' disks.
        displacements: cells of all displacements' disks.
        valid: cells at which the losses may look.
    """

    disks: Tensor
    displacements: Tensor
    valid: Tensor


def count(targets: Targets) -> Counts:
    """The cells of a batch."""
    return Counts(targets.disks.sum(), targets.displacement_mask.sum(), targets.valid.sum())


def losses(maps: Maps, targets: Targets, focal_gamma: float = 1.0, counts: Counts | None = None) -> dict[str, Tensor]:
    """Loss terms of a batch, each a scalar of order one (SP §III-B).

    The heat map term is the logistic loss; a cell counts by the error |p − t|^γ, so that the
    great easy background does not drown the disks, and the sum is divided by the number of disk cells.
    With ``focal_gamma`` 0 it is the paper's average logistic loss, over the valid cells. Offsets and
    displacements are L1 errors in units of 16 and 64 pixels, averaged over their disks only.

    Args:
        maps: predictions of a batch; heat maps and body as logits, vectors in pixels.
        targets: from `strongpose.encode.encode` or a teacher, of the same sizes.
        focal_gamma: γ, the exponent of a cell's weight, as in focal loss.
        counts: the cells of the whole batch, of which this may be a part; the parts' terms then add up to
            the whole batch's. The cells of ``targets`` if None.

    Returns:
        ``heatmaps``, ``offsets``, ``displacements``, ``body`` and, where the network returned its
        middle-layer maps, ``middle``: the sum of that head's terms.
    """
    counts = Counts(*(n.clamp(min=1) for n in counts or count(targets)))
    terms = _vector_terms(maps, targets, counts)
    terms["heatmaps"] = _heatmap_term(maps.heatmaps, targets, focal_gamma, counts)
    terms["body"] = (_logistic(maps.body, targets.body) * targets.valid).sum() / counts.valid
    if maps.middle is not None:
        middle = sum(_vector_terms(maps.middle, targets, counts).values())
        terms["middle"] = middle + _heatmap_term(maps.middle.heatmaps, targets, focal_gamma, counts)
    return terms


def total_loss(terms: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The weighted sum of the terms, a scalar."""
    return torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()


def _logistic(logits: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")


def _heatmap_term(logits: Tensor, targets: Targets, focal_gamma: float, counts: Counts) -> Tensor:
    """Scalar; ``logits`` (B, K, h, w)."""
    valid = targets.valid[:, None]
    loss = _logistic(logits, targets.heatmaps) * valid
    if focal_gamma == 0:
        return loss.sum() / (counts.valid * logits.shape[1])
    error = (logits.detach().float().sigmoid() - targets.heatmaps).abs()
    return (loss * error**focal_gamma).sum() / counts.disks


def _vector_terms(maps: Maps, targets: Targets, counts: Counts) -> dict[str, Tensor]:
    offsets = _disk_l1(maps.offsets, targets.offsets, targets.disks) / counts.disks
    displacements = _disk_l1(maps.displacements, targets.displacements, targets.displacement_mask)
    return {
        "offsets": offsets / OFFSET_SCALE,
        "displacements": displacements / counts.displacements / DISPLACEMENT_SCALE,
    }


def _disk_l1(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Sum over masked cells of |Δx| + |Δy| in pixels; ``predicted`` (B, C, 2, h, w), ``mask`` (B, C, h, w)."""
    cells = mask.nonzero(as_tuple=True)  # a few percent of all
    error = predicted.movedim(2, -1)[cells].float() - target.movedim(2, -1)[cells]
    return error.abs().sum()
