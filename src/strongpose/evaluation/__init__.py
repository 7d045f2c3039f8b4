"""Evaluation: COCO's figures, result files, what others published, and what goes wrong (`diagnosis`)."""

from strongpose.evaluation.coco import Evaluation, Metrics, evaluate, evaluate_results
from strongpose.evaluation.results_log import MAX_DETECTIONS
from strongpose.exceptions import EvaluationError

__all__ = ["MAX_DETECTIONS", "Evaluation", "EvaluationError", "Metrics", "evaluate", "evaluate_results"]
