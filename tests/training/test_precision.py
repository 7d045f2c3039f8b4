"""The number type of a run: where bfloat16 is taken, and that a run keeps it."""

from __future__ import annotations

import pytest
import torch

from strongpose.training import precision
from strongpose.training.precision import bf16_units, choose_precision

NONE: frozenset[str] = frozenset()
AMX = frozenset({"amx_bf16", "avx512_bf16"})


@pytest.mark.parametrize(
    ("wanted", "began", "device", "units", "bf16", "reason"),
    [
        (None, None, "cpu", AMX, True, "bfloat16, as this CPU has units for it (amx_bf16, avx512_bf16)"),
        (None, None, "cpu", NONE, False, "float32, as this CPU has no units for bfloat16"),
        (None, None, "cuda", {"bf16"}, True, "bfloat16, as this GPU has units for it (bf16)"),
        (None, None, "cuda", NONE, False, "float32, as this GPU has no units for bfloat16"),
        (True, None, "cpu", AMX, True, "bfloat16 by --bf16"),
        (True, None, "cpu", NONE, True, "bfloat16 by --bf16; this CPU emulates it"),
        (False, None, "cpu", AMX, False, "float32 by --no-bf16"),
        (None, True, "cpu", NONE, True, "bfloat16, as the run began; this CPU emulates it"),
        (None, False, "cuda", {"bf16"}, False, "float32, as the run began"),
        (False, True, "cpu", AMX, False, "float32 by --no-bf16"),
    ],
)
def test_the_choice_follows_from_option_run_and_machine(wanted, began, device, units, bf16, reason):
    found = choose_precision(wanted, began, device, units)
    assert found.bf16 is bf16 and found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile\n", AMX),
        ("flags : fpu avx2 avx512f avx512_vnni\nbugs : amx_bf16\n", NONE),
        ("Features\t: fp asimd bf16 i8mm\n", {"bf16"}),
        (None, NONE),
    ],
)
def test_units_of_a_cpu_are_read_from_the_system(tmp_path, monkeypatch, text, units):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(precision, "Path", lambda _: tmp_path / "cpuinfo")
    assert bf16_units(torch.device("cpu")) == units
