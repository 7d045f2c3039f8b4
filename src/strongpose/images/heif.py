"""HEIC and HEIF photos, which Pillow opens where a plugin for them is installed."""

from __future__ import annotations

import functools

__all__ = ["REMEDY", "can_open_heif", "is_heif"]

REMEDY = "HEIC photos need one more package: pip install pillow-heif; or save it as JPEG"

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_COMMON_BRANDS = (b"mif1", b"msf1")  # of AVIF as well


def is_heif(head: bytes) -> bool:
    """Whether a file holds HEIC or HEIF photos, whatever it is called.

    Args:
        head: its first bytes, a few dozen.
    """
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), len(head))  # what a file says of its length may be anything
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    return brands[0] in _BRANDS or (brands[0] in _COMMON_BRANDS and not {b"avif", b"avis"} & set(brands))


@functools.cache
def can_open_heif() -> bool:
    """Whether the plugin is installed; it is then known to Pillow."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
