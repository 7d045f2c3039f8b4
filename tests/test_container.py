"""The Containerfile keeps to what docs/serve.md promises, and its commands are those of the server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "container"))

from instructions import Instruction, command_of, read_instructions

REPOSITORY = Path(__file__).parents[1]
INSTRUCTIONS = read_instructions(REPOSITORY / "Containerfile")


def texts(word: str) -> list[str]:
    return [instruction.text for instruction in INSTRUCTIONS if instruction.word == word]


def test_instructions_are_read(tmp_path):
    path = tmp_path / "Containerfile"
    path.write_text('# first\nFROM a:1\n\nRUN b && \\\n    c\n# more\nCMD ["d", "e f"]\n')
    assert read_instructions(path) == [
        Instruction("FROM", "a:1"),
        Instruction("RUN", "b && c"),
        Instruction("CMD", '["d", "e f"]'),
    ]
    assert command_of('--timeout=3s CMD ["d", "e f"]') == ["d", "e f"]
    path.write_text("hello\n")
    with pytest.raises(ValueError, match="expected an instruction, got 'hello'"):
        read_instructions(path)
    with pytest.raises(ValueError, match="expected a list of words"):
        command_of("[1]")


def test_the_base_is_small_and_of_one_version():
    [base] = texts("FROM")
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)


def test_it_does_not_run_as_root():
    [user] = texts("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)  # by number, so that orchestrators can tell
    words = [instruction.word for instruction in INSTRUCTIONS]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    assert not re.search(r"\b(sudo|su|chmod|setcap)\b", " ".join(texts("RUN")))


def test_nothing_comes_from_elsewhere_but_packages():
    assert texts("ADD") == []
    for source in texts("COPY"):
        assert "://" not in source and not source.startswith("--from")
        for path in source.split()[:-1]:
            assert (REPOSITORY / path).exists()
    [run] = texts("RUN")
    assert not re.search(r"curl|wget|git |https?:", run)
    assert '"/strongpose[serve,openvino]"' in run
    assert "SECRET" not in " ".join(texts("ENV")) + " ".join(texts("ARG"))


def test_only_what_is_copied_is_sent_to_the_build():
    ignored, *kept = (REPOSITORY / ".containerignore").read_text().split()
    assert ignored == "*"
    copied = {path for source in texts("COPY") for path in source.split()[:-1]}
    assert {line[1:] for line in kept if line.startswith("!")} == copied


def test_its_server_starts_and_its_health_check_tells_whether(tmp_path):
    [entry], [health] = texts("ENTRYPOINT"), texts("HEALTHCHECK")
    program, *options = command_of(entry)
    assert (program, options[0]) == ("strongpose", "serve")
    assert options[options.index("--port") + 1] == "8000" and texts("EXPOSE") == ["8000"]
    options = [{"8000": "0", "0.0.0.0": "127.0.0.1"}.get(option, option) for option in options]
    command = [sys.executable, "-m", "strongpose.cli", *options, "--size", "65", "--threads", "1"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        port = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())[1]
        python, *words = command_of(health)
        assert python == "python"
        check = [sys.executable, *(word.replace(":8000/", f":{port}/") for word in words)]
        assert subprocess.run(check).returncode == 0
        server.terminate()
        assert server.wait(60) == 0
        assert subprocess.run(check, capture_output=True).returncode != 0
    finally:
        server.kill()
        server.communicate()
