"""The query of a request, whose names must be known: a misspelt option would be left out without a word."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from strongpose.exceptions import RefusedError

__all__ = ["check_query"]


def check_query(request: Request, known: Sequence[str]) -> None:
    """Refuse a query with other names, or with one name twice.

    Raises:
        RefusedError: 422, and which names there are.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            raise RefusedError(422, f"there is no option {name[:80]!r}; there {_listed(known)}")
        if names.count(name) > 1:
            raise RefusedError(422, f"the option {name!r} comes {names.count(name)} times; send it once")


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"is {names[0]}"
    return f"are {', '.join(names[:-1])} and {names[-1]}"
