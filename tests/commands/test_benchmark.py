"""``strongpose benchmark``: tables, the CSV file, precision, errors in one line, and no process left behind."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strongpose import StrongPose
from strongpose._util.installing import install_command
from strongpose.cli import main
from strongpose.commands.benchmark import _labels, _pairs
from strongpose.evaluation import evaluate

HEADER = (
    "model,file_mb,size_px,flip,runtime,runtime_version,threads,people,annotations,photos,repeat,"
    "ap,ap50,ap75,ap_medium,ap_large,ar,total_median_ms,total_p95_ms,read_median_ms,read_p95_ms,"
    "network_median_ms,network_p95_ms,decode_median_ms,decode_p95_ms,photos_per_s,start_s,peak_memory_mb,"
    "other_load_cores,cpu,cores,memory_gb,os,python,numpy,version,measured_at,command"
)


def cells(table: str) -> list[list[str]]:
    """Header and lines of a Markdown table, without the line between them."""
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def pair(text: str) -> tuple[float, float]:
    median, high = text.split(" / ")
    return float(median), float(high)


def test_every_runtime_is_measured_on_real_photos(strongpose_process, photos, tmp_path):
    run = strongpose_process(
        "benchmark", photos, "--size", "161", "--threads", "1", "--csv", tmp_path / "b.csv", "--markdown"
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    first, second, note = run.stdout.split("\n\n")

    header, *lines = cells(first)
    expected = "model MB,long side,runtime,total, ms,read, ms,network, ms,decode, ms,photos/s,start, s,peak memory, MB"
    assert ",".join(header).replace("model,MB", "model MB") == expected
    assert [line[:3] for line in lines] == [["base", "11.1", "161"]] * 2
    assert [line[3].split()[0] for line in lines] == ["OpenVINO", "ONNX"]
    for line in lines:
        (total, total_high), *steps = (pair(cell) for cell in line[4:8])
        assert 0 < total <= total_high
        assert sum(median for median, _ in steps) == pytest.approx(total, rel=0.5)
        assert max(median for median, _ in steps) <= total <= sum(high for _, high in steps)
        assert 1e3 / total_high * 0.9 <= float(line[8])
        assert float(line[9]) > 0
        assert 50 < float(line[10]) < 1000

    header, *lines = cells(second)
    assert header == ["model", "long side", "runtime", "people", "photos", "total, ms", "decode, ms"]
    assert {line[3] for line in lines} <= {"0", "1 to 2", "3 to 5"}
    assert sum(int(line[4]) for line in lines) == 2 * 4  # every photo is in one group
    assert any(line[3] != "0" for line in lines)
    assert note.startswith("- 4 photos, each processed once, one after the other; ms are median / 95th percentile.")
    assert f"\n- Command: `strongpose benchmark {photos} --size 161 --threads 1 --csv" in note

    with (tmp_path / "b.csv").open(newline="") as file:
        names, *rows = csv.reader(file)
    assert ",".join(names) == HEADER
    assert len(rows) == 2 + len(lines)
    assert [row[names.index("people")] for row in rows].count("all") == 2


def test_precision_is_that_of_evaluate_and_rows_are_appended(strongpose, photos, tmp_path):
    """The annotations are the model's own poses at a larger size."""
    teacher, people = StrongPose.from_pretrained(size=321, runtime="onnx"), []
    names = ["group.jpg", "astronaut.jpg", "grace_hopper.jpg"]
    for image_id, name in enumerate(names, start=7):
        poses = teacher(photos / name)
        for result in poses[poses.scores > 0.3].to_coco(image_id):
            x0, y0, x1, y1 = (float(v) for v in poses.boxes[0])
            keypoints = [2 if i % 3 == 2 else v for i, v in enumerate(result["keypoints"])]
            box = [x0, y0, x1 - x0, y1 - y0]
            about = {"id": len(people) + 1, "image_id": image_id, "category_id": 1, "iscrowd": 0}
            people.append({**about, "keypoints": keypoints, "bbox": box, "area": box[2] * box[3]})
    category = {"id": 1, "name": "person", "keypoints": list(teacher.info.skeleton.names)}
    data = {"images": [{"id": i, "file_name": n} for i, n in enumerate(names, start=7)]}
    data |= {"annotations": people, "categories": [category]}
    (tmp_path / "set.json").write_text(json.dumps(data))

    figures = evaluate(StrongPose.from_pretrained(size=241, runtime="onnx"), data, photos).metrics
    assert figures.ap > 0.5
    arguments = ("--annotations", tmp_path / "set.json", "--images", photos, "--runtimes", "onnx", "--repeat", "2")
    path = tmp_path / "b.csv"
    path.write_text(HEADER + "\n" + "," * HEADER.count(",") + "\n")
    run = strongpose("benchmark", *arguments, "--size", "241", "--csv", path)
    assert run.returncode == 0, run.stderr
    values = run.stdout.splitlines()[1].split()
    assert f"{figures.ap:.3f}".removeprefix("0") in values
    assert "3 photos, each processed 2 times" in run.stdout
    with path.open(newline="") as file:
        _, empty, whole, *groups = csv.DictReader(file, fieldnames=HEADER.split(","))
    assert not any(empty.values())
    assert float(whole["ap"]) == pytest.approx(figures.ap, abs=1e-4)
    assert float(whole["ar"]) == pytest.approx(figures.ar, abs=1e-4)
    assert whole["annotations"] == str(tmp_path / "set.json")
    assert groups and all(row["ap"] == "" for row in groups)


