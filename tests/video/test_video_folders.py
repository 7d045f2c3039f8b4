from __future__ import annotations

from pathlib import Path

import pytest

from strongpose.video.folders import result_names, videos_in


def test_videos_are_found_by_their_names_and_results_are_left_out(tmp_path):
    for name in ("b.MOV", "a.mp4", "photo.jpg", ".hidden.mp4", "a.poses.mp4", "a.poses.jsonl", "own.poses.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in videos_in(tmp_path)] == ["a.mp4", "b.MOV", "own.poses.mp4"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("clips/street.mp4", "street"),
        ("0", "camera-0"),
        ("rtsp://me:secret@camera/live?x=1", "camera-live"),
        ("frames/%04d.png", "%04d"),
    ],
)
def test_results_are_called_after_the_video(source, name):
    assert list(result_names([source], Path("out"))) == [name]


def test_results_are_kept_apart_and_take_no_videos_place(tmp_path):
    for name in ("street.mp4", "street.poses.mp4"):
        (tmp_path / name).touch()
    sources = [str(tmp_path / "street.mp4"), "other/Street.avi", str(tmp_path / "street.poses.mp4")]
    assert list(result_names(sources, tmp_path)) == ["street-2", "Street-3", "street.poses"]
