"""The page of `strongpose serve` draws as the pictures do: the same colours and the same numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import strongpose.serve
from strongpose.draw import colours, poses
from strongpose.poses import KEYPOINT_THRESHOLD

PAGE = Path(strongpose.serve.__file__).parent / "page"


def constant(file: str, name: str):
    """What a constant of a script of the page is."""
    text = (PAGE / file).read_text(encoding="utf-8")
    found = re.search(rf"const {name} = (.+?);", text, re.DOTALL)
    assert found, name
    return json.loads(re.sub(r",\s*\]", "]", found[1]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, getattr(colours, name)) for name in ("LEFT", "RIGHT", "OUTLINE", "PEOPLE")),
        ("HEAT", colours._HEAT),
    ],
)
def test_colours_are_the_same(name, value):
    assert constant("colours.js", name) == json.loads(json.dumps(value))


@pytest.mark.parametrize("name", ["OPAQUE", "FAINT", "THIN", "WIDTH", "LEAST", "MOST"])
def test_lines_are_the_same(name):
    assert constant("poses.js", name) == getattr(poses, f"_{name}")


def test_the_least_score_and_the_legend_are_the_same():
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert f'id="keypoint-threshold" type="range" min="0" max="1" step="0.01" value="{KEYPOINT_THRESHOLD}"' in html
    assert f'for="keypoint-threshold">{KEYPOINT_THRESHOLD:.2f}<' in html
    css = (PAGE / "style.css").read_text(encoding="utf-8")
    for side, colour in (("left", colours.LEFT), ("right", colours.RIGHT)):
        assert ".swatch.{} {{ background: rgb({} {} {}); }}".format(side, *colour) in css
