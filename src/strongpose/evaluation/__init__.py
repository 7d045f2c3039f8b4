"""Evaluation: COCO's metrics, result files, what others published, and what goes wrong (`diagnosis`)."""

from strongpose.evaluation.coco import MAX_DETECTIONS, Evaluation, Metrics, evaluate, evaluate_results, load_annotations
from strongpose.exceptions import EvaluationError

__all__ = [
    "MAX_DETECTIONS",
    "Evaluation",
    "EvaluationError",
    "Metrics",
    "evaluate",
    "evaluate_results",
    "load_annotations",
]
