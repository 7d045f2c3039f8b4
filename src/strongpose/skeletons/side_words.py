"""Words for left and right that are also other words, or are of other languages, and words for the middle."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = ["is_in_the_middle", "plain_letters", "with_side"]

_PAIRS = (
    *(("port", "starboard"), ("links", "rechts"), ("linke", "rechte"), ("linker", "rechter"), ("linkes", "rechtes")),
    *(("gauche", "droite"), ("gauche", "droit"), ("izquierda", "derecha"), ("izquierdo", "derecho"), ("izq", "der")),
    *(("sinistra", "destra"), ("sinistro", "destro"), ("sx", "dx"), ("esquerda", "direita"), ("esquerdo", "direito")),
    *(("lewa", "prawa"), ("lewe", "prawe"), ("lewy", "prawy"), ("левый", "правый"), ("левая", "правая")),
    ("левое", "правое"),
)
"""Of a word for left and one for right."""
_PLACED = {
    **{("fl", "fr"): "front", ("lf", "rf"): "front", ("bl", "br"): "back", ("lb", "rb"): "back", ("hl", "hr"): "hind"},
    **{("lh", "rh"): "hind", ("rl", "rr"): "rear", ("tl", "tr"): "top"},
}
"""A side and a place in one word: left and right."""
_IN_ONE = (("左", "右"), ("왼쪽", "오른쪽"), ("왼", "오른"))
"""Written in one with the word that they are about."""
_MIDDLE = (
    *("nose", "neck", "head", "face", "forehead", "mouth", "chin", "throat", "tongue", "thorax", "chest", "sternum"),
    *("spine", "torso", "trunk", "back", "belly", "navel", "pelvis", "root", "tail", "withers", "crotch"),
    *("middle", "center", "centre", "central"),
)


def plain_letters(text: str) -> str:
    """The text without accents, in letters of the usual width."""
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(sign for sign in parts if not unicodedata.combining(sign)))


_SIDES = {
    plain_letters(word): side
    for pair in (*_PAIRS, *_PLACED)
    for word, side in zip(pair, ("left", "right"), strict=True)
}
_PLACES = {word: place for pair, place in _PLACED.items() for word in pair}


def with_side(words: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The side in a name and its other words; None if it has none, or several.

    Args:
        words: of the name, in lower case and `plain_letters`.
    """
    sides, others = [], []
    for word in words:
        side, rest = _parted(word)
        sides += [side] if side else []
        others += [part for part in rest if part]
    return (sides[0], tuple(others)) if len(sides) == 1 else None


def _parted(word: str) -> tuple[str | None, tuple[str, ...]]:
    """The side of a word, and what else it says."""
    stem = word.rstrip("0123456789")
    if stem in _SIDES:
        return _SIDES[stem], (_PLACES.get(stem, ""), word.removeprefix(stem))
    for pair in _IN_ONE:
        for text, side in zip(pair, ("left", "right"), strict=True):
            if word.startswith(text) or word.endswith(text):
                return side, (word.removeprefix(text).removesuffix(text),)
    return None, (word,)


def is_in_the_middle(words: Sequence[str]) -> bool:
    """Whether a name says that a keypoint lies in the middle of the body.

    Args:
        words: of the name, as above.
    """
    return any(word.rstrip("0123456789") in _MIDDLE or word.startswith("mid") for word in words)
