"""Folders in folders, and what verbs say of files that other verbs are for."""

from __future__ import annotations

import shutil

import pytest

from strongpose._util.lines import counted, pace
from strongpose.cli import main


@pytest.fixture
def told(capsys):
    """Runs a verb that must fail, and returns the one line that it says."""

    def run(*arguments: object) -> str:
        assert main(list(map(str, arguments))) != 0
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1
        return said.err.removeprefix("strongpose: ").rstrip("\n")

    return run


@pytest.fixture
def tree(tmp_path, photos):
    """A folder with two folders of photos, without photos of its own."""
    for name in ("day1/group.jpg", "day2/sea/group.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        shutil.copy(photos / "group.jpg", tmp_path / "in" / name)
    return tmp_path / "in"


def test_results_keep_the_tree_and_are_not_read_again(tree, tiny_model, capsys):
    out = tree / "out"
    command = ["predict", str(tree), "--out", str(out), "--model", str(tiny_model), "--size", "65"]
    for _ in range(2):
        assert main(command) == 0
        said = capsys.readouterr()
        assert said.err == f"strongpose: {tree}: holds no photo itself, so the folders in it are searched\n"
        assert "2 of 2 photos, 0 people, " in said.out
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {f"{name}/group.poses.{kind}" for name in ("day1", "day2/sea") for kind in ("jpg", "json")}
    assert main([*command, "--resume"]) == 0
    assert "2 of 2 photos have their results" in capsys.readouterr().out


def test_folders_beside_photos_are_taken_when_asked_for(tree, photos, tiny_model, tmp_path, capsys):
    shutil.copy(photos / "group.jpg", tree / "first.jpg")
    command = ["predict", str(tree), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--size", "65"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "1 of 1 photo, 0 people, " in said.out
    assert f"{tree / 'day1'} and 1 more: its photos are skipped; --recursive takes them, too" in said.err
    assert main([*command, "--recursive"]) == 0
    said = capsys.readouterr()
    assert "3 of 3 photos" in said.out and said.err == ""
    assert (tmp_path / "out/day2/sea/group.poses.json").exists() and (tmp_path / "out/first.poses.json").exists()


@pytest.mark.parametrize("verb", ["predict", "batch", "benchmark"])
def test_files_that_are_no_photos(verb, told, tmp_path):
    outputs = {"predict": ("--out", tmp_path / "out"), "batch": (tmp_path / "out",), "benchmark": ()}[verb]
    clip, model, people = (tmp_path / name for name in ("clip.MP4", "model.onnx", "people.json"))
    for file in (clip, model, people):
        file.write_bytes(b"x")
    assert told(verb, clip, *outputs) == f"{clip}: is a video; `strongpose video` tracks the people in it"
    option = "--models" if verb == "benchmark" else "--model"
    assert told(verb, model, *outputs) == f"{model}: is a model, not a photo; name it with {option}"
    assert told(verb, people, *outputs) == f"{people}: is no photo; `strongpose evaluate` takes annotation files"


@pytest.mark.parametrize("verb", ["predict", "batch", "benchmark"])
def test_folders_that_hold_videos_only(verb, told, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "clip.mov").touch()
    outputs = {"predict": ("--out", tmp_path / "out"), "batch": (tmp_path / "out",), "benchmark": ()}[verb]
    line = told(verb, folder, *outputs)
    assert line == f"{folder}: holds videos, and no photo; `strongpose video` tracks the people in them"


def test_photos_given_to_video(told, photos, tmp_path):
    photo = photos / "group.jpg"
    line = told("video", photo, "--out", tmp_path / "out")
    assert line == f"{photo}: is a photo, not a video; use strongpose predict"


@pytest.mark.parametrize("verb", ["evaluate", "diagnose", "annotate", "data check", "benchmark --annotations"])
def test_files_that_are_no_annotations(verb, told, photos, tmp_path):
    options = {"data check": (), "diagnose": ("--out", tmp_path / "o"), "annotate": ("--out", tmp_path / "o.json")}
    words = verb.split()
    more = ("--images", photos, *options.get(verb, ()))
    expected = "expected an annotation file in COCO keypoint format, such as person_keypoints_val2017.json"
    photo, clip, model = photos / "group.jpg", tmp_path / "clip.mp4", tmp_path / "model.onnx"
    assert told(*words, photo, *more) == f"{photo}: is a photo; {expected}; `strongpose predict` finds people in photos"
    assert told(*words, photos, *more) == f"{photos}: is a folder; {expected}"
    assert told(*words, clip, *more) == f"{clip}: is a video; {expected}; `strongpose video` tracks the people in it"
    assert told(*words, model, *more) == f"{model}: is a model; {expected}; name the model with --model"


def test_evaluate_says_what_it_expects_of_a_photo_alone(told, photos):
    assert "is a photo; expected an annotation file" in told("evaluate", photos / "group.jpg")


def test_plurals_and_pace():
    assert [counted(n, "person", "people") for n in (0, 1, 2)] == ["0 people", "1 person", "2 people"]
    assert [counted(n, "photo") for n in (1, 2)] == ["1 photo", "2 photos"]
    assert pace(20, 10, "photo") == "2.0 photos/s"
    assert pace(2, 8.2, "photo") == "4.1 s/photo"
    assert pace(0, 3, "photo") == "0.0 photos/s"
