"""Completing annotations: people without keypoints get those that an enlarged crop shows (SP §III-E)."""
