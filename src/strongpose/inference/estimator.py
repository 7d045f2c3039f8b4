"""StrongPose, the estimator: a photo in, the poses of its people out."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from strongpose.decode import DecodeOptions, decode
from strongpose.exceptions import ImageError
from strongpose.fields import Fields
from strongpose.images import FittedImage, Photo, fit_image, open_image
from strongpose.inference.field_finder import FieldFinder, Inputs
from strongpose.inference.multi_scale import merge
from strongpose.inference.photos import noting_paths, path_of, require_one, several
from strongpose.inference.prediction import Prediction, View
from strongpose.inference.prefetch import overlap
from strongpose.inference.settings import checked_sizes, checked_threshold, default_sizes, recommended, require_runtime
from strongpose.poses import Poses
from strongpose.runtime import ModelInfo, Runtime, RuntimeChoice, open_runtime, resolve_model

if TYPE_CHECKING:
    from strongpose.video import Frame, TrackedPoses

__all__ = ["StrongPose"]


class StrongPose:
    """Finds the people in photos and the keypoints of each.

    Args:
        runtime: what runs the network; see `strongpose.runtime`.
        size: long side in pixels to which photos are scaled, or several: people are found at each and merged
            (`strongpose.inference.multi_scale`), the times add up. Larger finds smaller people and takes longer. Left
            out, the model's size and half of it.
        flip: flip augmentation: also run on the horizontally flipped photo and average the fields; more accurate, twice
            the latency.
        options: of the decoder; left out, what the model recommends.
        threshold: people with a lower score (0-1) are left out; left out, the model's own, usually 0.25.

    Attributes:
        runtime: what runs the network.
        sizes: the long sides at which photos are looked at, ascending.
        size: the largest of them, that of `fit` and `fields`.
        flip: whether flip augmentation is used.
        options: of the decoder.
        threshold: people with a lower score are left out.

    Raises:
        TypeError: if a name or a path is given in place of a runtime.
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
        self.runtime = require_runtime(runtime)
        self.sizes = checked_sizes(default_sizes(runtime.info.size) if size is None else size)
        self.size = self.sizes[-1]
        self.flip = flip
        self._finder = FieldFinder(runtime, self.sizes, flip)
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
        device: str = "auto",
    ) -> StrongPose:
        """An estimator with a trained network.

        Args:
            name_or_path: a model that comes with the package, or the path of an .onnx file, or
                of the .xml file of an int8 model.
            size: long side in pixels to which photos are scaled, or several; left out, the model's and half of it.
            flip: flip augmentation.
            options: of the decoder; left out, what the model recommends.
            threshold: people with a lower score (0-1) are left out; left out, the model's own, usually 0.25.
            threads: CPU threads of the network; 0 takes all cores.
            runtime: what runs the network: openvino, onnx or torch; auto takes ONNX Runtime where it can
                use an NVIDIA GPU, else OpenVINO if installed, else ONNX Runtime; ``model.runtime.name`` says which.
            device: cpu, cuda, gpu (Intel's) or mps (Apple's), with a number for one of several, as in cuda:1; auto
                takes an NVIDIA GPU where the runtime can use one, else the CPU.

        Raises:
            ValueError: if a size, the threshold, the number of threads or the device makes no sense.
            strongpose.exceptions.ModelError: if there is no such model, it cannot be used, or the runtime
                is not installed or does not find the device.
        """
        opened = open_runtime(resolve_model(name_or_path), runtime, threads, device)
        return cls(opened, size, flip, options, threshold)

    def with_threshold(self, threshold: float) -> StrongPose:
        """The same estimator with another threshold (0-1): 0 keeps all people, as average precision needs."""
        return StrongPose(self.runtime, self.sizes, self.flip, self.options, threshold)

    def __repr__(self) -> str:
        size = self.size if len(self.sizes) == 1 else self.sizes
        return (
            f"StrongPose({self.runtime.model!r}, size={size}, flip={self.flip}, threshold={self.threshold}, "
            f"runtime={self.runtime.name!r}, device={self.runtime.device!r})"
        )

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself: skeleton, stride, licence and more."""
        return self.runtime.info

    @overload
    def __call__(self, photo: Photo, *, bgr: bool = False) -> Poses: ...

    @overload
    def __call__(self, photo: list[Any] | tuple[Photo, ...], *, bgr: bool = False) -> list[Poses]: ...

    def __call__(self, photo: Photo | list[Any] | tuple[Photo, ...], *, bgr: bool = False) -> Poses | list[Poses]:
        """The people in a photo, or in each photo of a list.

        Args:
            photo: a path, the bytes of an image file, a Pillow image, an array (H, W, 3) of uint8 RGB (or what else
                `open_image` takes), or a list of such photos.
            bgr: whether arrays have their channels in the order of OpenCV, as ``cv2.imread`` gives them.

        Returns:
            Poses in photo pixels, best first; none scores below ``threshold``. Of a list as many, each the same as
            for the photo alone.

        Raises:
            strongpose.exceptions.ImageError: if a photo cannot be opened, or it is a folder, a pattern or a video;
                the message names the call that takes those.
            ValueError: if ``bgr`` is given with a photo that is no array.
        """
        if isinstance(photo, list | tuple):
            return list(self.predict_many(photo, bgr=bgr, strict=True))
        require_one(photo)
        poses = self.poses(self.views(self.inputs(open_image(photo, bgr=bgr))))
        return replace(poses, photo=path_of(photo))

    def track(
        self,
        source: str | PathLike[str] | int,
        *,
        threshold: float | None = None,
        smooth: bool = True,
        camera_motion: bool = True,
        max_frames: int | None = None,
    ) -> Generator[tuple[Frame, TrackedPoses], None, None]:
        """The people in every frame of a video, with ids that last from frame to frame.

        Args:
            source: a video file, numbered pictures (frames/%04d.png), the number of a camera or an address.
            threshold: people whose score (0-1) never reaches it are left out; None takes the estimator's own.
            smooth: smooth the keypoints over time.
            camera_motion: compensate the motion of a hand-held camera.
            max_frames: end after so many.

        Yields:
            Frame and people (`poses` in its pixels, and their `ids`); a warning at the end tells what was damaged.

        Raises:
            ValueError: if the threshold is not in 0-1, or ``max_frames`` is not positive.
            strongpose.exceptions.VideoError: if the video cannot be opened or read on, or holds no frames.
            ImportError: if PyAV, OpenCV or SciPy is missing.
        """
        from strongpose.video import track_video  # of a higher layer: `tests/test_layout.py` names this exception

        model = self if threshold is None else self.with_threshold(threshold)
        yield from track_video(model, source, smooth=smooth, camera_motion=camera_motion, max_frames=max_frames)

    def predict_many(
        self, photos: Iterable[Photo] | str | PathLike[str], batch: int = 1, *, bgr: bool = False, strict: bool = False
    ) -> Generator[Poses, None, None]:
        """The people in each of many photos, in their order.

        While the caller works on a photo, the next ones are opened and looked at in the background
        (`strongpose.inference.prefetch.overlap`): never more than a few, so any number of photos fits in memory. The
        poses are those of one photo at a time.

        ``poses.photo`` is the path of the photo, where it was given as one. A photo that cannot be opened does not end
        the loop, as one bad file must not cost the rest of a long run, nor shift results against photos: its poses are
        empty and have an ``error``, which a warning of one line tells, too.

        Args:
            photos: photos, the path of a folder, or a pattern such as ``"holiday/*.jpg"``. An iterable is asked a few
                photos ahead, in the caller's thread.
            batch: number of photos that go through the network together, which pays on a GPU. Where their
                network inputs differ in size, the smaller ones are padded, which moves keypoints a little.
            bgr: whether arrays have their channels in the order of OpenCV.
            strict: raise the error of a photo that cannot be opened, in its turn.

        Raises:
            ValueError: if ``batch`` is not positive, one photo is given that is no path, or ``bgr`` is given with
                photos that are no arrays.
            strongpose.exceptions.ImageError: if a folder or pattern holds no photo; with ``strict`` also if a photo
                cannot be opened.
        """
        paths: deque[Path | None] = deque()

        def opened(photo: Photo) -> Inputs:
            return self._finder.inputs(open_image(photo, bgr=bgr))

        found = overlap(noting_paths(several(photos), paths), opened, self._finder.views, batch)
        return self._all_poses(found, paths, strict)

    def predictions(self, images: Iterable[Photo], batch: int = 1) -> Generator[Prediction | ImageError, None, None]:
        """What the network predicts for each of many photos, for `poses` and for drawing; otherwise as `predict_many`.

        Returns:
            In the order of the photos the prediction or, where a photo cannot be opened, the error.

        Raises:
            ValueError: if ``batch`` is not positive.
        """

        def opened(image: Photo) -> tuple[np.ndarray, Inputs]:
            photo = open_image(image)
            return photo, self._finder.inputs(photo)

        def run(group: list[tuple[np.ndarray, Inputs]]) -> list[Prediction]:
            found = zip(group, self._finder.views([inputs for _, inputs in group]), strict=True)
            return [Prediction(photo, views) for (photo, _), views in found]

        return overlap(images, opened, run, batch)

    def inputs(self, photo: Photo) -> Inputs:
        """The network inputs of a photo, by size; an `ImageError` if it cannot be opened."""
        return self._finder.inputs(open_image(photo))

    def views(self, inputs: Inputs) -> tuple[View, ...]:
        """What the network predicts for the `inputs` of one photo, at every size; `ValueError` for other sizes."""
        return self._finder.views([inputs])[0]

    def poses(self, views: Sequence[View]) -> Poses:
        """The poses, in photo pixels, in the `views` of one photo, each person once; `ValueError` for no view."""
        found = [(self.decode(view.fields, view.fitted), view.fitted) for view in views]
        return merge(found)[: self.options.max_people]

    def fit(self, image: Photo) -> FittedImage:
        """The photo as the network's input of the long side ``size``, with the mapping back to photo pixels.

        Raises:
            strongpose.exceptions.ImageError: if the photo cannot be opened.
        """
        photo = open_image(image)
        self._finder.require_memory(photo)
        return fit_image(photo, self.size, self.info.coarse_stride)

    def fields(self, image: Photo | FittedImage) -> Fields:
        """All maps of a photo, or of what `fit` made of it, in the frame of `fit`: those of the largest size.

        Raises:
            strongpose.exceptions.ImageError: if the photo cannot be opened.
        """
        return self._finder.at_one_size([image if isinstance(image, FittedImage) else self.fit(image)])[0].fields

    def decode(self, fields: Fields, fitted: FittedImage) -> Poses:
        """The poses, in photo pixels, in the fields of one size, in the frame ``fitted``; none below ``threshold``."""
        poses = decode(fields, self.options, self.threshold)
        keypoints = poses.keypoints.copy()
        keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
        boxes = fitted.to_photo(poses.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        return Poses(keypoints, poses.scores, poses.skeleton, boxes)

    def _all_poses(
        self,
        found: Generator[tuple[View, ...] | ImageError, None, None],
        paths: deque[Path | None],
        strict: bool,
    ) -> Generator[Poses, None, None]:
        """The poses of what was found; ``paths`` has those of the photos that were asked for and not given back yet."""
        with closing(found):
            for one in found:
                photo = paths.popleft()
                if not isinstance(one, ImageError):
                    yield replace(self.poses(one), photo=photo)
                elif strict:
                    raise one
                else:
                    warnings.warn(str(one), stacklevel=2)
                    yield replace(Poses.empty(self.info.skeleton), photo=photo, error=one)
