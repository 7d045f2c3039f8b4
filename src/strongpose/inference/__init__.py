"""Inference: photos in, the poses of their people out, by a network that a runtime runs and the decoder."""

from strongpose.inference.estimator import Prediction, StrongPose

__all__ = ["Prediction", "StrongPose"]
