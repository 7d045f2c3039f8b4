"""``strongpose evaluate``: figures, result file, and clear errors for damaged input."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures import annotation, write_dataset

from strongpose import StrongPose
from strongpose.cli import main
from strongpose.evaluation import evaluate_results
from strongpose.evaluation.submission import check_results
from strongpose.skeleton import COCO


def test_figures_and_results_of_drawn_people(strongpose, tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 3)
    results = tmp_path / "new" / "results.json"
    run = strongpose(
        *("evaluate", annotations, "--images", tmp_path / "set" / "people", "--model", tiny_model),
        *("--results", results),
    )
    assert run.returncode == 0, run.stderr
    header, values, how, where = run.stdout.splitlines()
    assert header.split() == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert len(values.split()) == 10
    assert how.startswith("3 photos, ") and "ms a photo" in how
    assert where == f"results in {results}"
    assert json.loads(results.read_text()) == []  # random weights find nobody


def test_several_sets_are_measured_together(strongpose, data_dir, tmp_path):
    """The figures of two halves, each in a folder of its own, are those of the whole."""
    data = json.loads((data_dir / "coco-val" / "annotations.json").read_text())
    photos = data_dir / "coco-val" / "images"
    files, folders = [], []
    for name, images in (("whole", data["images"][:6]), ("a", data["images"][:3]), ("b", data["images"][3:6])):
        ids, number = {image["id"] for image in images}, 7 if name == "b" else 1
        people = [{**a, "category_id": number} for a in data["annotations"] if a["image_id"] in ids]
        categories = [{**data["categories"][0], "id": number}]
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        for image in images:
            (folders[-1] / image["file_name"]).symlink_to(photos / image["file_name"])
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps({"images": images, "annotations": people, "categories": categories}))
    whole, both = (
        strongpose("evaluate", *files[part], "--images", *folders[part], "--size", 257)
        for part in (slice(0, 1), slice(1, 3))
    )
    assert both.returncode == 0, both.stderr
    assert both.stdout.splitlines()[:2] == whole.stdout.splitlines()[:2]
    assert both.stdout.splitlines()[2].startswith("6 photos, ")
    twice = strongpose("evaluate", files[0], files[1], "--images", folders[0], folders[1])
    assert twice.returncode == 1 and "a.json: image id" in twice.stderr and "is also in" in twice.stderr
    same = strongpose("evaluate", files[0], files[0], "--images", folders[0], folders[0])
    assert same.returncode == 1 and "whole.json: image id" in same.stderr
    apes = json.loads(files[2].read_text())
    apes["categories"].append({**apes["categories"][0], "id": 8, "name": "ape"})
    (tmp_path / "apes.json").write_text(json.dumps(apes))
    two = strongpose("evaluate", files[1], tmp_path / "apes.json", "--images", folders[1], folders[2])
    assert two.returncode == 0 and "apes.json: categories person, ape have the same keypoints" in two.stderr
    fewer = strongpose("evaluate", files[0], files[1], "--images", folders[0])
    assert fewer.returncode == 2 and "--images: expected 2, one for each annotation file, got 1" in fewer.stderr


def test_base_finds_real_people(strongpose, data_dir, tmp_path):
    """On the first photos of the validation set; the model's card has the figure on all of them."""
    data = json.loads((data_dir / "coco-val" / "annotations.json").read_text())
    data["images"] = data["images"][:12]
    ids = {image["id"] for image in data["images"]}
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] in ids]
    (tmp_path / "some.json").write_text(json.dumps(data))
    run = strongpose(
        *("evaluate", tmp_path / "some.json", "--images", data_dir / "coco-val" / "images"),
        *("--results", tmp_path / "results.json"),
    )
    assert run.returncode == 0, run.stderr
    ap = float(run.stdout.splitlines()[1].split()[0])
    assert ap > 0.45, run.stdout  # .531 when the model was released
    results = json.loads((tmp_path / "results.json").read_text())
    assert evaluate_results(results, data, COCO.sigmas).ap == pytest.approx(ap, abs=5e-4)
    assert max(sum(r["image_id"] == i for r in results) for i in ids) <= 20


