"""Other annotation formats to COCO's and back; one module a format, docs/data.md has a table of them."""

from strongpose.data.convert.coco import read_coco, read_crowdpose
from strongpose.data.convert.keypoints import with_skeleton
from strongpose.data.convert.lsp import read_lsp
from strongpose.data.convert.mpii import read_mpii
from strongpose.data.convert.ochuman import read_ochuman
from strongpose.data.convert.posetrack import read_posetrack
from strongpose.data.convert.to_yolo import write_yolo
from strongpose.data.convert.yolo import read_yolo
from strongpose.exceptions import ConversionError

__all__ = [
    "ConversionError",
    "read_coco",
    "read_crowdpose",
    "read_lsp",
    "read_mpii",
    "read_ochuman",
    "read_posetrack",
    "read_yolo",
    "with_skeleton",
    "write_yolo",
]
