"""StrongPose, the estimator: a photo in, the poses of its people out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from strongpose.decode import DecodeOptions, decode
from strongpose.exceptions import ImageError, ModelError
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, Photo, fit_image, open_image, padded_stack
from strongpose.inference.prediction import Prediction
from strongpose.inference.prefetch import overlap
from strongpose.inference.settings import checked_sizes, checked_threshold, recommended
from strongpose.inference.tta import average
from strongpose.poses import Poses
from strongpose.runtime import ModelInfo, RawMaps, Runtime, RuntimeChoice, open_runtime, resolve_model

if TYPE_CHECKING:
    from strongpose.video import Frame, TrackedPoses

__all__ = ["StrongPose"]

_Inputs: TypeAlias = "dict[int, FittedImage]"  # by size


class StrongPose:
    """Finds the people in photos and the keypoints of each.

    Args:
        runtime: what runs the network; see `strongpose.runtime`.
        size: long side in pixels to which photos are scaled; left out, the size recommended by the
            model. Larger finds smaller people and takes longer. Of several sizes the fields are averaged
            (`strongpose.inference.tta`) in the frame of the largest; the times add up.
        flip: also look at the mirrored photo and average both fields; better and half as fast.
        options: of the decoder; left out, what the model recommends.
        threshold: people with a lower score (0-1) are left out; left out, the model's own, usually 0.25.

    Attributes:
        runtime: what runs the network.
        sizes: the long sides at which photos are looked at, ascending.
        size: the one in whose frame fields are given and decoded.
        flip: whether the mirrored photo is looked at as well.
        options: of the decoder.
        threshold: people with a lower score are left out.

    Raises:
        ValueError: if a size is not positive, given twice, or there is none, or the threshold is not in 0-1.
        strongpose.exceptions.ModelError: if the model recommends decoder options that do not exist.
    """

    def __init__(
        self,
        runtime: Runtime,
        size: int | Sequence[int] | None = None,
        flip: bool = False,
        options: DecodeOptions | None = None,
        threshold: float | None = None,
    ) -> None:
        self.runtime = runtime
        self.sizes = checked_sizes(runtime.info.size if size is None else size)
        self.size = self.sizes[-1]
        self.flip = flip
        self.options = recommended(runtime.info) if options is None else options
        self.threshold = checked_threshold(runtime.info.threshold if threshold is None else threshold)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | PathLike[str] = "base",
        *,
        size: int | Sequence[int] | None = None,
        flip: bool = False,
        options: DecodeOptions | None = None,
        threshold: float | None = None,
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
            threshold: people with a lower score (0-1) are left out; left out, the model's own, usually 0.25.
            threads: CPU threads of the network; 0 takes all cores.
            runtime: what runs the network: openvino, onnx or torch; auto takes the fastest that is
                installed (`strongpose.runtime.open_runtime`), and ``model.runtime.name`` says which.

        Raises:
            ValueError: if a size or the threshold makes no sense.
            strongpose.exceptions.ModelError: if there is no such model, it cannot be used, or the runtime
                is not installed.
        """
        return cls(open_runtime(resolve_model(name_or_path), runtime, threads), size, flip, options, threshold)

    def with_threshold(self, threshold: float) -> StrongPose:
        """The same estimator with another threshold: 0 keeps all people, as average precision needs.

        Raises:
            ValueError: if the threshold is not in 0-1.
        """
        return StrongPose(self.runtime, self.sizes, self.flip, self.options, threshold)

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself: skeleton, stride, licence and more."""
        return self.runtime.info

    def __call__(self, image: Photo) -> Poses:
        """The people in a photo.

        Args:
            image: a path, the bytes of an image file, (H, W, 3) uint8 RGB or a Pillow image.

        Returns:
            Poses in photo pixels, best first; none scores below ``threshold``.

        Raises:
            strongpose.exceptions.ImageError: if the photo cannot be opened.
        """
        inputs = self._inputs(open_image(image))
        return self.decode(self._fields([inputs])[0], inputs[self.size])

    def track(
        self,
        source: str | PathLike[str],
        *,
        threshold: float | None = None,
        smooth: bool = True,
        camera_motion: bool = True,
        max_frames: int | None = None,
    ) -> Generator[tuple[Frame, TrackedPoses], None, None]:
        """The people in every frame of a video, with ids that last from frame to frame.

        Args:
            source: a video file, numbered pictures (frames/%04d.png), the number of a camera ("0") or an address.
            threshold: people whose score (0-1) never reaches it are left out; None takes the estimator's own.
            smooth: smooth the keypoints over time.
            camera_motion: compensate the motion of a hand-held camera.
            max_frames: end after so many.

        Yields:
            Frame and people (`poses` in its pixels, and their `ids`); the video is closed at the end, also on break.

        Raises:
            ValueError: if the threshold is not in 0-1.
            strongpose.exceptions.VideoError: if the video cannot be opened or read on.
            ImportError: if PyAV, OpenCV or SciPy is missing.
        """
        from strongpose.video import track_video  # of a higher layer: `tests/test_layout.py` names this exception

        model = self if threshold is None else self.with_threshold(threshold)
        yield from track_video(model, source, smooth=smooth, camera_motion=camera_motion, max_frames=max_frames)

    def predict_many(self, images: Iterable[Photo], batch: int = 1) -> Generator[Poses, None, None]:
        """The people in each of many photos, as they are asked for.

        While the caller works on a photo, the next ones are opened and looked at in the background
        (`strongpose.inference.prefetch.overlap`): never more than a few, so any number of photos fits in memory. The
        poses are those of one photo at a time.

        Args:
            images: photos; asked for a few ahead, in the caller's thread.
            batch: number of photos that go through the network together, which pays on a GPU. Where their
                network inputs differ in size, the smaller ones are padded, which moves keypoints a little.

        Raises:
            ValueError: if ``batch`` is not positive.
            strongpose.exceptions.ImageError: if a photo cannot be opened, in its turn. The photos after it are not
                looked at; `predictions` goes on.
        """

        def run(group: list[_Inputs]) -> list[tuple[_Inputs, Fields]]:
            return list(zip(group, self._fields(group), strict=True))

        found = overlap(images, lambda image: self._inputs(open_image(image)), run, batch)
        return self._all_poses(found)

    def predictions(self, images: Iterable[Photo], batch: int = 1) -> Generator[Prediction | ImageError, None, None]:
        """What the network predicts for each of many photos, for `decode` and for drawing; otherwise as `predict_many`.

        Returns:
            In the order of the photos the prediction or, where a photo cannot be opened, the error.

        Raises:
            ValueError: if ``batch`` is not positive.
        """

        def opened(image: Photo) -> tuple[np.ndarray, _Inputs]:
            photo = open_image(image)
            return photo, self._inputs(photo)

        def run(group: list[tuple[np.ndarray, _Inputs]]) -> list[Prediction]:
            found = zip(group, self._fields([inputs for _, inputs in group]), strict=True)
            return [Prediction(photo, inputs[self.size], fields) for (photo, inputs), fields in found]

        return overlap(images, opened, run, batch)

    def fit(self, image: Photo) -> FittedImage:
        """The photo as the network's input of the long side ``size``, with the mapping back to photo pixels.

        Raises:
            strongpose.exceptions.ImageError: if the photo cannot be opened.
        """
        return fit_image(open_image(image), self.size, self.info.coarse_stride)

    def fields(self, image: Photo | FittedImage) -> Fields:
        """All maps of a photo, averaged over sizes and mirroring, in the frame of `fit`.

        Args:
            image: a photo, or, where there is one size, what `fit` returned.

        Raises:
            strongpose.exceptions.ImageError: if the photo cannot be opened.
            ValueError: if a fitted photo is given and there are several sizes: each needs the photo itself.
        """
        if not isinstance(image, FittedImage):
            return self._fields([self._inputs(open_image(image))])[0]
        if len(self.sizes) > 1:
            raise ValueError(f"sizes {self.sizes} need the photo itself, not the photo fitted to one of them")
        return self._fields([{self.size: image}])[0]

    def decode(self, fields: Fields, fitted: FittedImage) -> Poses:
        """The poses, in photo pixels, that `fields` found in a photo that `fit` fitted; none below ``threshold``."""
        poses = decode(fields, self.options, self.threshold)
        keypoints = poses.keypoints.copy()
        keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
        boxes = fitted.to_photo(poses.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        return Poses(keypoints, poses.scores, poses.skeleton, boxes)

    def _all_poses(
        self, found: Generator[tuple[_Inputs, Fields] | ImageError, None, None]
    ) -> Generator[Poses, None, None]:
        with closing(found):
            for one in found:
                if isinstance(one, ImageError):
                    raise one
                inputs, fields = one
                yield self.decode(fields, inputs[self.size])

    def _inputs(self, photo: np.ndarray) -> _Inputs:
        """The network's input of every size."""
        return {size: fit_image(photo, size, self.info.coarse_stride) for size in self.sizes}

    def _fields(self, photos: Sequence[_Inputs]) -> list[Fields]:
        """The fields of every photo in the frame of ``size``; inputs of the same size run together."""
        views = {size: self._views([inputs[size] for inputs in photos]) for size in self.sizes}
        if len(self.sizes) == 1 and not self.flip:
            return [fields for [fields] in views[self.size]]
        return [
            average([(views[size][i], inputs[size]) for size in self.sizes], inputs[self.size])
            for i, inputs in enumerate(photos)
        ]

    def _views(self, inputs: Sequence[FittedImage]) -> list[list[Fields]]:
        """Of every input its fields and, with ``flip``, those of its mirror image mirrored back."""
        if not self.flip:
            return [[fields] for fields in self._run([fitted.pixels for fitted in inputs])]
        found = self._run([pixels for fitted in inputs for pixels in (fitted.pixels, fitted.pixels[:, ::-1])])
        return [[straight, mirrored.mirrored()] for straight, mirrored in zip(found[::2], found[1::2], strict=True)]

    def _run(self, images: Sequence[np.ndarray]) -> list[Fields]:
        """The fields of each of B network inputs (H, W, 3), smaller ones padded to the size of the largest."""
        canvases, info = padded_stack(images), self.info
        maps = self.runtime(canvases)
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

    def _cells(self, shape: Sequence[int]) -> tuple[int, int]:
        """(h, w), the number of cells of an image of the shape (H, W, 3)."""
        return cell_count(shape[0], self.info.stride), cell_count(shape[1], self.info.stride)
