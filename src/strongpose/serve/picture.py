"""Answers that are pictures: when one is wanted, and the photo with the poses drawn on it."""

from __future__ import annotations

import io
import re
from typing import Literal

from PIL import Image

from strongpose.draw import draw_poses
from strongpose.exceptions import RefusedError
from strongpose.images.results import jpeg_of
from strongpose.serve.finding import Found

__all__ = ["PICTURE_TYPES", "PictureType", "draw_picture", "wanted_picture"]

PictureType = Literal["image/jpeg", "image/png"]
PICTURE_TYPES: tuple[PictureType, ...] = ("image/jpeg", "image/png")
"""What pictures are sent as."""

_JSON = {"", "*/*", "application/*", "application/json"}
_REFUSED = re.compile(r";q=0(\.0*)?(;|$)")
_QUICKLY = 1  # zlib's level: the server has others to serve


def wanted_picture(picture: bool, accept: str) -> PictureType | None:
    """What to send a picture as, or None where JSON is wanted.

    Args:
        picture: whether the request asks for one.
        accept: its header; one that takes JPEG or PNG pictures and no JSON asks for a picture, too.
    """
    ranges = ["".join(kind.split()).lower() for kind in accept.split(",")]
    kinds = {kind.partition(";")[0] for kind in ranges if not _REFUSED.search(kind)}
    asked = [kind for kind in PICTURE_TYPES if kind in kinds or "image/*" in kinds]
    if not picture and (kinds & _JSON or not asked):
        return None
    return asked[0] if asked else "image/jpeg"


def draw_picture(found: Found, threshold: float, kind: PictureType) -> bytes:
    """The file of a photo with the poses drawn on it.

    Args:
        found: what was found in the photo.
        threshold: people with a lower score are left out.
        kind: of the file.

    Raises:
        RefusedError: 422 if the photo does not fit such a file.
    """
    drawn = draw_poses(found.photo, found.poses[found.poses.scores >= threshold])
    if kind == "image/jpeg":
        try:
            return jpeg_of(drawn)
        except OSError as error:
            raise RefusedError(422, f"{error.strerror}; ask for a PNG file: Accept: image/png") from error
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG", compress_level=_QUICKLY)
    return file.getvalue()
