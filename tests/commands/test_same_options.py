"""An option of several verbs means the same in all of them, with the same words, but for reasons that are listed."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from strongpose.cli import VERBS, main

NAMES = [name for group in VERBS.values() for name in group]

RESULTS = "it says what the verb writes"
PHOTOS = "how many folders, and what is done without one, depends on the verb"
REASONS = {
    "--out": dict.fromkeys(NAMES, RESULTS),
    "--results": {"evaluate": RESULTS, "diagnose": "they are read"},
    "--images": dict.fromkeys(NAMES, PHOTOS),
    "--threshold": {
        "video": "a person counts by the best score of the track",
        "serve": "requests may ask for another",
        "diagnose": "nobody is left out of the figures",
        "export": "it is written to the model",
    },
    "--size": {"export": "one size is written to the model", "annotate": "it is that of crops"},
    "--flip": {"annotate": "crops are flipped"},
    "--threads": {"train": "torch chooses"},
    "--device": {"train": "torch alone trains, and on two kinds of devices"},
    "--output-stride": {"export": "0 keeps that of the training"},
    "--disk-radius": {"export": "the model may have it"},
    "--skeleton": {"data convert": "it chooses among the keypoints of a file"},
}
"""Verbs in which an option has words or a default of its own, and why."""


def options(name: str, capsys) -> dict[str, str]:
    """The options of a verb, and what the help text says of each, with its default."""
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    found: dict[str, str] = {}
    option = None
    for line in capsys.readouterr().out.splitlines():
        text = line.strip("│ ")
        if re.match(r"[│ ] --[a-z]", line):
            option, _, text = text.partition(" ")
            found[option] = text.strip()
        elif option is not None and re.match(r"[│ ] {4}", line):
            found[option] += f" {text}"
        else:
            option = None
    return {option: " ".join(text.split()) for option, text in found.items()}


def test_options_of_several_verbs_have_one_meaning(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in NAMES:
        for option, text in options(name, capsys).items():
            said[option.rstrip(",")][text].append(name)
    assert set(REASONS) <= set(said)
    for option, texts in said.items():
        left = {text: [n for n in names if n not in REASONS.get(option, {})] for text, names in texts.items()}
        assert len([text for text, names in left.items() if names]) <= 1, (option, left)


def test_what_runs_a_network_has_the_same_options_everywhere(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("predict", "video", "serve", "evaluate", "diagnose", "annotate"):
        assert {"--model", "--runtime", "--size", "--flip", "--threads"} <= set(options(name, capsys))
    batch = set(options("batch", capsys))  # whose threads are those of an actor
    assert {"--model", "--runtime", "--size", "--flip", "--threads-per-actor"} <= batch and "--threads" not in batch
    benchmark = set(options("benchmark", capsys))  # which compares several
    assert {"--models", "--runtimes", "--size", "--flip", "--threads"} <= benchmark


@pytest.mark.parametrize("name", NAMES)
def test_help_does_not_repeat_that_flags_are_off_and_files_left_out(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    texts = options(name, capsys)
    assert "--out" in texts or name in ("serve", "batch", "benchmark")
    repeated = r"default: None" if name == "train" else r"default: (None|False)"  # train's flags have --no-… as well
    assert [option for option, text in texts.items() if re.search(repeated, text)] == []
