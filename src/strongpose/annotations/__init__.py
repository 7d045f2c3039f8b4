"""Annotations in COCO's keypoint format: read, checked, and found beside their photos, by everything that uses them."""

from strongpose.annotations.categories import people_categories
from strongpose.annotations.person import has_area
from strongpose.annotations.photos import OtherSize, find_photo, load_sets, other_size, photo_folder, photo_paths
from strongpose.annotations.reading import image_lacks, load_annotations, load_images, read_annotations, read_lists
from strongpose.exceptions import AnnotationError

__all__ = [
    "AnnotationError",
    "OtherSize",
    "find_photo",
    "has_area",
    "image_lacks",
    "load_annotations",
    "load_images",
    "load_sets",
    "other_size",
    "people_categories",
    "photo_folder",
    "photo_paths",
    "read_annotations",
    "read_lists",
]
