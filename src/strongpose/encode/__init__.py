"""Encode poses as target fields, the body's among them, for a whole batch at once and on any device (SP §III-B)."""

from strongpose.encode.targets import Targets, encode

__all__ = ["Targets", "encode"]
