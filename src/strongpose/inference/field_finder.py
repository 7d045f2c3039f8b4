"""From photos to fields: network inputs of every size, mirrored too, through the runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from strongpose._util.memory import available_memory
from strongpose.exceptions import ModelError
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, fit_image, padded_stack
from strongpose.inference.prediction import View
from strongpose.inference.tta import flip_average
from strongpose.runtime import RawMaps, Runtime

__all__ = ["BYTES_PER_PIXEL", "FieldFinder", "Inputs"]

Inputs: TypeAlias = "dict[int, FittedImage]"
"""The network inputs of one photo, by size."""

BYTES_PER_PIXEL = 400
"""Memory for a pixel of the network's input, from there to the poses: the packaged models take 150 to 375 on a CPU."""


class FieldFinder:
    """Runs a network on photos at one size or several, mirrored or not.

    Args:
        runtime: what runs the network.
        sizes: the long sides at which photos are looked at, ascending.
        flip: whether flip augmentation is used.
    """

    def __init__(self, runtime: Runtime, sizes: Sequence[int], flip: bool) -> None:
        self._runtime = runtime
        self._sizes = tuple(sizes)
        self._flip = flip
        self._most_pixels = 0  # that went through the network at once: as much memory is there

    def inputs(self, photo: np.ndarray) -> Inputs:
        """The network inputs of a photo (H, W, 3) of uint8 RGB.

        Raises:
            ModelError: if there is not enough memory for them.
        """
        self.require_memory(photo)
        return {size: fit_image(photo, size, self._runtime.info.coarse_stride) for size in self._sizes}

    def require_memory(self, photo: np.ndarray) -> None:
        """Refuse a size at which a photo would take more memory than there is, before the kernel ends the process.

        Raises:
            ModelError: naming the memory that is needed and a size that fits.
        """
        size, (height, width) = self._sizes[-1], photo.shape[:2]
        self._require(round(size * size * min(height, width) / max(height, width)) * (2 if self._flip else 1), 1)

    def views(self, photos: Sequence[Inputs]) -> list[tuple[View, ...]]:
        """Every photo at all sizes, with its fields; inputs of the same size run together.

        Raises:
            ValueError: if there are inputs of other sizes.
        """
        for inputs in photos:
            if tuple(inputs) != self._sizes:
                raise ValueError(f"expected inputs of the sizes {self._sizes}, got {tuple(inputs)}")
        by_size = [self.at_one_size([inputs[size] for inputs in photos]) for size in self._sizes]
        return list(zip(*by_size, strict=True))

    def at_one_size(self, inputs: Sequence[FittedImage]) -> list[View]:
        """Of every input its fields; with ``flip`` the mean of them and those of its mirror image."""
        if self._flip:
            found = self._run([pixels for fitted in inputs for pixels in (fitted.pixels, fitted.pixels[:, ::-1])])
            pairs = zip(found[::2], found[1::2], strict=True)
            fields = [flip_average(straight, mirrored.mirrored()) for straight, mirrored in pairs]
        else:
            fields = self._run([fitted.pixels for fitted in inputs])
        return [View(fitted, one) for fitted, one in zip(inputs, fields, strict=True)]

    def _run(self, images: Sequence[np.ndarray]) -> list[Fields]:
        """The fields of each of B network inputs (H, W, 3), smaller ones padded to the size of the largest."""
        pixels = len(images) * max(image.shape[0] for image in images) * max(image.shape[1] for image in images)
        self._require(pixels, len(images) // (2 if self._flip else 1))
        canvases, info = padded_stack(images), self._runtime.info
        maps = self._runtime(canvases)
        self._most_pixels = max(self._most_pixels, pixels)
        expected = self._cells(canvases.shape[1:])
        if maps.body.shape[1:] != expected:
            raise ModelError(
                f"the model's metadata says stride {info.stride}, which gives {expected} cells "
                f"for an input of {canvases.shape[1:3]} pixels, but it returned {maps.body.shape[1:]}"
            )
        found = []
        for image, one in zip(images, zip(*maps, strict=True), strict=True):
            h, w = self._cells(image.shape)
            cropped = RawMaps(*(part[..., :h, :w] for part in one))
            found.append(Fields(*cropped, stride=info.stride, skeleton=info.skeleton))
        return found

    def _require(self, pixels: int, photos: int) -> None:
        """Refuse so many pixels of network inputs at once, if there is no memory for them."""
        if pixels <= self._most_pixels or self._runtime.device != "cpu":
            return
        needed, free = BYTES_PER_PIXEL * pixels, available_memory()
        if free is None or needed <= free:
            return
        size = self._sizes[-1]
        fits = int(size * (free / needed) ** 0.5)
        how = f"size {size}{' with flip' if self._flip else ''}{f' in batches of {photos}' if photos > 1 else ''}"
        raise ModelError(
            f"{how} takes about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; "
            f"choose a size of at most {fits}{', or a smaller batch' if photos > 1 else ''}"
        )

    def _cells(self, shape: Sequence[int]) -> tuple[int, int]:
        """(h, w), the number of cells of an image of the shape (H, W, 3)."""
        stride = self._runtime.info.stride
        return cell_count(shape[0], stride), cell_count(shape[1], stride)
