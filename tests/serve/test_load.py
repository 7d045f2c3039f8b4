"""A shorter turn of ``stress/server_load.py``: many clients at once, and each gets the answer to its own photo."""

from __future__ import annotations

import asyncio

from load import load, questions
from starting import started

from strongpose.inference import StrongPose
from strongpose.poses.json_layout import describe_people


def test_thirty_clients_get_each_their_own_answer_or_are_told_to_come_back(tmp_path, photos):
    estimator = StrongPose.from_pretrained(size=129, threads=1, runtime="onnx")
    asked = questions(photos, estimator, 6)
    log = tmp_path / "log"
    options = ("--size", 129, "--threads", 1, "--runtime", "onnx", "--max-waiting", 3)
    with started(log, *options) as server:
        before = server.open_files()
        tally = asyncio.run(load(server, asked, clients=30, seconds=5, pause=0.1))
        assert tally.wrong == []
        assert set(tally.seconds) == {200, 429}
        assert len(tally.seconds[200]) >= len(asked)
        assert max(waiting for _, waiting, *_ in tally.measured) <= 4
        assert len(tally.health) >= 2
        after = asyncio.run(load(server, asked, clients=1, seconds=0.5, pause=0.1))
        assert after.wrong == [] and set(after.seconds) == {200}
        assert server.open_files() <= before + 2
        assert server.memory("VmHWM") < 1000
    assert log.read_text() == ""


def test_questions_tell_answers_apart(photos):
    """An answer to one photo never passes for that to another."""
    estimator = StrongPose.from_pretrained(size=129, threads=1, runtime="onnx")
    asked = questions(photos, estimator, 6)
    for question in asked:
        people = describe_people(question.poses)
        answer = {"width": question.size[0], "height": question.size[1], "people": people}
        assert [other for other in asked if other.is_answered_by(answer)] == [question]
        for other in asked:
            same_size = {**answer, "width": other.size[0], "height": other.size[1]}
            assert other.is_answered_by(same_size) == (other is question)
