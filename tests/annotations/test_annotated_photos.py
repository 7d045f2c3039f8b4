"""Photos of annotation files: their names, and sizes that are not the annotated ones."""

from __future__ import annotations

import unicodedata

import pytest
from annotation_files import read, resize

from strongpose.annotations import load_annotations, photo_paths
from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import AnnotationError
from strongpose.skeleton import COCO
from strongpose.training.validation import check_validation


@pytest.mark.parametrize("file_name", ["sub\\1.png", "sub/1.png", "./sub/1.png"])
def test_names_of_photos_may_have_other_separators(path, file_name):
    folder = path.with_suffix("")
    (folder / "sub").mkdir()
    (folder / "1.png").rename(folder / "sub" / "1.png")
    data, _ = read(path, lambda d: d["images"][1].update(file_name=file_name))
    assert photo_paths(data, folder)[1].is_file()
    assert KeypointDataset(path).open(1)[0].shape == (160, 192, 3)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_photos_may_write_accents_as_one_sign_or_two(path, form):
    folder = path.with_suffix("")
    (folder / "1.png").rename(folder / unicodedata.normalize(form, "café.png"))
    data, _ = read(path, lambda d: d["images"][1].update(file_name=unicodedata.normalize("NFD", "café.png")))
    assert photo_paths(data, folder)[1].is_file()


def test_sizes_that_are_not_stated_are_those_of_the_photos(path):
    data, _ = read(path, lambda d: [d["images"][1].pop(side) for side in ("width", "height")])
    assert KeypointDataset(path).records[1].width == 192
    assert len(photo_paths(data, path.with_suffix(""))) == 3
    resize(path, 96, 80)
    with pytest.raises(
        AnnotationError, match=r"annotation \d has keypoints outside of .*1\.png, which has 96×80 pixels"
    ):
        photo_paths(data, path.with_suffix(""))


def test_photos_of_another_size_are_refused_before_they_are_looked_at(path):
    data, folder = load_annotations(path), path.with_suffix("")
    assert list(photo_paths(data, folder)) == [0, 1, 2]
    resize(path, 96, 80)
    with pytest.raises(
        AnnotationError,
        match=r"a\.json: .*1\.png has 96×80 pixels, but is annotated as one of 192×160; take the photos",
    ):
        photo_paths(data, folder, "a.json")
    resize(path, 96, 80, name="2.png")
    with pytest.raises(
        AnnotationError, match=r"^annotations: 2 of the 3 photos have another size than is annotated, the f"
    ):
        photo_paths(data, folder)
    with pytest.raises(AnnotationError, match=r"people\.json: 2 of the 3 photos"):
        check_validation(path, folder, COCO, lambda line: None)


def test_photos_that_were_annotated_without_their_turn_are_refused(path):
    resize(path, 192, 160, orientation=6)
    with pytest.raises(
        AnnotationError, match=r"1\.png has 160×192 pixels, .* 192×160, it seems without the EXIF rotation"
    ):
        photo_paths(load_annotations(path), path.with_suffix(""))
    with pytest.raises(AnnotationError, match=r"people\.json: 1\.png has 160×192 pixels"):
        KeypointDataset(path)


@pytest.mark.parametrize(("orientation", "is_told"), [(1, False), (2, True), (3, True), (4, True)])
def test_turns_that_no_size_shows_are_told(path, orientation, is_told):
    resize(path, 192, 160, orientation=orientation)
    said: list[str] = []
    photo_paths(load_annotations(path), path.with_suffix(""), "a.json", said.append)
    photo = path.with_suffix("") / "1.png"
    assert [line.split(" does not")[0] for line in said] == ["a.json: the EXIF rotation of 1 photo"] * is_told
    assert all(f"the first is {photo}; they are taken as annotated as they are shown" in line for line in said)


def test_a_quarter_turn_of_a_square_photo_is_told(path):
    resize(path, 160, 160, orientation=6)
    said: list[str] = []
    data = read(path, lambda d: d["images"][1].update(width=160, height=160))[0]
    photo_paths(data, path.with_suffix(""), say=said.append)
    assert len(said) == 1 and "the EXIF rotation of 1 photo does not show" in said[0]


@pytest.mark.parametrize("size", [(96, 80), (97, 80), (768, 640), (100, 83)])
def test_training_scales_annotations_to_photos_of_the_same_shape(path, size):
    """But for the rounding of the sides to whole pixels."""
    resize(path, *size)
    said: list[str] = []
    photo, record = KeypointDataset(path, say=said.append).open(1)
    assert photo.shape[1::-1] == size and (record.width, record.height) == (192, 160)
    assert said == [
        f"{path}: 1 of its 3 photos have another size than is annotated, the first is 1.png; the annotations are "
        "scaled to them"
    ]


def test_training_refuses_photos_of_another_shape(path):
    resize(path, 160, 160)
    with pytest.raises(
        AnnotationError, match=r"people\.json: 1\.png has 160×160 pixels, but is annotated as one of 192×160"
    ):
        KeypointDataset(path)


def test_training_says_which_photos_are_missing(path):
    said: list[str] = []
    folder = path.with_suffix("")
    (folder / "0.png").unlink()
    KeypointDataset(path, say=said.append)
    assert said == [f"{path}: 1 of its 3 photos are not in {folder}, the first is 0.png; they are left out"]
    (folder / "1.png").unlink()
    (folder / "2.png").unlink()
    with pytest.raises(
        AnnotationError, match=r"people\.json: none of its 3 photos is in .*people, the first is 0\.png"
    ):
        KeypointDataset(path)
