"""Messages about missing packages name a command that works for the way in which StrongPose was installed."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from strongpose._util import installing
from strongpose._util.installing import install_command

PACKAGE = Path(installing.__file__).parents[1]


class Installed:
    def __init__(self, origin: dict | None) -> None:
        self.origin = origin

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.origin is None else json.dumps(self.origin)


@pytest.fixture
def installed_from(monkeypatch):
    def set_origin(origin: dict | None) -> None:
        monkeypatch.setattr(installing, "distribution", lambda name: Installed(origin))

    return set_origin


def test_from_an_index(installed_from):
    installed_from(None)
    assert install_command("video") == "pip install 'strongpose[video]'"


def test_not_installed_at_all(monkeypatch):
    def distribution(name: str):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installing, "distribution", distribution)
    assert install_command("video") == "pip install 'strongpose[video]'"


def test_from_a_clone(installed_from, tmp_path):
    clone = tmp_path / "a clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    installed_from({"url": clone.as_uri(), "dir_info": {}})
    assert install_command("video") == f"pip install '{clone}[video]'"
    installed_from({"url": clone.as_uri(), "dir_info": {"editable": True}})
    assert install_command("serve") == f"pip install -e '{clone}[serve]'"


def test_from_a_clone_that_is_gone(installed_from, tmp_path):
    installed_from({"url": (tmp_path / "gone").as_uri(), "dir_info": {"editable": True}})
    assert install_command("video") == "pip install '.[video]' in a clone of StrongPose"


def test_from_a_repository_or_a_file(installed_from):
    installed_from({"url": "https://host/strongpose.git", "vcs_info": {"vcs": "git", "commit_id": "1"}})
    assert install_command("data") == "pip install 'strongpose[data] @ git+https://host/strongpose.git'"
    installed_from({"url": "file:///tmp/strongpose.whl", "archive_info": {}})
    assert install_command("data") == "pip install 'strongpose[data] @ file:///tmp/strongpose.whl'"


def test_every_message_that_names_an_extra_takes_the_command_from_here():
    written = [
        f"{file.relative_to(PACKAGE)}:{number}"
        for file in PACKAGE.rglob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"pip install[^`]*strongpose\[", line)
    ]
    assert {place.split(":")[0] for place in written} == {"_util/installing.py"}
