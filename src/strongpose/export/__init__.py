"""Export: a trained network becomes a model that runs without torch, in float or, calibrated, in int8."""
