"""Help texts: the docstrings of verbs in the form that tyro shows well."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["with_joined_lines"]

Verb = TypeVar("Verb", bound=Callable[..., int])


def with_joined_lines(verb: Verb) -> Verb:
    """The verb, each argument of its docstring in one line: tyro would break lines where the source does."""
    verb.__doc__ = re.sub(r"\n {8,}(?=\S)", " ", inspect.getdoc(verb) or "")
    return verb