def test_errors_are_one_line(photos, tmp_path, capsys, monkeypatch):
    photo = str(photos / "group.jpg")

    def complaint(*arguments: object) -> str:
        assert main(["benchmark", *map(str, arguments)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("strongpose: ") and err.count("\n") == 1
        return err

    assert "name photos, or --annotations; " in complaint()
    assert "nope.jpg: no such photo" in complaint(photo, tmp_path / "nope.jpg")
    assert "a.json: no such file" in complaint("--annotations", tmp_path / "a.json")
    assert "name that file, too" in complaint("--images", photos)
    assert "not both" in complaint(photo, "--annotations", tmp_path / "a.json", "--images", photos)
    assert "a.json: no such file" in complaint("--annotations", tmp_path / "a.json", "--images", photos)
    assert "--repeat must be at least 1, got 0" in complaint(photo, "--repeat", "0")
    assert "nope: no such model" in complaint(photo, "--models", "nope")
    (tmp_path / "other.csv").write_text("a,b\n")
    assert "other.csv: has other columns" in complaint(photo, "--csv", tmp_path / "other.csv")
    monkeypatch.setitem(sys.modules, "openvino", None)  # hidden
    said = complaint(photo, "--runtimes", "onnx", "openvino")
    assert "openvino is not installed: " + install_command("openvino") in said


def test_what_cannot_run_is_left_out_with_a_line(photos, tmp_path, capsys, monkeypatch):
    (tmp_path / "int8.xml").touch()
    xml = str(tmp_path / "int8.xml")
    assert _pairs(("base", xml), ("openvino", "onnx")) == [("base", "openvino"), ("base", "onnx"), (xml, "openvino")]
    assert capsys.readouterr().err == f"strongpose: {xml} on onnx is left out: only openvino runs .xml files\n"
    monkeypatch.setitem(sys.modules, "openvino", None)  # hidden
    assert _pairs(("base",), ()) == [("base", "onnx")]
    said = capsys.readouterr().err
    assert said == f"strongpose: openvino is not installed and left out: {install_command('openvino')}\n"


def test_models_of_one_name_are_told_apart():
    models = ("base", "a/small.onnx", "b/small.onnx", "b/large.onnx", "base")
    assert _labels(models) == {
        "base": "base",
        "a/small.onnx": "a/small.onnx",
        "b/small.onnx": "b/small.onnx",
        "b/large.onnx": "large.onnx",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the worker in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(photos, number):
    command = [sys.executable, "-m", "strongpose.cli", "benchmark", str(photos), "--size", "161", "--repeat", "9999"]
    run = subprocess.Popen([*command, "--runtimes", "onnx"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        worker = wait_for(lambda: worker_of(run.pid))
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
    finally:
        run.kill()
    if number == signal.SIGINT:
        assert run.returncode == 130
        assert err == b"strongpose: interrupted\n"
    wait_for(lambda: not worker.exists())


def worker_of(process: int) -> Path | None:
    """The folder in /proc of the process that measures, once it has started."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        try:
            if b"benchmarking.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return Path(f"/proc/{child}")
        except OSError:  # a short-lived one
            pass
    return None


def wait_for(happens):
    """What ``happens`` returns once it is true; fails after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.05)
    raise TimeoutError("waited a minute")
