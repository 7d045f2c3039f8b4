"""Colours of people, their sides, keypoints and heat; the page of `strongpose serve` has the same."""

from __future__ import annotations

import colorsys

import numpy as np

from strongpose.draw.pen import Colour

__all__ = [
    "LEFT",
    "OUTLINE",
    "PEOPLE",
    "RIGHT",
    "SIDE_SHADES",
    "heat_colours",
    "keypoint_colour",
    "order_colours",
    "person_colour",
]

LEFT: Colour = (255, 153, 0)
"""Orange: with blue the pair that all common kinds of colour blindness leave apart."""

RIGHT: Colour = (56, 149, 255)
"""Blue."""

OUTLINE: Colour = (20, 20, 24)

PEOPLE: tuple[Colour, ...] = (
    (122, 230, 96),
    (255, 110, 200),
    (255, 228, 92),
    (178, 132, 255),
    (0, 214, 184),
    (255, 92, 92),
    (235, 235, 235),
    (186, 148, 106),
)
"""One per person, in turn; none is the colour of a side."""

SIDE_SHADES = (0.5, -0.45)
"""Where limbs have a person's colour: how far left ones go towards white, and right ones towards black."""

# matplotlib's inferno and viridis, at equal distances; between them colours are mixed.
_HEAT: tuple[Colour, ...] = (
    *((0, 0, 4), (33, 12, 74), (87, 16, 110), (138, 34, 106), (188, 55, 84)),
    *((227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)),
)
_ORDER: tuple[Colour, ...] = (
    *((68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140)),
    *((39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37)),
)


def person_colour(number: int, side: int = 0) -> Colour:
    """The colour of a person.

    Args:
        number: of the person, from 0.
        side: -1 for the lighter shade of the left, 1 for the darker shade of the right, 0 for the colour itself.
    """
    colour = PEOPLE[number % len(PEOPLE)]
    if side == 0:
        return colour
    shade = SIDE_SHADES[0 if side < 0 else 1]
    r, g, b = (round(v + (255 - v) * shade if shade > 0 else v * (1 + shade)) for v in colour)
    return r, g, b


def keypoint_colour(k: int, count: int) -> Colour:
    """The hue of keypoint ``k`` of ``count``; neighbours in number are far apart in hue."""
    step = next(s for s in range(max(1, round(count * 0.38)), count + 2) if np.gcd(s, count) == 1)
    r, g, b = colorsys.hsv_to_rgb((k * step % count) / count, 0.85, 1.0)
    return round(r * 255), round(g * 255), round(b * 255)


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32 RGB of (h, w) heat from 0, black, to 1, pale yellow."""
    return _ramp(_HEAT, heat)


def order_colours(count: int) -> list[Colour]:
    """``count`` colours from yellow, the seed, over green to violet, the keypoint that was fixed last."""
    colours = np.round(_ramp(_ORDER, np.linspace(1, 40 / 255, count)))
    return [(int(r), int(g), int(b)) for r, g, b in colours]


def _ramp(colours: tuple[Colour, ...], places: np.ndarray) -> np.ndarray:
    """(..., 3) float32 RGB at (...) places, 0 to 1, between colours at equal distances."""
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(places, stops, part) for part in zip(*colours, strict=True)], axis=-1).astype(np.float32)
