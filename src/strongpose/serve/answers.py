"""The JSON that the server answers with."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from strongpose import __version__
from strongpose.inference import StrongPose
from strongpose.poses.json_layout import describe_poses
from strongpose.serve.finding import Found
from strongpose.serve.layers import LayerName, draw_layer, grid_of
from strongpose.serve.limits import Limits

__all__ = [
    "Batch",
    "BatchAnswer",
    "BatchPhoto",
    "Failure",
    "Health",
    "Model",
    "Photos",
    "Result",
    "describe_model",
    "describe_photo",
]


class Failure(BaseModel):
    """Why there is no other answer."""

    error: str = Field(description="One line: what was expected and what came.")


class Person(BaseModel):
    """One person, in photo pixels: x to the right, y down, whole numbers are pixel centres."""

    score: float = Field(description="Confidence of the person, 0 to 1.")
    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1.")
    keypoints: dict[str, tuple[float, float, float]] = Field(description="x, y, score of each keypoint, by name.")


class Layers(BaseModel):
    """The network's maps, one value per cell; several maps of a layer lie below each other in its picture."""

    cells: tuple[int, int] = Field(description="Cells across and down in one map.")
    origin: tuple[float, float] = Field(description="x, y in photo pixels of the centre of the first cell.")
    step: tuple[float, float] = Field(description="Photo pixels from one cell to the next, along x and y.")
    reach: tuple[float, float] = Field(
        description="Of offsets, red x and green y: photo pixels that byte 255 stands for; 128 is 0, 1 the opposite."
    )
    png: dict[LayerName, str] = Field(description="By layer, a PNG file in base64.")


class Result(BaseModel):
    """The people in one photo, best first, in the JSON layout that all of StrongPose writes."""

    version: int = Field(description="Of the layout.")
    photo: str | None = Field(default=None, description="Its name, where the request has one.")
    width: int
    height: int
    model: str
    skeleton: dict[str, Any] = Field(description="Keypoint names, and limbs and edges as pairs of names.")
    people: list[Person]
    timings_ms: dict[str, float] = Field(description="Milliseconds of the steps read, network and decode.")
    layers: Layers | None = None


class BatchPhoto(BaseModel):
    """One photo of a batch."""

    data: str = Field(
        description="A JPEG, PNG or WebP file in base64, or a data URL of one.", json_schema_extra={"format": "byte"}
    )
    name: str = Field(default="", max_length=200, description="Comes back with the answer.")


class Batch(BaseModel):
    """Several photos."""

    photos: Annotated[list[BatchPhoto], Field(min_length=1)]


class BatchAnswer(BaseModel):
    """What was found in one photo of a batch, or why there is nothing."""

    name: str
    status: int = Field(description="What the photo would have got alone.")
    result: Result | None = None
    error: str | None = None


class Photos(BaseModel):
    """In the order of the request."""

    photos: list[BatchAnswer]


class Health(BaseModel):
    """That the server works."""

    status: str = "ok"
    version: str = __version__
    waiting: int = Field(description="Requests in the queue, the one in progress included.")
    uploading: int = Field(description="Uploads in progress.")


class Model(BaseModel):
    """What finds the people, and what the server takes."""

    model: str
    runtime: str
    sizes: list[int] = Field(description="Input resolutions: long sides in pixels.")
    flip: bool
    threshold: float = Field(description="People with a lower score are left out, unless a request says otherwise.")
    stride: int = Field(description="Pixels of the network's input per cell.")
    skeleton: dict[str, Any]
    about: dict[str, Any]
    limits: dict[str, float]


def describe_photo(found: Found, photo: str, model: str, threshold: float, layers: Sequence[LayerName] = ()) -> Result:
    """The answer about one photo.

    Args:
        found: what the estimator found.
        photo: its name, or nothing.
        model: name of the model.
        threshold: people with a lower score are left out.
        layers: maps to send along.
    """
    height, width = found.fitted.photo_size
    about = {"photo": photo or None, "width": width, "height": height, "model": model}
    return Result(
        **describe_poses(found.poses[found.poses.scores >= threshold], about),
        timings_ms={step: round(1000 * seconds, 2) for step, seconds in found.seconds.items()},
        layers=_describe_layers(found, layers) if layers else None,
    )


def describe_model(estimator: StrongPose, name: str, threshold: float, limits: Limits) -> Model:
    """The answer about the model."""
    return Model(
        model=name,
        runtime=estimator.runtime.name,
        sizes=list(estimator.sizes),
        flip=estimator.flip,
        threshold=threshold,
        stride=estimator.info.stride,
        skeleton=estimator.info.skeleton.to_dict(),
        about=estimator.info.about,
        limits=dict(vars(limits)),
    )


def _describe_layers(found: Found, names: Sequence[LayerName]) -> Layers:
    grid = grid_of(found.fields, found.fitted)
    png = {name: base64.b64encode(draw_layer(found.fields, grid, name)).decode("ascii") for name in names}
    return Layers(**grid._asdict(), png=png)
