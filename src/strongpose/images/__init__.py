"""Opening photos, finding them in folders, and fitting them to the network's input and points back to the photo."""

from strongpose.exceptions import ImageError
from strongpose.images.fitting import PADDING, FittedImage, fit_image, padded_stack
from strongpose.images.folders import SUFFIXES
from strongpose.images.opening import MAX_BYTES, MAX_PIXELS, Photo, open_image, read_orientation, read_size

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "PADDING",
    "SUFFIXES",
    "FittedImage",
    "ImageError",
    "Photo",
    "fit_image",
    "open_image",
    "padded_stack",
    "read_orientation",
    "read_size",
]
