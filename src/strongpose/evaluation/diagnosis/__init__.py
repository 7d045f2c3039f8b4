"""What goes wrong in keypoint detection: errors sorted into kinds, by whom they concern, and what each kind costs."""

from __future__ import annotations

from strongpose.evaluation.diagnosis.costs import Cost, costs
from strongpose.evaluation.diagnosis.groups import Group, Person, describe_people, group_people
from strongpose.evaluation.diagnosis.people import People, object_similarities
from strongpose.evaluation.diagnosis.report import causes, format_report, lost_similarity, make_report, worst_photos
from strongpose.evaluation.diagnosis.sorting import (
    DetectionKind,
    KeypointKind,
    PersonKind,
    PhotoErrors,
    sort_data_set,
    sort_photo,
)

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
    "costs",
    "describe_people",
    "format_report",
    "group_people",
    "lost_similarity",
    "make_report",
    "object_similarities",
    "sort_data_set",
    "sort_photo",
    "worst_photos",
]
