"""Training: the recipe, the loop, checkpoints and validation."""
