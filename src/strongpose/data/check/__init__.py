"""Looking for mistakes in COCO-format keypoint data sets, and drawing what was found."""

from strongpose.data.check.annotations import check_data_set

__all__ = ["check_data_set"]
