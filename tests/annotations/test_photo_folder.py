"""Where photos are looked for that no option names: one rule and one message, for every verb."""

from __future__ import annotations

import tarfile

import pytest
from pictures import write_dataset

from strongpose.annotations import AnnotationError, photo_folder
from strongpose.cli import main


def test_photos_are_in_a_folder_of_the_same_name_or_in_images(tmp_path):
    path = tmp_path / "people.json"
    path.touch()
    with pytest.raises(AnnotationError, match=r"people\.json: its photos are not beside it, in people/ or images/"):
        photo_folder(path)
    (tmp_path / "images").mkdir()
    assert photo_folder(path) == tmp_path / "images"
    (tmp_path / "people-0.tar").touch()
    assert photo_folder(path, reads_shards=True) == tmp_path / "people"
    assert photo_folder(path) == tmp_path / "images"
    (tmp_path / "people").mkdir()
    assert photo_folder(path) == photo_folder(path, reads_shards=True) == tmp_path / "people"
    assert photo_folder(path, tmp_path / "named") == tmp_path / "named"


def test_photos_that_are_packed_are_not_taken_where_they_cannot_be_read(tmp_path):
    path = tmp_path / "people.json"
    path.touch()
    (tmp_path / "people-0.tar").touch()
    with pytest.raises(AnnotationError, match=r"packed in .*people-0\.tar; unpack them, or name a folder"):
        photo_folder(path)


def test_a_folder_of_labels_is_not_taken_for_the_photos(tmp_path):
    for name in ("labels", "images"):
        (tmp_path / name).mkdir()
    assert photo_folder(tmp_path / "labels") == tmp_path / "images"


VERBS = [
    "evaluate FILE",
    "diagnose FILE --out OUT",
    "annotate FILE --out OUT.json",
    "benchmark --annotations FILE",
    "data check FILE",
    "data convert FILE --from mpii --out OUT.json",
    "export base --out OUT.onnx --evaluate FILE",
    "train --data FILE --out OUT --workers 0",
    "train --data GOOD --val FILE --out OUT --workers 0 --freeze-stages 4 --crop-size 65",
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb.replace("FILE", "").split()[:3]))
def test_every_verb_says_where_it_looked_and_what_to_name(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = write_dataset(tmp_path / "set", 2)
    path = tmp_path / "people.json"
    path.write_bytes(good.read_bytes())
    words = [{"FILE": str(path), "GOOD": str(good)}.get(word, word) for word in verb.split()]
    assert main(words) in (1, 2)
    option = "--val-images" if "--val" in words else "--images"
    error = capsys.readouterr().err
    assert error.endswith(
        f"{path}: its photos are not beside it, in people/ or images/; name their folder with {option} FOLDER\n"
    )
    assert "Traceback" not in error


@pytest.mark.parametrize("place", ["people", "images"])
def test_photos_beside_the_file_need_no_option(place, tmp_path, capsys):
    path = write_dataset(tmp_path / "set", 1)
    (path.parent / "people").rename(path.parent / place)
    assert main(["data", "check", str(path)]) == 0
    assert main(["evaluate", str(path), "--size", "97", "--threads", "1"]) == 0
    assert "1 photo, " in capsys.readouterr().out


def test_training_and_checks_read_packed_photos(tmp_path):
    path = write_dataset(tmp_path / "set", 1)
    with tarfile.open(path.parent / "people-0.tar", "w") as shard:
        for photo in sorted((path.parent / "people").iterdir()):
            shard.add(photo, photo.name)
            photo.unlink()
    (path.parent / "people").rmdir()
    assert main(["data", "check", str(path)]) == 0
