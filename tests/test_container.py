"""The Containerfile: what it names exists, it does not run as root, and its server and health check work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.request import Request, urlopen

REPOSITORY = Path(__file__).parents[1]
TEXT = re.sub(r"\\\n\s*", "", (REPOSITORY / "Containerfile").read_text(encoding="utf-8"))


def texts(word: str) -> list[str]:
    """What stands behind an instruction, one for each line that begins with it."""
    return re.findall(rf"^{word} +(.+)$", TEXT, re.MULTILINE)


def copied() -> set[str]:
    return {path for text in texts("COPY") for path in text.split()[:-1]}


def test_it_does_not_run_as_root():
    [user] = texts("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)  # by number, so that orchestrators can tell
    assert TEXT.index("\nUSER ") > TEXT.rindex("\nRUN ")
    assert not re.search(r"\b(sudo|su|chmod|setcap)\b", " ".join(texts("RUN")))


def test_nothing_comes_from_elsewhere_but_packages():
    assert len(texts("FROM")) == 1 and re.fullmatch(r"python:3\.\d+-slim-[a-z]+", texts("FROM")[0])
    assert copied() and all((REPOSITORY / path).exists() for path in copied())
    [run] = texts("RUN")
    assert texts("ADD") == [] and not re.search(r"curl|wget|git |https?:|--from", run + " ".join(texts("COPY")))
    [extras] = re.findall(r'pip install --no-cache-dir "/strongpose\[([\w,]+)\]"', run)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_only_what_is_copied_is_sent_to_the_build():
    ignored, *kept = (REPOSITORY / ".containerignore").read_text(encoding="utf-8").split()
    assert ignored == "*"
    assert {line[1:] for line in kept if line.startswith("!")} == copied()


def test_its_server_works_and_writes_no_file_and_its_health_check_tells_whether_it_runs(tmp_path, photos):
    [entry], [health] = texts("ENTRYPOINT"), texts("HEALTHCHECK")
    program, *options = json.loads(entry)
    assert (program, options[0]) == ("strongpose", "serve")
    assert options[options.index("--port") + 1] == "8000" and texts("EXPOSE") == ["8000"]
    options = [{"8000": "0", "0.0.0.0": "127.0.0.1"}.get(option, option) for option in options]
    command = [sys.executable, "-m", "strongpose.cli", *options, "--size", "65", "--threads", "1"]
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment)
    try:
        port = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())[1]
        python, *words = json.loads(health[health.index("[") :])
        assert python == "python"
        check = [sys.executable, *(word.replace(":8000/", f":{port}/") for word in words)]
        assert subprocess.run(check).returncode == 0
        photo = (photos / "group.jpg").read_bytes()
        question = Request(f"http://127.0.0.1:{port}/api/poses", photo, {"Content-Type": "image/jpeg"})
        assert set(json.load(urlopen(question, timeout=60))) >= {"people", "width", "height"}
        server.terminate()
        assert server.wait(60) == 0
        assert list(tmp_path.iterdir()) == []
        assert subprocess.run(check, capture_output=True).returncode != 0
    finally:
        server.kill()
        server.communicate()
