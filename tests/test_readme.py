"""The README's commands and code run as they are written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from documents import blocks, run_page

import strongpose as package

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_its_commands_and_code_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    printed = run_page(REPOSITORY / "README.md", tmp_path)
    assert "1 of 1 photo, 5 people" in printed
    assert {"skiers.poses.jpg", "skiers.poses.json"} <= {path.name for path in (tmp_path / "poses").iterdir()}
    assert "(17, 26, 71) 8" in capsys.readouterr().out  # the last block's fields


def test_ci_runs_the_readmes_test_command():
    [second] = [b.code for b in blocks(REPOSITORY / "README.md") if "pytest" in b.code]
    install, test = second.strip().split(" && ")
    script = (REPOSITORY / ".ci" / "run").read_text()
    assert install.removeprefix("pip install ") in script
    assert test in script


def test_links_to_files_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / link).exists(), link


def test_versions_agree():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["version"] == package.__version__
    assert f"version: {package.__version__}" in (REPOSITORY / "CITATION.cff").read_text()
