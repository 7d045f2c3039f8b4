"""StrongPose, the estimator: a photo in, the poses of its people out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike

import numpy as np

from strongpose.averaging import average
from strongpose.decode import DecodeOptions, decode
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, Photo, fit_image, open_image
from strongpose.poses import Poses
from strongpose.runtime import ModelError, ModelInfo, Runtime, RuntimeChoice, open_runtime, resolve_model

__all__ = ["StrongPose"]


class StrongPose:
    """Finds the people in photos and the keypoints of each.

    Args:
        runtime: what runs the network; see `strongpose.runtime`.
        size: long side in pixels to which photos are scaled; left out, the size recommended by the
            model. Larger finds smaller people and takes longer. Of several sizes the fields are averaged
            (`strongpose.averaging`) in the frame of the largest; the times add up.
        flip: also look at the mirrored photo and average both fields; better and half as fast.
        options: of the decoder; left out, what the model recommends.

    Attributes:
        runtime: what runs the network.
        sizes: the long sides at which photos are looked at, ascending.
        size: the one in whose frame fields are given and decoded.
        flip: whether the mirrored photo is looked at as well.
        options: of the decoder.

    Raises:
        ValueError: if a size is not positive, given twice, or there is none.
        strongpose.runtime.ModelError: if the model recommends decoder options that do not exist.
    """

    def __init__(
        self,
        runtime: Runtime,
        size: int | Sequence[int] | None = None,
        flip: bool = False,
        options: DecodeOptions | None = None,
    ) -> None:
        self.runtime = runtime
        self.sizes = _checked_sizes(runtime.info.size if size is None else size)
        self.size = self.sizes[-1]
        self.flip = flip
        self.options = _recommended(runtime.info) if options is None else options

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | PathLike[str] = "base",
        *,
        size: int | Sequence[int] | None = None,
        flip: bool = False,
        options: DecodeOptions | None = None,
        threads: int = 0,
        runtime: RuntimeChoice = "auto",
    ) -> StrongPose:
        """An estimator with a trained network.

        Args:
            name_or_path: a model that comes with the package, or the path of an .onnx file, or
                of the .xml file of an int8 model.
            size: long side in pixels to which photos are scaled, or several, whose fields are averaged;
                left out, what the model recommends.
            flip: also look at the mirrored photo.
            options: of the decoder; left out, what the model recommends.
            threads: CPU threads of the network; 0 takes all cores.
            runtime: what runs the network: openvino, onnx or torch; auto takes the fastest that is
                installed (`strongpose.runtime.open_runtime`), and ``model.runtime.name`` says which.

        Raises:
            strongpose.runtime.ModelError: if there is no such model, it cannot be used, or the runtime
                is not installed.
        """
        return cls(open_runtime(resolve_model(name_or_path), runtime, threads), size, flip, options)

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself: skeleton, stride, licence and more."""
        return self.runtime.info

    def __call__(self, image: Photo) -> Poses:
        """The people in a photo.

        Args:
            image: a path, the bytes of an image file, (H, W, 3) uint8 RGB or a Pillow image.

        Returns:
            Poses in photo pixels, best first.

        Raises:
            strongpose.images.ImageError: if the photo cannot be opened.
        """
        inputs = self._inputs(open_image(image))
        return self.decode(self._fields(inputs), inputs[self.size])

    def predict_many(self, images: Iterable[Photo]) -> Iterator[Poses]:
        """The people in each of many photos, one photo at a time and only as they are asked for.

        Raises:
            strongpose.images.ImageError: if a photo cannot be opened.
        """
        return map(self, images)

    def fit(self, image: Photo) -> FittedImage:
        """The photo as the network's input of the long side ``size``, with the mapping back to photo pixels.

        Raises:
            strongpose.images.ImageError: if the photo cannot be opened.
        """
        return fit_image(open_image(image), self.size, self.info.coarse_stride)

    def fields(self, image: Photo | FittedImage) -> Fields:
        """All maps of a photo, averaged over sizes and mirroring, in the frame of `fit`.

        Args:
            image: a photo, or, where there is one size, what `fit` returned.

        Raises:
            strongpose.images.ImageError: if the photo cannot be opened.
            ValueError: if a fitted photo is given and there are several sizes: each needs the photo itself.
        """
        if not isinstance(image, FittedImage):
            return self._fields(self._inputs(open_image(image)))
        if len(self.sizes) > 1:
            raise ValueError(f"sizes {self.sizes} need the photo itself, not the photo fitted to one of them")
        return self._fields({self.size: image})

    def decode(self, fields: Fields, fitted: FittedImage) -> Poses:
        """The poses, in photo pixels, that `fields` found in a photo that `fit` fitted."""
        poses = decode(fields, self.options)
        keypoints = poses.keypoints.copy()
        keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
        boxes = fitted.to_photo(poses.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        return Poses(keypoints, poses.scores, poses.skeleton, boxes)

    def _inputs(self, photo: np.ndarray) -> dict[int, FittedImage]:
        """The network's input of every size."""
        return {size: fit_image(photo, size, self.info.coarse_stride) for size in self.sizes}

    def _fields(self, inputs: dict[int, FittedImage]) -> Fields:
        """The fields of a photo in the frame of ``size``."""
        if len(inputs) == 1 and not self.flip:
            return self._run(inputs[self.size].pixels[None])[0]
        return average([(self._look(fitted), fitted) for fitted in inputs.values()], inputs[self.size])

    def _look(self, fitted: FittedImage) -> list[Fields]:
        """The fields of one input, and those of its mirror image mirrored back."""
        pixels = fitted.pixels
        if not self.flip:
            return self._run(pixels[None])
        straight, mirrored = self._run(np.stack([pixels, pixels[:, ::-1]]))
        return [straight, mirrored.mirrored()]

    def _run(self, images: np.ndarray) -> list[Fields]:
        """The fields of each of (B, H, W, 3) network inputs."""
        maps, info = self.runtime(images), self.info
        expected = tuple(cell_count(side, info.stride) for side in images.shape[1:3])
        if maps.body.shape[1:] != expected:
            raise ModelError(
                f"the model's metadata says stride {info.stride}, which gives {expected} cells "
                f"for an input of {images.shape[1:3]} pixels, but it returned {maps.body.shape[1:]}"
            )
        return [Fields(*one, stride=info.stride, skeleton=info.skeleton) for one in zip(*maps, strict=True)]


def _recommended(info: ModelInfo) -> DecodeOptions:
    try:
        return DecodeOptions(**info.decode)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ModelError(f"the model's metadata recommends decoder options that do not fit: {error}") from error


def _checked_sizes(size: int | Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(sorted([size] if isinstance(size, int) else size))
    if not sizes or sizes[0] < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"sizes must differ, got {size}")
    return sizes
