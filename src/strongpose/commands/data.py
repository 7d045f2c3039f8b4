"""``strongpose data``: the verbs about annotation files."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import OmitSubcommandPrefixes, subcommand

from strongpose.commands.check import check
from strongpose.commands.convert import convert

__all__ = ["data"]

_Verb = OmitSubcommandPrefixes[
    Annotated[int, subcommand("convert", constructor=convert)] | Annotated[int, subcommand("check", constructor=check)]
]


def data(run: _Verb) -> int:
    """Convert annotation files, and look for mistakes in them."""
    return run
