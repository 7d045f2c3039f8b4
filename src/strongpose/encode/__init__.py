"""Encode poses as target fields, the body's among them, for a whole batch at once and on any device (SP §III-B)."""

from strongpose.encode.targets import DISK_RADIUS, Targets, encode

__all__ = ["DISK_RADIUS", "Targets", "encode"]
