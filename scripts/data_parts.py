"""Data sets in parts of limited size, packed at home and unpacked on the borrowed machine."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro

__all__ = ["pack", "unpack"]


def pack(
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")],
    /,
    data: tuple[Path, ...],
    val: Path | None = None,
    files: tuple[Path, ...] = (),
    megabytes: float = 50.0,
) -> None:
    """Divide what a run needs into FOLDER/part-1.zip, part-2.zip …, each complete in itself.

    Files come first, then the data sets in the order given, then the validation set. A data set may be cut between two
    parts; each then has the annotations of its own photos.

    Args:
        out: Folder of the parts.
        data: Annotation files to train on; photos in a folder or tar shards of the same name beside them.
        val: Annotation file to evaluate on; photos in the folder images beside it.
        files: Weights to start from.
        megabytes: Size of a part at most, in millions of bytes.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("part-*.zip"):
        old.unlink()
    parts = _Parts(out, round(megabytes * 1e6))
    for file in files:
        parts.add(f"files/{file.name}", file.read_bytes())
    for path in data:
        content = json.loads(path.read_bytes())
        parts.begin(f"train/{path.stem}.json", content)
        for name, photo in _photos(path.with_suffix("")):
            parts.add(f"train/{path.stem}/{name}", photo, name)
        parts.end()
    if val is not None:
        photos = list(_photos(val.parent / "images"))
        parts.make_room(sum(len(photo) for _, photo in photos) + val.stat().st_size)  # so that it is not cut
        parts.begin("val/val.json", json.loads(val.read_bytes()))
        for name, photo in photos:
            parts.add(f"val/val/{name}", photo, name)
        parts.end()
    parts.close()
    for file in sorted(out.glob("part-*.zip")):
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


class _Parts:
    """Zip files filled one after the other; a photo and its annotations stay together."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.number, self.size = 0, 0
        self.file: zipfile.ZipFile | None = None
        self.set: tuple[str, dict[str, Any]] | None = None
        self.names: set[str] = set()
        self.text = 0.0  # bytes that a photo's annotations will take, about

    def begin(self, path: str, content: dict[str, Any]) -> None:
        """From now on photos of this annotation file."""
        self.set, self.names = (path, content), set()
        self.text = len(json.dumps(content)) / 4 / max(1, len(content["images"]))

    def add(self, path: str, content: bytes, photo: str | None = None) -> None:
        """A file, into the next part if this one is full."""
        size = len(content) + 2 * len(path) + 150 + (self.text if photo else 0)
        if self.file is None or self.size + size > self.limit:
            self._next()
        assert self.file is not None
        self.file.writestr(path, content)
        self.size += round(size)
        if photo is not None:
            self.names.add(photo)

    def make_room(self, size: int) -> None:
        """Go to the next part if so many bytes would fit into an empty one and not into this one."""
        if self.size + size > self.limit >= size:
            self._next()

    def end(self) -> None:
        """Write the annotations of the photos since the last ``begin`` or the last part."""
        if self.set is None or self.file is None or not self.names:
            return
        path, content = self.set
        some = _only(content, self.names)
        self.file.writestr(path, json.dumps(some, separators=(",", ":")), zipfile.ZIP_DEFLATED, compresslevel=9)
        self.names = set()

    def close(self) -> None:
        """Finish the part at hand."""
        if self.file is not None:
            self.file.close()

    def _next(self) -> None:
        self.end()
        self.close()
        self.number, self.size = self.number + 1, 0
        self.file = zipfile.ZipFile(self.folder / f"part-{self.number}.zip", "w")


def _only(content: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A COCO file's content without the other photos."""
    images = [image for image in content["images"] if image["file_name"] in names]
    ids = {image["id"] for image in images}
    return {**content, "images": images, "annotations": [a for a in content["annotations"] if a["image_id"] in ids]}


def _photos(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files in a folder, or in the tar shards that would unpack to it."""
    if folder.is_dir():
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield path.relative_to(folder).as_posix(), path.read_bytes()
        return
    shards = sorted(folder.parent.glob(f"{folder.name}-*.tar")) or sorted(folder.parent.glob(f"{folder.name}.tar"))
    if not shards:
        raise FileNotFoundError(f"no photos: neither the folder {folder} nor shards {folder}-*.tar exist")
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                if (file := archive.extractfile(member)) is not None:
                    yield member.name.removeprefix(f"{folder.name}/"), file.read()


def unpack(part: Path, store: Path, photos: int | None = None) -> None:
    """A part into the store: files to ``files``, data to a folder named like the part; some photos only, if said."""
    target = store / part.stem
    with zipfile.ZipFile(part) as archive:
        for member in archive.namelist():
            if member.startswith("files/"):
                archive.extract(member, store)
            elif member.endswith(".json") and member.count("/") == 1:
                content = json.loads(archive.read(member))
                names = [image["file_name"] for image in content["images"]][:photos]
                archive.extractall(target, [f"{member.removesuffix('.json')}/{name}" for name in names])
                (target / member).write_text(json.dumps(_only(content, set(names))))
