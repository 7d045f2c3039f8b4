"""The half-scale branch: the same backbone and neck see the image at half its size, which doubles their view."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, relu

__all__ = ["HalfScaleBranch", "half_size"]


class HalfScaleBranch(nn.Module):
    """Adds what the neck makes of the half-size image to what it makes of the whole.

    A network's view ends somewhere: people larger than it are found worse, small people worse than in a larger
    image. The image at two scales covers both at the price of a quarter more; a 1×1 and
    a 3×3 convolution learn which scale counts where. A new branch adds nothing: training starts from what the
    network said without it.

    Args:
        channels: C, of the neck.
        dilation: of the 3×3 convolution.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 1, bias=False)
        self.correction = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for parameter in (self.first.bias, self.correction.bias, self.correction.weight):
            if parameter is not None:
                nn.init.zeros_(parameter)

    def forward(self, whole: Tensor, half: Tensor) -> Tensor:
        """(B, C, 2n − 1, 2m − 1) features of the whole image, corrected.

        Args:
            whole: (B, C, 2n − 1, 2m − 1).
            half: (B, C, n, m) of the half-size image; its cell i lies on cell 2i of ``whole``.
        """
        wide = interpolate(self.second(half), size=whole.shape[-2:], mode="bilinear", align_corners=True)
        return whole + self.correction(relu(self.first(whole) + wide))


def half_size(images: Tensor) -> Tensor:
    """Normalised images at half their size, smoothed by (1, 2, 1) / 4 either way; pixel i lies on pixel 2i.

    Args:
        images: (B, 3, 2h − 1, 2w − 1), 0 where there is nothing.

    Returns:
        (B, 3, h, w).
    """
    row = torch.tensor([0.25, 0.5, 0.25], dtype=images.dtype, device=images.device)
    kernel = (row[:, None] * row).expand(images.shape[1], 1, 3, 3)
    return conv2d(images, kernel, stride=2, padding=1, groups=images.shape[1])
