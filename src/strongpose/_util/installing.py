"""The command that installs what a message says is missing, for the way in which this package was installed."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["install_command"]


def install_command(extra: str) -> str:
    """The command that adds an extra of this package, such as ``pip install 'strongpose[video]'``.

    From an index pip takes it by the package's name; from a clone, a repository or a file it needs the place, which
    pip notes when it installs (PEP 610).
    """
    try:
        noted = distribution("strongpose").read_text("direct_url.json")
    except PackageNotFoundError:  # a clone on PYTHONPATH
        noted = None
    origin = json.loads(noted) if noted else {}
    place = origin.get("url", "")
    if "dir_info" in origin:
        folder = Path(unquote(urlsplit(place).path))
        if not (folder / "pyproject.toml").exists():  # a clone that was moved or deleted
            return f"pip install '.[{extra}]' in a clone of StrongPose"
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"pip install {editable}{shlex.quote(f'{folder}[{extra}]')}"
    if "vcs_info" in origin:
        place = f"{origin['vcs_info']['vcs']}+{place}"
    return f"pip install {shlex.quote(f'strongpose[{extra}] @ {place}' if place else f'strongpose[{extra}]')}"
