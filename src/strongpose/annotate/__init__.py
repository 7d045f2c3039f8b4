"""Completing annotations: people without keypoints get those that a closer look finds (SP §III-E)."""
