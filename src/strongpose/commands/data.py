"""``strongpose data``: the verbs about data sets."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import OmitSubcommandPrefixes, subcommand

from strongpose.commands.check import check
from strongpose.commands.convert import convert
from strongpose.commands.get import get
from strongpose.commands.help_texts import with_joined_lines

__all__ = ["data"]

_Verb = OmitSubcommandPrefixes[
    Annotated[int, subcommand("convert", constructor=with_joined_lines(convert))]
    | Annotated[int, subcommand("check", constructor=with_joined_lines(check))]
    | Annotated[int, subcommand("get", constructor=with_joined_lines(get))]
]


def data(run: _Verb) -> int:
    """Download data sets, convert annotation files, and look for mistakes in them."""
    return run
