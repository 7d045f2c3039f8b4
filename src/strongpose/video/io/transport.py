"""MPEG transport streams, packet by packet: whether pictures follow that belong to no track known before."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FEW", "PACKETS", "begins", "pictures_after"]

PACKETS = {188: 0, 192: 4, 204: 0}
"""Bytes of a packet, and at which of them it says that it begins."""
FEW = 5
"""Pictures that a file may end with unread."""

_BEGINS = 0x47
_UNIT_STARTS, _ADAPTED = 0x40, 0x20
_PICTURES = range(0xE0, 0xF0)


def begins(head: bytes, packet: int) -> bool:
    """Whether packets of so many bytes follow each other, at least three."""
    at = PACKETS[packet]
    places = range(at, min(len(head), 5 * packet), packet)
    return len(places) >= 3 and all(head[place] == _BEGINS for place in places)


def pictures_after(path: Path, place: int) -> bool:
    """Whether several pictures begin after a place in the file.

    Args:
        path: of a transport stream.
        place: byte at which the last packet of all known tracks begins.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(1024)
            packet = next((n for n in PACKETS if begins(head, n)), None)
            if packet is None:
                return False
            file.seek(place - place % packet + packet)
            count = 0
            while count <= FEW and len(data := file.read(packet)) == packet:
                count += _starts_picture(data[PACKETS[packet] :])
    except OSError:
        return False
    return count > FEW


def _starts_picture(packet: bytes) -> bool:
    if packet[0] != _BEGINS or not packet[1] & _UNIT_STARTS:
        return False
    at = 4 + (1 + packet[4] if packet[3] & _ADAPTED else 0)
    return packet[at : at + 3] == b"\0\0\1" and len(packet) > at + 3 and packet[at + 3] in _PICTURES