def test_damaged_input_is_named(strongpose, tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    photos = tmp_path / "set" / "people"

    def complaint(*arguments: object) -> str:
        run = strongpose("evaluate", *arguments, "--model", tiny_model)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        return run.stderr.strip()

    (tmp_path / "cut.json").write_text(annotations.read_text()[:300])
    assert "cut.json, line 1: not JSON, or cut short" in complaint(tmp_path / "cut.json", "--images", photos)
    assert "nope.json: no such file" in complaint(tmp_path / "nope.json", "--images", photos)
    assert "2 of the 2 annotated photos are missing" in complaint(annotations, "--images", tmp_path)
    unwritable = annotations / "x.json"
    assert "is a file; name another folder" in complaint(annotations, "--images", photos, "--results", unwritable)
    (photos / "1.png").write_bytes(b"")
    assert "1.png: the file is empty" in complaint(annotations, "--images", photos)


def test_results_are_written_before_anything_is_printed(tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    command = [sys.executable, "-m", "strongpose.cli", "evaluate", annotations, "--images", tmp_path / "set" / "people"]
    command += ["--model", tiny_model, "--results", tmp_path / "results.json"]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([str(part) for part in command], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode != 0 and "--results" not in run.stderr
    assert isinstance(json.loads((tmp_path / "results.json").read_text()), list)


@pytest.fixture(scope="module")
def coco(tmp_path_factory, photos) -> Path:
    """A folder laid out as COCO's, of the sample photos; its people are annotated as the model finds them at 241 px."""
    folder = tmp_path_factory.mktemp("coco")
    for name in ("annotations", "val2017", "test2017"):
        (folder / name).mkdir()
    estimator = StrongPose.from_pretrained(size=241, threshold=0, runtime="onnx", threads=1)
    images, people = [], []
    for image_id, photo in enumerate(sorted(photos.glob("*.jpg")), start=1):
        images.append({"id": image_id, "file_name": f"{image_id:012d}.jpg"})
        for part in ("val2017", "test2017"):
            shutil.copy(photo, folder / part / images[-1]["file_name"])
        for pose in estimator(photo):
            if pose.score > 0.25:
                seen = pose.keypoints[:, 2:] > 0.1
                keypoints = np.where(seen, pose.keypoints * [1, 1, 0] + [0, 0, 2], 0)
                people.append(annotation(len(people) + 1, image_id, keypoints))
    assert len(people) >= 5
    category = {"id": 1, "name": "person"}
    truth = {"images": images, "annotations": people, "categories": [{**category, "keypoints": list(COCO.names)}]}
    (folder / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(truth))
    info = {"images": images[1:], "categories": [category, {"id": 2, "name": "bicycle"}]}
    (folder / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(info))
    return folder


SMALL = ("--size", 241, "--runtime", "onnx", "--threads", 1)


def test_coco_is_found_by_its_layout_and_compared(strongpose, coco, tmp_path):
    run = strongpose("evaluate", "--coco", coco, *SMALL, "--out", tmp_path, "--algorithm", "small")
    assert run.returncode == 0, run.stderr
    *table, warning, how, where = run.stdout.splitlines()
    assert warning == "val2017 has 5,000 photos, these are 4: do not compare with the others"
    assert table[0].startswith("COCO val2017") and table[0].endswith("ARL")
    assert any(line.startswith("StrongPose, ResNet-101") and "0.690" in line for line in table)
    assert table[-1].startswith("base, 241 px")
    assert table[-1].split()[3:5] == ["1.000", "1.000"]  # the annotations are its own poses
    assert how.startswith("4 photos, ")
    target = tmp_path / "person_keypoints_val2017_small_results.json"
    assert where == f"results in {target}"
    assert list(tmp_path.iterdir()) == [target]
    truth = coco / "annotations" / "person_keypoints_val2017.json"
    assert evaluate_results(json.loads(target.read_text()), truth, COCO.sigmas).ap == pytest.approx(1)


def test_the_test_set_becomes_an_archive_to_upload(strongpose, coco, tmp_path):
    run = strongpose("evaluate", "--coco", coco, "--split", "test-dev2017", *SMALL, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "COCO test-dev2017" in run.stdout and "0.725" in run.stdout
    assert "measured now" not in run.stdout
    name = "person_keypoints_test-dev2017_strongpose_results"
    assert run.stdout.endswith(f"results in {tmp_path / name}.zip; upload it: COCO's server computes the metrics\n")
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.zip"]
    with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
        assert archive.namelist() == [f"{name}.json"]
        results = json.loads(archive.read(f"{name}.json"))
    assert {result["image_id"] for result in results} == {2, 3, 4}
    check_results(results, [2, 3, 4])


def test_an_evaluation_that_was_killed_goes_on(coco, tmp_path, capsys):
    data = json.loads((coco / "annotations" / "person_keypoints_val2017.json").read_text())
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(1, 31):
        (photos / f"{i}.jpg").symlink_to(coco / "val2017" / data["images"][(i - 1) % 4]["file_name"])
    data["images"] = [{"id": i, "file_name": f"{i}.jpg"} for i in range(1, 31)]
    data["annotations"] = [person for person in data["annotations"] if person["image_id"] != 4]
    (tmp_path / "many.json").write_text(json.dumps(data))
    command = ["evaluate", tmp_path / "many.json", "--images", photos, "--size", 161, *SMALL[2:]]
    whole, parts, kept = tmp_path / "whole.json", tmp_path / "parts.json", tmp_path / "parts.kept.jsonl"

    def run(*arguments: object) -> int:
        return main([*map(str, (*command, *arguments))])

    assert run("--results", whole) == 0
    arguments = [sys.executable, "-m", "strongpose.cli", *map(str, command), "--results", str(parts)]

    def stop(signal_number: int, photos: int) -> tuple[int, str]:
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and (not kept.exists() or kept.read_bytes().count(b"\n") <= photos):
            time.sleep(0.005)
        process.send_signal(signal_number)
        said = process.communicate()[1]
        assert not parts.exists()
        return kept.read_bytes().count(b"\n") - 1, said

    done = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        done, said = stop(number, done + 3)
        line = f"strongpose: interrupted; {done} photos are in {kept}, the same command resumes\n"
        assert said.endswith(line) and said.count("\n") == 1 + (number != signal.SIGINT), said
    done, _ = stop(signal.SIGKILL, done + 3)
    assert 9 <= done < 30

    capsys.readouterr()
    assert run("--results", parts, "--flip") == 1
    assert "holds poses of another evaluation (its flip is False, now it is True)" in capsys.readouterr().err
    assert run("--results", parts) == 0
    said = capsys.readouterr()
    assert said.err == f"strongpose: resuming after {done} photos in {kept}\n"
    assert said.out.splitlines()[2].startswith("30 photos, ")
    assert parts.read_bytes() == whole.read_bytes()
    assert not kept.exists()


def test_options_that_do_not_fit_together_are_explained(coco, tmp_path, capsys):
    def complaint(status: int, *arguments: object) -> str:
        assert main(["evaluate", *map(str, arguments)]) == status
        return capsys.readouterr().err

    assert "or --coco FOLDER" in complaint(2)
    assert "a.json: no such file; check the path" in complaint(1, "a.json")
    assert "--split and --out go with --coco" in complaint(2, "a.json", "--images", coco, "--out", tmp_path)
    assert "takes the place of" in complaint(2, "a.json", "--coco", coco)
    assert "takes the place of" in complaint(2, "--coco", coco, "--results", "a.json")
    assert "needs --out" in complaint(2, "--coco", coco, "--split", "test-dev2017")
    assert "--algorithm a_b: expected" in complaint(1, "--coco", coco, "--out", tmp_path, "--algorithm", "a_b")
    assert "strongpose data get coco --parts val2017" in complaint(1, "--coco", tmp_path)
