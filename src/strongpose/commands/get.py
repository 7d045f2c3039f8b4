"""``strongpose data get``: published data sets, downloaded and unpacked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_folder

__all__ = ["get"]

Name = Literal["coco", "lsp", "crowdpose", "mpii", "ochuman", "posetrack"]
Part = Literal["train2017", "val2017", "test2017", "lsp", "lsp-extended"]


def get(
    name: Annotated[Positional[Name], arg(metavar="coco|lsp|crowdpose|mpii|ochuman|posetrack")],
    /,
    out: Annotated[Path, arg(metavar="FOLDER")],
    parts: Annotated[tuple[Part, ...], arg(metavar="PART ...", help_behavior_hint="(default: all)")] = (),
    url: Annotated[str | None, arg(metavar="BASE", help_behavior_hint="(default: the official server)")] = None,
    keep: Flag = False,
    yes: Flag = False,
) -> int:
    """Download a published data set and unpack it.

    The same command resumes after an interruption.

    Examples:
        strongpose data get coco --out FOLDER --parts val2017

    Args:
        name: The data set. Those that no program can download are explained.
        out: Folder for the data set, laid out as published.
        parts: Of COCO train2017, val2017, test2017 (photos and annotations); of LSP lsp, lsp-extended.
        url: Another server with the same archives.
        keep: Leave the archives there after they were unpacked.
        yes: Accept the licence without being asked.
    """
    from strongpose.data.get import published
    from strongpose.data.get.archives import get_archive, plan

    if reason := unwritable_folder("--out", out):
        return complain(reason)
    if name in published.by_hand:
        return complain(published.by_hand[name])
    chosen = published.COCO if name == "coco" else published.LSP
    wrong = [part for part in parts if part not in chosen.archives]
    if wrong:
        return complain(f"--parts {wrong[0]}: {chosen.title} has {', '.join(chosen.archives)}")
    archives = list(dict.fromkeys(a for part in parts or chosen.archives for a in chosen.archives[part]))
    base = url or chosen.url
    try:
        todo = plan(archives, out, base, keep)
        if not todo.missing:
            print(f"{chosen.title}: all files are in {out}")
            return 0
        size, room = todo.bytes_to_load / 1e9, todo.bytes_on_disk / 1e9
        print(f"{chosen.title} from {base}: {size:.2f} GB to load, at most {room:.2f} GB of disk in {out}\n")
        print(f"{chosen.licence}\n", flush=True)
        if not yes and not _accepted():
            return 1
        for archive, _ in todo.missing:
            title = archive.name
            with Progress("B", f"loading {title}") as loading, Progress("files", f"unpacking {title}") as unpacking:
                checked = get_archive(archive, out, base, loading, unpacking, keep)
            print(f"{archive.name}: {checked}", flush=True)
    except ValueError as error:  # the server, the archive, or too little room
        return complain(error)
    except OSError as error:
        return complain(f"{error.filename or out}: cannot be written ({error.strerror})")
    print(f"{chosen.title} is in {out}")
    return 0


def _accepted() -> bool:
    """Whether the user types that they accept the licence."""
    if sys.stdin.isatty():
        if input("Type yes if you accept these terms: ").strip().lower() == "yes":
            return True
        say("the terms were not accepted; nothing was downloaded")
    else:
        say("add --yes if you accept these terms; nothing was downloaded")
    return False
