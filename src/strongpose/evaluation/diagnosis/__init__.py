"""What goes wrong in keypoint detection: errors classified, by whom they concern, and what each kind costs."""

from __future__ import annotations

from strongpose.evaluation.diagnosis.classification import (
    DetectionKind,
    KeypointKind,
    PersonKind,
    PhotoErrors,
    classify_data_set,
    classify_photo,
)
from strongpose.evaluation.diagnosis.costs import Cost, costs
from strongpose.evaluation.diagnosis.groups import Group, Person, describe_people, group_people
from strongpose.evaluation.diagnosis.people import People, object_similarities
from strongpose.evaluation.diagnosis.report import causes, format_report, lost_similarity, make_report, worst_photos

__all__ = [
    "Cost",
    "DetectionKind",
    "Group",
    "KeypointKind",
    "People",
    "Person",
    "PersonKind",
    "PhotoErrors",
    "causes",
    "classify_data_set",
    "classify_photo",
    "costs",
    "describe_people",
    "format_report",
    "group_people",
    "lost_similarity",
    "make_report",
    "object_similarities",
    "worst_photos",
]
