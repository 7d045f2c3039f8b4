"""Help texts: the list of verbs, and the docstrings of verbs in the form that tyro shows well."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Callable, Mapping

__all__ = ["BESIDE", "Verb", "description_of", "overview", "with_joined_lines"]

BESIDE = "(default: beside the file, in a folder of the same name or called images)"
"""Where photos are looked for that no option names: `strongpose.annotations.photo_folder`."""


Verb = Callable[..., int]


def with_joined_lines(verb: Verb) -> Verb:
    """The verb, each argument of its docstring in one line: tyro would break lines where the source does."""
    verb.__doc__ = re.sub(r"\n {8,}(?=\S)", " ", inspect.getdoc(verb) or "")
    return verb


def description_of(verb: Verb) -> str:
    """What a verb's docstring says in front of its arguments, with lines that fit the terminal."""
    paragraphs = (inspect.getdoc(verb) or "").partition("\n\nArgs:")[0].split("\n\n")
    width = shutil.get_terminal_size().columns
    return "\n\n".join(text if "\n    " in text else textwrap.fill(text, width) for text in paragraphs)


def overview(groups: Mapping[str, Mapping[str, Verb]]) -> str:
    """The list of verbs in groups, each with the first line of its docstring."""
    width = max(len(name) for verbs in groups.values() for name in verbs)
    lines = []
    for title, verbs in groups.items():
        lines += ["", f"{title}:"]
        for name, verb in verbs.items():
            first = (inspect.getdoc(verb) or "").partition("\n")[0].removesuffix(".")
            lines.append(f"  {name:{width}}  {first}")
    return "\n".join(lines)
