"""Photos in folders."""

from __future__ import annotations

__all__ = ["SUFFIXES"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".mpo", ".avif")
"""File name endings that count as photos in a folder."""
