"""Where results cannot be written, every verb says so in one line that names the option, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongpose.cli import VERBS, main
from strongpose.commands.outputs import unwritable_file, unwritable_folder

IN_FOLDERS = {
    "predict": ("PHOTO", "--out"),
    "video": ("CLIP.mp4", "--out"),
    "batch": ("FOLDER", "OUTPUT"),
    "evaluate": ("--coco", "FOLDER", "--out"),
    "diagnose": ("ANNOTATIONS", "--images", "FOLDER", "--out"),
    "train": ("--data", "ANNOTATIONS", "--out"),
    "data get": ("coco", "--out"),
    "data check": ("ANNOTATIONS", "--images", "FOLDER", "--out"),
}
IN_FILES = {
    "evaluate": ("ANNOTATIONS", "--images", "FOLDER", "--results"),
    "benchmark": ("PHOTO", "--csv"),
    "export": ("WEIGHTS", "--out"),
    "annotate": ("ANNOTATIONS", "--images", "FOLDER", "--out"),
    "data convert": ("ANNOTATIONS", "--from", "coco", "--out"),
}
NO_DEVICE = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")


@pytest.fixture
def complaint(tmp_path, photos, capsys, monkeypatch):
    """The one line that a verb says where its output, the last argument, cannot be written; it opens no model."""
    (tmp_path / "data.json").write_text("{}")
    places = {"PHOTO": photos / "group.jpg", "FOLDER": photos, "ANNOTATIONS": tmp_path / "data.json"}

    def opened(*arguments: object, **options: object) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.setattr("strongpose.inference.StrongPose.from_pretrained", opened)

    def run(verb: str, arguments: tuple[str, ...], out: Path) -> str:
        words = [str(places.get(word, word)) for word in arguments if word != "OUTPUT"]
        assert main([*verb.split(), *words, str(out)]) == 1
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1
        start = f"strongpose: {arguments[-1]} {out}: "
        assert said.err.startswith(start)
        return said.err.removeprefix(start).rstrip("\n")

    return run


def test_every_verb_with_results_is_here():
    assert {name for group in VERBS.values() for name in group} == {*IN_FOLDERS, *IN_FILES, "serve"}


@pytest.mark.parametrize(("verb", "arguments"), IN_FOLDERS.items(), ids=IN_FOLDERS)
def test_a_file_in_the_place_of_the_folder(verb, arguments, complaint, tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file/in/it"):
        assert complaint(verb, arguments, out) == f"{tmp_path / 'file'} is a file; name another folder"


@NO_DEVICE
@pytest.mark.parametrize(("verb", "arguments"), IN_FOLDERS.items(), ids=IN_FOLDERS)
def test_a_folder_that_takes_no_files(verb, arguments, complaint):
    assert complaint(verb, arguments, Path("/proc/here")).startswith("cannot be written (")


@pytest.mark.parametrize(("verb", "arguments"), IN_FILES.items(), ids=IN_FILES)
def test_a_folder_in_the_place_of_the_file(verb, arguments, complaint, tmp_path):
    folder = tmp_path / "folder.json"
    folder.mkdir()
    assert complaint(verb, arguments, folder) == "is a folder; name a file"


@NO_DEVICE
@pytest.mark.parametrize(("verb", "arguments"), IN_FILES.items(), ids=IN_FILES)
def test_a_file_in_a_folder_that_takes_none(verb, arguments, complaint):
    assert complaint(verb, arguments, Path("/proc/here/out.json")).startswith("cannot be written (")


def test_nothing_is_made_by_looking(tmp_path):
    assert unwritable_folder("--out", tmp_path / "a/b") is None
    assert unwritable_file("--out", tmp_path / "a/b/c.json") is None
    assert unwritable_folder("--out", None) is None and unwritable_file("--out", None) is None
    assert list(tmp_path.iterdir()) == []


def test_names_that_no_system_takes(tmp_path):
    line = unwritable_folder("--out", tmp_path / ("x" * 300))
    assert line is not None and line.endswith("cannot be written (File name too long); name another folder")
    line = unwritable_file("--out", Path("a\0b.json"))
    assert line is None or "cannot be written" in line
