"""StrongPose: bottom-up multi-person pose estimation in one fully convolutional pass."""
