"""Peers: other projects' pose models, run from files that the user has, with the processing that they need."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from strongpose import Poses
from strongpose._util.own_thread import in_own_thread
from strongpose._util.telemetry import without_telemetry
from strongpose.images import open_image
from strongpose.skeleton import COCO

MEAN = 255 * np.array((0.485, 0.456, 0.406), dtype=np.float32)  # of ImageNet
DEVIATION = 255 * np.array((0.229, 0.224, 0.225), dtype=np.float32)

SURE = 0.2


class Answer(NamedTuple):
    """The poses of a photo in its pixels, best first, and the seconds that the networks of it took."""

    poses: Poses
    network: float


class System(Protocol):
    """What finds the poses in a photo file."""

    name: str

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""


class Network:
    """An OpenVINO (.xml) or ONNX file with fixed sizes, on the CPU.

    Args:
        path: the file.
        threads: of the CPU.
        outputs: the shapes of the outputs to return, in this order.
        bf16: compute in bfloat16, or in float32, what the file does not say is int8; left out, OpenVINO picks.

    Attributes:
        size: (h, w) of its input.
        runtime: OpenVINO and what it computes in where the file does not say int8.
        seconds: how long it has run since this was last set to 0.

    Raises:
        ValueError: if it has not one input (1, 3, h, w), or its outputs have other shapes than ``outputs``.
    """

    def __init__(
        self, path: Path, threads: int, outputs: tuple[tuple[int, ...], ...], bf16: bool | None = None
    ) -> None:
        in_own_thread(lambda: self._load(path, threads, outputs, bf16))

    def _load(self, path: Path, threads: int, outputs: tuple[tuple[int, ...], ...], bf16: bool | None) -> None:
        with without_telemetry():
            import openvino

        model = openvino.Core().read_model(path)
        inputs = [tuple(one.get_shape()) if one.partial_shape.is_static else None for one in model.inputs]
        if len(inputs) != 1 or inputs[0] is None or len(inputs[0]) != 4 or inputs[0][:2] != (1, 3):
            raise ValueError(f"{path}: expected one input of shape (1, 3, h, w), got {inputs}")
        shapes = [tuple(one.get_shape()) for one in model.outputs]
        if any(shape not in shapes for shape in outputs):
            raise ValueError(f"{path}: expected outputs of shapes {outputs}, got {shapes}; it is another kind of model")
        self._order = [shapes.index(shape) for shape in outputs]
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if bf16 is not None:
            settings["INFERENCE_PRECISION_HINT"] = "bf16" if bf16 else "f32"
        compiled = openvino.compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()
        self.size = (int(inputs[0][2]), int(inputs[0][3]))
        picked = compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.bf16
        self.runtime = f"OpenVINO in {'bfloat16' if picked else 'float32'}"
        self.seconds = 0.0

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        """The outputs for (h, w, 3) float32 pixels."""
        tensor = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        start = time.perf_counter()
        found = self._request.infer([tensor])
        self.seconds += time.perf_counter() - start
        return [found[i].copy() for i in self._order]

    def timed(self, pixels: np.ndarray) -> float:
        """The seconds that it runs for these pixels."""
        before = self.seconds
        self(pixels)
        return self.seconds - before


class YoloPose:
    """A single-shot detector with keypoints, as YOLOv8-pose exports it.

    Letterbox of 640 pixels filled with grey 114, RGB / 255; out come 8,400 candidates (cx, cy, w, h, confidence,
    17 × (x, y, confidence)), of which non-maximum suppression of boxes leaves the people.

    Args:
        path: the model.
        threads: of the CPU.
        overlap: intersection over union from which the weaker of two boxes is dropped.
        least: candidates with less confidence are dropped.
    """

    def __init__(self, path: Path, threads: int, overlap: float = 0.65, least: float = 0.001) -> None:
        self._network = Network(path, threads, ((1, 56, 8400),))
        self._overlap, self._least = overlap, least
        self.name = f"{path.stem}, {self._network.runtime}"

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""
        image = open_image(photo)
        pixels, scale, corner = letterbox(image, self._network.size)
        self._network.seconds = 0.0
        candidates = self._network(pixels)[0][0].T
        candidates = candidates[candidates[:, 4] >= self._least]
        boxes = candidates[:, :4].copy()
        boxes[:, :2] -= boxes[:, 2:] / 2
        kept = suppress(boxes, candidates[:, 4], self._overlap)
        keypoints = candidates[kept, 5:].reshape(-1, 17, 3)
        keypoints[..., :2] = (keypoints[..., :2] - corner) / scale
        return Answer(Poses(keypoints, candidates[kept, 4], COCO), self._network.seconds)


class TopDown:
    """A detector of people, and a network that finds the keypoints of each: PicoDet and PP-TinyPose (PaddleDetection).

    The detector sees the photo stretched to its input; boxes come as corners in input pixels. Each box is widened to
    the keypoint network's shape and by 1.25 and cut out; of every heat map the highest cell is taken, moved by a
    quarter of a cell towards its higher neighbours. A person scores the box's score times the mean of those keypoints'
    scores that exceed .2.

    Args:
        detector: the model that finds people, outputs (1, 2125, 4) and (1, 1, 2125).
        keypoints: the model that finds keypoints, output (1, 17, 64, 48).
        threads: of the CPU.
        flip: also look at each mirrored person and average the heat maps.
        overlap: intersection over union from which the weaker of two boxes is dropped.
        least: boxes with a lower score are dropped.
        most: the number of boxes looked at, the best.
    """

    def __init__(
        self,
        detector: Path,
        keypoints: Path,
        threads: int,
        flip: bool = False,
        overlap: float = 0.55,
        least: float = 0.3,
        most: int = 20,
    ) -> None:
        self._detector = Network(detector, threads, ((1, 2125, 4), (1, 1, 2125)))
        self._keypoints = Network(keypoints, threads, ((1, 17, 64, 48),))
        self._flip, self._overlap, self._least, self._most = flip, overlap, least, most
        self.name = f"{detector.stem} + {keypoints.stem}{', mirrored' * flip}, boxes from {least:g}"
        self.name += f", {self._detector.runtime}"

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""
        image = open_image(photo)
        self._detector.seconds = self._keypoints.seconds = 0.0
        boxes, scores = self._detect(image)
        people = [self._pose(image, box) for box in boxes]
        if not people:
            return Answer(Poses.empty(), self._detector.seconds)
        keypoints = np.stack(people)
        sure = keypoints[..., 2] > SURE
        scores = scores * (keypoints[..., 2] * sure).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)
        order = np.argsort(-scores, kind="stable")
        seconds = self._detector.seconds + self._keypoints.seconds
        return Answer(Poses(keypoints[order], scores[order], COCO, boxes[order]), seconds)

    def _detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 4) corners in photo pixels and (N,) scores of the people."""
        h, w = self._detector.size
        corners, scores = self._detector(normalised(cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)))
        sure = scores[0, 0] >= self._least
        corners, scores = corners[0, sure], scores[0, 0, sure]
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        kept = suppress(boxes, scores, self._overlap)[: self._most]
        return corners[kept] * np.tile(np.array(image.shape[1::-1]) / (w, h), 2), scores[kept]

    def _pose(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """(17, 3) keypoints in photo pixels of the person in a box (4,) of corners."""
        h, w = self._keypoints.size
        middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        scale = min(w / sides[0], h / sides[1]) / 1.25  # input pixels per photo pixel
        shift = np.array((w, h)) / 2 - scale * middle
        matrix = np.column_stack([scale * np.eye(2), shift])
        crop = normalised(cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR))
        heat = self._keypoints(crop)[0][0]
        if self._flip:
            mirrored = self._keypoints(crop[:, ::-1])[0][0][list(COCO.flip_order), :, ::-1]
            mirrored[:, :, 1:] = mirrored[:, :, :-1].copy()  # a cell's centre is not where its mirror image's is
            heat = (heat + mirrored) / 2
        found = highest(heat)
        found[:, :2] = (found[:, :2] * 4 - shift) / scale
        return found


