"""Where a data set's photos lie: in a folder, or in tar shards read in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strongpose.annotations.photos import find_photo, spellings
from strongpose.data.shards import members_of
from strongpose.images import MAX_BYTES, open_image, read_size
from strongpose.images.opening import read_part_size

__all__ = ["PhotoStore"]


class PhotoStore:
    """Photos by file name, from a folder or from the tar shards that would unpack to it.

    Args:
        folder: the photo folder. Where it does not exist, the shards ``folder-*.tar`` and
            ``folder.tar`` beside it are indexed and read without unpacking.

    Raises:
        FileNotFoundError: if there is neither the folder nor a shard; the message names both.
        strongpose.exceptions.ImageError: if a shard is no tar archive, or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._members: dict[str, tuple[Path, int, int]] = {}
        if self.folder.is_dir():
            return
        shards = [
            *self.folder.parent.glob(f"{self.folder.name}-*.tar"),
            *self.folder.parent.glob(f"{self.folder.name}.tar"),
        ]
        if not shards:
            raise FileNotFoundError(
                f"no photos: neither the folder {self.folder} nor shards {self.folder}-*.tar exist; check --images"
            )
        for shard in sorted(shards):
            with shard.open("rb") as file:
                for member, start, size in members_of(file, str(shard)):
                    self._members[member.removeprefix("./").removeprefix(f"{self.folder.name}/")] = (shard, start, size)

    def __contains__(self, name: str) -> bool:
        if self._members:
            return any(spelling in self._members for spelling in spellings(name))
        return find_photo(self.folder, name) is not None

    def open(self, name: str) -> np.ndarray:
        """The photo as (H, W, 3) uint8 RGB.

        Raises:
            FileNotFoundError: if the photo is not there.
            strongpose.exceptions.ImageError: if it cannot be read; the message names it.
        """
        if not self._members:
            return open_image(find_photo(self.folder, name) or self.folder / name)
        shard, start, size = self._member(name)
        with shard.open("rb") as file:
            file.seek(start)
            return open_image(file.read(min(size, MAX_BYTES)), name=f"{shard}:{name}")

    def read_size(self, name: str) -> tuple[int, int]:
        """(width, height) of the photo in pixels as it is meant to be seen; only the head of its file is read.

        Raises:
            FileNotFoundError: if the photo is not there.
            strongpose.exceptions.ImageError: if its head cannot be read; the message names it.
        """
        if not self._members:
            return read_size(find_photo(self.folder, name) or self.folder / name)
        shard, start, size = self._member(name)
        with shard.open("rb") as file:
            return read_part_size(file, start, size, f"{shard}:{name}")

    def _member(self, name: str) -> tuple[Path, int, int]:
        for spelling in spellings(name):
            if spelling in self._members:
                return self._members[spelling]
        raise FileNotFoundError(f"{self.folder}: no photo {name!r} in its shards")
