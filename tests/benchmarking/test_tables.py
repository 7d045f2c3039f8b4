"""Tables as they are printed."""

from __future__ import annotations

from test_rows import made_up

from strongpose.benchmarking import machine_note, main_table, people_table


def test_the_main_table_has_a_line_for_all_photos():
    header, line = (" ".join(line.split()) for line in main_table(made_up(), markdown=True).splitlines()[::2])
    assert header == (
        "| model | MB | long side | runtime | AP | AP50 | APM | APL | AR | total, ms | read, ms | network, ms "
        "| decode, ms | photos/s | start, s | peak memory, MB |"
    )
    assert line == (
        "| small.onnx | 3.1 | 321 + 481 | ONNX Runtime on CPU | .441 | .700 | – | .500 | .510 | 14.0 / 35.0 "
        "| 3.0 / 5.0 | 10.0 / 21.0 | 1.0 / 9.0 | 56.82 | 0.12 | 100 |"
    )
    assert main_table(made_up(peak_mb=None)).splitlines()[1].endswith("0.12      –")


def test_the_table_by_people_has_the_groups():
    lines = people_table(made_up()).splitlines()
    assert lines[0].split() == "model long side runtime people photos total, ms decode, ms".split()
    assert lines[2] == "small.onnx  321 + 481  ONNX Runtime on CPU  1 to 2      2       13.0 / 13.8  1.0 / 1.0"
    assert len(lines) == 5


def test_the_note_says_how_it_was_measured():
    rows = made_up()[:1] + made_up(version="openvino 2026.0", other_cores=1.5)[:1]
    assert machine_note(rows).splitlines() == [
        "5 photos, each processed 2 times, one after the other; ms are median / 95th percentile. "
        "CPU load of other programs: up to 1.5 cores.",
        "Machine: Slow CPU (avx2), 2 cores, 1 thread for the network, 8 GB memory",
        "System: An OS 1, Python 3.11.7, numpy 2.1.0, onnxruntime 1.20.0, openvino 2026.0",
        "Version: commit abc1234, 2026-01-02T03:04:05+00:00",
        "Command: command",
    ]
    assert machine_note(rows, markdown=True).splitlines()[-1] == "- Command: `command`"
