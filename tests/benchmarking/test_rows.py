"""Groups, medians and CSV files of made-up measurements."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from strongpose.benchmarking import COLUMNS, Job, Machine, Measurement, append_csv, read_csv, rows_of
from strongpose.evaluation import Metrics
from strongpose.exceptions import BenchmarkError

MACHINE = Machine("Slow CPU (avx2)", 2, 8.04, "An OS 1", "3.11.7", "2.1.0", "commit abc1234")
JOB = Job("models/small.onnx", "onnx", tuple("abcde"), threads=1, repeat=2)
MEASUREMENT = Measurement(
    runtime="ONNX Runtime on CPU",
    version="onnxruntime 1.20.0",
    file_mb=3.14159,
    sizes=[321, 481],
    start_s=0.12345,
    read_ms=[[1, 2, 3, 4, 5], [3, 2, 1, 4, 5]],
    network_ms=[[10, 10, 10, 10, 10], [10, 10, 10, 10, 30]],
    decode_ms=[[1, 1, 1, 1, 9], [1, 1, 1, 1, 9]],
    people=[0, 1, 2, 12, 5],
    results=[],
    sigmas=[],
    peak_mb=100.04,
    other_cores=0.126,
)
FIGURES = Metrics(0.44121, 0.7, 0.4, math.nan, 0.5, 0.51, 0.7, 0.5, math.nan, 0.6)


def made_up(**changes):
    """The rows of a made-up measurement, with other attributes of it if need be."""
    measurement = replace(MEASUREMENT, **changes)
    return rows_of("small.onnx", JOB, measurement, "val.json", FIGURES, MACHINE, "2026-01-02T03:04:05+00:00", "command")


def test_all_photos_come_first_then_the_groups_that_hold_some():
    rows = made_up()
    assert [(row.people, row.photos) for row in rows] == [
        ("all", 5),
        ("0", 1),
        ("1 to 2", 2),
        ("3 to 5", 1),
        ("11 or more", 1),
    ]
    whole, nobody, some = rows[:3]
    assert (whole.total_median_ms, whole.total_p95_ms) == (14, 35)  # of 12 13 14 15 24, 14 13 12 15 44
    assert (whole.read_median_ms, whole.network_median_ms, whole.decode_median_ms) == (3, 10, 1)
    assert whole.photos_per_s == round(1e3 / 17.6, 3)
    assert (nobody.total_median_ms, nobody.total_p95_ms) == (13, 13.9)
    assert (some.total_median_ms, some.decode_p95_ms) == (13, 1)


def test_what_is_measured_once_stands_with_all_photos_only():
    whole, group = made_up()[:2]
    assert (whole.ap, whole.ap_medium, whole.ap_large) == (0.4412, None, 0.5)
    assert (whole.start_s, whole.peak_memory_mb, whole.other_load_cores) == (0.123, 100.0, 0.13)
    assert (group.ap, group.start_s, group.peak_memory_mb, group.other_load_cores) == (None,) * 4
    assert whole.size_px == group.size_px == "321+481"


def test_rows_are_appended_and_read_back(tmp_path):
    path = tmp_path / "out.csv"
    path.touch()
    append_csv(path, made_up())
    append_csv(path, made_up(runtime='torch, "slow"')[:1])
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 5 + 1
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == (
        "small.onnx,3.14,321+481,no,ONNX Runtime on CPU,onnxruntime 1.20.0,1,all,val.json,5,2,"
        "0.4412,0.7,0.4,,0.5,0.51,14.0,35.0,3.0,5.0,10.0,21.0,1.0,9.0,56.818,0.123,100.0,0.13,"
        "Slow CPU (avx2),2,8.0,An OS 1,3.11.7,2.1.0,commit abc1234,2026-01-02T03:04:05+00:00,command"
    )
    rows = read_csv(path)
    assert [row["people"] for row in rows] == ["all", "0", "1 to 2", "3 to 5", "11 or more", "all"]
    assert rows[-1]["runtime"] == 'torch, "slow"'


def test_files_that_do_not_fit_are_left_alone(tmp_path):
    rows = made_up()

    def refused(content: str, message: str) -> None:
        path = tmp_path / "out.csv"
        path.write_text(content)
        with pytest.raises(BenchmarkError, match=rf"out\.csv: {message}"):
            append_csv(path, rows)
        assert path.read_text() == content

    refused("a,b\n1,2\n", "has other columns")
    refused("\n", "has other columns")
    refused(",".join(COLUMNS), "its last line is cut short")
    refused(",".join(COLUMNS) + "\nsmall", "its last line is cut short")
    with pytest.raises(BenchmarkError, match="there is no folder"):
        append_csv(tmp_path / "nowhere" / "out.csv", rows)
    with pytest.raises(BenchmarkError, match="is not a file"):
        append_csv(tmp_path, rows)
    for content, message in (("", "holds no rows"), ("\na,b\n", r"row 1 has 2 values, expected 38")):
        (tmp_path / "in.csv").write_text(",".join(COLUMNS) + (content or "\n"))
        with pytest.raises(BenchmarkError, match=message):
            read_csv(tmp_path / "in.csv")
    with pytest.raises(BenchmarkError, match="no such file"):
        read_csv(tmp_path / "nope.csv")
