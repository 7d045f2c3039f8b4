"""Released models: where they lie, what they say about themselves, and what runs them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from strongpose.exceptions import ModelError
from strongpose.skeleton import Skeleton

__all__ = [
    "DEFAULT_THRESHOLD",
    "SIZE",
    "ModelInfo",
    "RawMaps",
    "Runtime",
    "model_files",
    "packaged_models",
    "resolve_model",
    "resolve_weights",
]

DEFAULT_THRESHOLD = 0.25
"""Score below which people are left out, where the model says nothing."""

_MOST = {"stride": 64, "coarse_stride": 64, "size": 8192}  # pixels; beyond, memory would decide
_MOST_OPTION = 1e6

MODELS = Path(__file__).parent.parent / "models"
SUFFIXES = (".onnx", ".xml")

SIZE = 481
"""Long side of photos in pixels that a model recommends and is validated at, where nothing is said."""


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says about itself.

    Attributes:
        skeleton: what the channels mean.
        stride: pixels per cell of the fields.
        coarse_stride: input sides have the form n·coarse_stride + 1 pixels.
        size: recommended long side of the input in pixels.
        decode: recommended `strongpose.decode.DecodeOptions`, those that differ from the defaults.
        about: everything else the file says: licence, and what its card says.
        threshold: recommended score below which people are left out.
    """

    skeleton: Skeleton
    stride: int
    coarse_stride: int
    size: int
    decode: dict[str, float]
    about: dict[str, Any]
    threshold: float = DEFAULT_THRESHOLD

    @classmethod
    def from_json(cls, text: str) -> ModelInfo:
        """The facts in a model's metadata entry ``strongpose``.

        Raises:
            ValueError: if a fact is missing or does not fit; the message says which.
        """
        try:
            data = json.loads(text)
        except RecursionError as error:
            raise ValueError("lists in lists in lists without end") from error
        if not isinstance(data, dict):
            raise ValueError(f"expected a JSON object, got {type(data).__name__}")
        numbers = {}
        for key, most in _MOST.items():
            value = data.pop(key, None)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{key!r} must be a positive whole number, got {value!r:.40}")
            if value > most:
                raise ValueError(f"{key!r} must be at most {most}, got {value!r:.40}")
            numbers[key] = value
        stride, coarse_stride = numbers["stride"], numbers["coarse_stride"]
        if coarse_stride % stride:
            raise ValueError(f"'coarse_stride' must be a multiple of 'stride', got {coarse_stride} and {stride}")
        decode = data.pop("decode", {})
        if not isinstance(decode, dict) or not all(map(_is_option, decode.values())):
            raise ValueError(f"'decode' must hold numbers by name, up to {_MOST_OPTION:g}, got {decode!r:.200}")
        threshold = data.pop("threshold", DEFAULT_THRESHOLD)
        if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
            raise ValueError(f"'threshold' must be a number in 0-1, got {threshold!r:.40}")
        skeleton = Skeleton.from_dict(data.pop("skeleton", None))
        return cls(skeleton=skeleton, decode=decode, about=data, threshold=threshold, **numbers)


def _is_option(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _MOST_OPTION


class RawMaps(NamedTuple):
    """The network's output for B images, in the frame of its input; see `strongpose.fields.Fields`."""

    heatmaps: np.ndarray  # (B, K, h, w) probabilities
    offsets: np.ndarray  # (B, K, 2, h, w) pixels
    displacements: np.ndarray  # (B, 2E, 2, h, w) pixels
    body: np.ndarray  # (B, h, w) probabilities


class Runtime(Protocol):
    """Runs a network."""

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself."""

    @property
    def name(self) -> str:
        """The runtime and how it computes, for people."""

    @property
    def model(self) -> str:
        """The name of the model, as its file is called."""

    @property
    def device(self) -> str:
        """What it computes on, for example cuda:1."""

    def __call__(self, images: np.ndarray) -> RawMaps:
        """The float32 maps of (B, H, W, 3) uint8 RGB images whose sides have the form n·coarse_stride + 1."""


def packaged_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in MODELS.iterdir() if path.suffix in SUFFIXES)


def resolve_model(name_or_path: str | PathLike[str]) -> Path:
    """The file of a model; one that comes with the package is compared with the checksum on its card.

    Args:
        name_or_path: the name of a model that comes with the package, or a path to an .onnx file, or
            to the .xml file of an OpenVINO model.

    Raises:
        ModelError: if there is no such model; the message lists those there are. Also if a model of the package
            is not the one that was released.
    """
    return _resolve(name_or_path, ".onnx or .xml")


def resolve_weights(name_or_path: str | PathLike[str]) -> Path:
    """The file of a network's weights, which training can start from and which can be exported.

    Args:
        name_or_path: as for `resolve_model`, but of an .onnx file, or the path of a .safetensors file.

    Raises:
        ModelError: as `resolve_model`; also for OpenVINO's .xml files, whose weights are rounded and merged.
    """
    path = _resolve(name_or_path, ".onnx or .safetensors")
    if path.suffix == ".xml":
        names = " or ".join(name for name in packaged_models() if (MODELS / f"{name}.onnx").is_file())
        raise ModelError(
            f"{name_or_path}: OpenVINO's .xml files only run, as their weights are rounded and merged; give {names}, "
            "or the path of an .onnx or .safetensors file"
        )
    return path


def _resolve(name_or_path: str | PathLike[str], suffixes: str) -> Path:
    path = Path(name_or_path)
    if path.suffix == "" and path.name == str(name_or_path) and str(name_or_path) in packaged_models():
        path = next(path for suffix in SUFFIXES if (path := MODELS / f"{name_or_path}{suffix}").is_file())
        _check_released(path)
        return path
    if path.is_file():
        return path
    names = ", ".join(packaged_models()) or "none"
    raise ModelError(f"{name_or_path}: no such model; give the path of an {suffixes} file or a packaged name ({names})")


def model_files(path: Path) -> list[Path]:
    """The files of a model: an .onnx file, or an .xml file and the .bin with its weights beside it."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _check_released(path: Path) -> None:
    """Refuse a model of the package whose files are not those of the checksums on its card."""
    files = model_files(path)
    remedy = "install the package again, or name a model of your own by its path"
    try:
        card = path.with_suffix(".md").read_text(encoding="utf-8")
        found = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read ({error.strerror}); {remedy}") from error
    stated = re.findall(r"^\| sha256.*`(\w+)`", card, flags=re.MULTILINE)
    for file, checksum, expected in zip(files, found, (stated + [""] * len(files)), strict=False):
        if checksum != expected:
            raise ModelError(f"{file}: is damaged or was replaced (its sha256 is not that of its card); {remedy}")
