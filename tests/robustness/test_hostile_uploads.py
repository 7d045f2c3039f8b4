"""Damaged photos sent to a real server on one connection: a status and one line each, and it goes on serving."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "serve"))

from damaged_photos import damaged_photo
from harness import is_one_line, post_all
from starting import started


def test_the_server_answers_every_damaged_photo_and_goes_on(tiny_model, tmp_path, photos):
    log = tmp_path / "log"
    with started(log, "--model", tiny_model, "--size", 33, "--threads", 1, "--runtime", "onnx") as server:
        tally = post_all(server.url, [damaged_photo(number, seed=3) for number in (*range(140), *range(1000, 1060))])
        assert tally.wrong == []
        assert tally.counts["status 200"] > 15
        assert tally.counts["status 422"] > 100
        assert tally.slowest[0] < 10

        for body in (b"", b"[" * 1000, b'{"photos": ' + b"[" * 100_000, b'{"photos": 7}', b"\xff\xfe"):
            answer = server.client.post("/api/batch", body, "application/json")
            assert answer.status in (413, 422) and is_one_line(answer.error, ""), body[:20]
        assert server.client.post("/api/poses", (photos / "astronaut.jpg").read_bytes()).status == 200
    assert log.read_text() == ""
