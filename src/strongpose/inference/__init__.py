"""Inference: photos in, the poses of their people out, by a network that a runtime runs and the decoder."""

from strongpose.inference.estimator import StrongPose
from strongpose.inference.prediction import Prediction

__all__ = ["Prediction", "StrongPose"]
