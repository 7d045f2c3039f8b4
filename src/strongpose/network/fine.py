"""The fine branch: corrects heat maps and offsets by what the backbone still knew at stride 4."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from strongpose.network.heads import OFFSET_SCALE, Maps, shuffle
from strongpose.skeleton import Skeleton

__all__ = ["FineBranch"]


class FineBranch(nn.Module):
    """Adds to the heads' heat map logits and offsets, at stride 4.

    Deep features say which keypoint is about where, shallow ones where exactly its edges and corners lie. Both are
    narrowed, laid over each other and convolved. A new branch adds nothing: training starts from what the heads say.

    Args:
        channels: of the deep features.
        shallow_channels: of the features at stride 4.
        width: F, channels of the branch.
        skeleton: gives K.
        upsample: u, strides of the deep features over 4.
    """

    def __init__(self, channels: int, shallow_channels: int, width: int, skeleton: Skeleton, upsample: int) -> None:
        super().__init__()
        self.upsample, self.keypoints = upsample, skeleton.num_keypoints
        self.deep = nn.Conv2d(channels, width // 2 * upsample**2, 1)
        self.shallow = nn.Conv2d(shallow_channels, width // 2, 1)
        self.mix = nn.Conv2d(width // 2 * 2, width, 3, padding=1)
        self.correction = nn.Conv2d(width, 3 * self.keypoints, 1)
        for layer in (self.deep, self.shallow, self.mix):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for bias in (self.deep.bias, self.shallow.bias, self.mix.bias, self.correction.bias, self.correction.weight):
            if bias is not None:
                nn.init.zeros_(bias)

    def forward(self, maps: Maps, features: Tensor, shallow: Tensor) -> Maps:
        """The corrected maps.

        Args:
            maps: of the heads, (B, K, h, w) and so on at stride 4.
            features: (B, C, n, m), what the heads saw.
            shallow: (B, S, h, w), the backbone's at stride 4.
        """
        fine = torch.cat([shuffle(self.deep(features), self.upsample), self.shallow(shallow)], dim=1)
        correction = self.correction(relu(self.mix(relu(fine)))).float()
        heat, offsets = correction.split([self.keypoints, 2 * self.keypoints], dim=1)
        return maps._replace(
            heatmaps=maps.heatmaps + heat, offsets=maps.offsets + offsets.unflatten(1, (-1, 2)) * OFFSET_SCALE
        )
