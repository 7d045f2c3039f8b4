"""Reading the options of a verb: wrong ones are told in plain words, in one line."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Annotated, Any, TypeAlias, TypeVar, get_args, get_type_hints

from tyro.conf import DisallowNone, FlagCreatePairsOff, arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

__all__ = ["Flag", "options_of", "plain_values", "wrong_option"]

Number = TypeVar("Number", int, float)

Flag: TypeAlias = Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")]
"""An option without a value, off by default; its help does not repeat that."""


def options_of(verb: Callable[..., int]) -> list[str]:
    """The names of a verb's options, such as ``--keypoint-threshold``, in their order."""
    function = verb.func if isinstance(verb, partial) else verb
    hints = get_type_hints(function, include_extras=True)
    names: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            continue
        hint = hints[parameter.name]
        if is_dataclass(hint):
            inner = get_type_hints(hint, include_extras=True)
            for field in fields(hint):
                names += _spellings(field.name, inner[field.name])
        else:
            names += _spellings(parameter.name, hint)
    return names


def _spellings(name: str, hint: Any) -> Iterator[str]:
    """An option's name; a flag that can be on by default also has one that turns it off."""
    kind, *extras = get_args(hint) or (hint,)
    given = [extra.name for extra in extras if isinstance(getattr(extra, "name", None), str)]
    option = (given[0] if given else name).replace("_", "-")
    yield f"--{option}"
    if (kind is bool and not extras) or DisallowNone in extras:
        yield f"--no-{option}"


def wrong_option(name: str, verb: Callable[..., int], arguments: Sequence[str]) -> str | None:
    """What is wrong with the first option that a verb does not have, with the one that is most like it; or None.

    Args:
        name: of the verb, as it is typed.
        verb: its function.
        arguments: what follows the name.
    """
    known = [*options_of(verb), "--help"]
    for argument in arguments:
        if argument == "--":
            return None
        option = argument.partition("=")[0].replace("_", "-")
        if not option.startswith("--") or option in known:
            continue
        like = difflib.get_close_matches(option, known, 1, 0.6) or [one for one in known if one.startswith(option)]
        remedy = f"did you mean {like[0]}?" if like else f"`strongpose {name} --help` lists its options"
        return f"{name} has no option {argument.partition('=')[0]}; {remedy}"
    return None


def plain_values() -> ConstructorRegistry:
    """How numbers are read, so that what is none is told without words of Python."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        if info.type in (int, int | None):  # None is what an option is that is left out
            return _number(int, "INT", "a whole number")
        if info.type in (float, float | None):
            return _number(float, "FLOAT", "a number")
        if info.type == tuple[int, ...]:
            return PrimitiveConstructorSpec(
                nargs="*",
                metavar="[INT [INT ...]]",
                instance_from_str=lambda texts: tuple(_parsed(int, text, "whole numbers") for text in texts),
                is_instance=lambda value: isinstance(value, tuple) and all(isinstance(one, int) for one in value),
                str_from_instance=lambda value: list(map(str, value)),
            )
        return None

    return registry


def _number(kind: Callable[[str], Number], metavar: str, expected: str) -> PrimitiveConstructorSpec[Any]:
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda texts: _parsed(kind, texts[0], expected),
        is_instance=lambda value: value is None or isinstance(value, (int, float) if metavar == "FLOAT" else int),
        str_from_instance=lambda value: [str(value)],
    )


def _parsed(kind: Callable[[str], Number], text: str, expected: str) -> Number:
    try:
        return kind(text)
    except ValueError as error:
        raise ValueError(f"expected {expected}, got {text!r}") from error