def letterbox(image: np.ndarray, size: tuple[int, int], fill: int = 114) -> tuple[np.ndarray, float, np.ndarray]:
    """A photo scaled to fit (h, w) with the rest filled, in the middle: RGB / 255, the scale, the corner's x and y."""
    h, w = image.shape[:2]
    scale = min(size[0] / h, size[1] / w)
    new_h, new_w = round(h * scale), round(w * scale)
    top, left = round((size[0] - new_h) / 2 - 0.1), round((size[1] - new_w) / 2 - 0.1)
    pixels = np.full((*size, 3), fill, dtype=np.uint8)
    pixels[top : top + new_h, left : left + new_w] = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    return pixels.astype(np.float32) / 255, scale, np.array((left, top), dtype=np.float32)


def normalised(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 RGB with ImageNet's mean and deviation."""
    return (pixels.astype(np.float32) - MEAN) / DEVIATION


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
    """Indices of those of (N, 4) boxes x, y, w, h that no stronger one overlaps, best first."""
    if not len(boxes):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, overlap), dtype=np.int64).ravel()


def highest(heat: np.ndarray) -> np.ndarray:
    """(K, 3) x, y in cells and score of the highest cells of (K, h, w) maps, moved a quarter towards the slope."""
    k, h, w = heat.shape
    flat = heat.reshape(k, -1)
    y, x = np.divmod(flat.argmax(axis=1), w)
    rows = np.arange(k)
    inside = (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
    left, right = heat[rows, y, np.maximum(x - 1, 0)], heat[rows, y, np.minimum(x + 1, w - 1)]
    above, below = heat[rows, np.maximum(y - 1, 0), x], heat[rows, np.minimum(y + 1, h - 1), x]
    dx, dy = np.where(inside, np.sign(right - left), 0), np.where(inside, np.sign(below - above), 0)
    return np.stack([x + dx / 4, y + dy / 4, flat.max(axis=1)], axis=1)
