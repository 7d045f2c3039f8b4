"""Which track of several is looked at, and what becomes of those that begin midway."""

from __future__ import annotations

import pytest
from videos import write_film

from strongpose.video import open_video

EVEN = [n / 25 for n in range(50)]
SECOND = [2 + n / 25 for n in range(50)]
GROUPS = {"g": "12", "sc_threshold": "0"}


def read(path):
    with open_video(str(path)) as video:
        return list(video), video


@pytest.mark.parametrize(
    "numbers", [{"mpegts_start_pid": "300", "mpegts_pmt_start_pid": "4100"}, {"mpegts_start_pid": "300"}]
)
def test_pictures_that_go_on_in_another_track_are_told(strongpose, tiny_model, tmp_path, numbers):
    first = write_film(tmp_path / "1.ts", EVEN, options=GROUPS)
    second = write_film(tmp_path / "2.ts", SECOND, options=GROUPS, container_options=numbers)
    (tmp_path / "a.ts").write_bytes(first.read_bytes() + second.read_bytes())
    run = strongpose("video", tmp_path / "a.ts", "--out", tmp_path, "--model", tiny_model)
    assert (run.returncode, run.stderr) == (
        1,
        f"strongpose: {tmp_path}/a.ts: damaged at frame 50: the rest lies in another track that begins midway; "
        "join the parts with FFmpeg; what could be read was kept\n",
    )
    assert len((tmp_path / "a.poses.jsonl").read_text().splitlines()) == 50


@pytest.mark.parametrize(("name", "codec", "sound_codec"), [("a.flv", "flv", "aac"), ("a.ts", "libx264", "aac")])
def test_sound_that_begins_midway_changes_nothing(tmp_path, name, codec, sound_codec):
    first = write_film(tmp_path / f"1{name}", [n / 25 for n in range(400)], codec)
    second = write_film(
        tmp_path / f"2{name}", [16 + n / 25 for n in range(50)], codec, sound=18.0, sound_codec=sound_codec
    )
    start = 13 if name == "a.flv" else 0  # bytes of a header
    (tmp_path / name).write_bytes(first.read_bytes() + second.read_bytes()[start:])
    for _ in range(5):  # PyAV looks at memory that is not its own
        frames, video = read(tmp_path / name)
        assert (len(frames), video.damage) == (450, None)
