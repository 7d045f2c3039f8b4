"""The pages under docs/: their code runs, their links lead somewhere, the site shows them all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from documents import RUN, blocks, run_page, run_python
from PIL import Image

import strongpose as package
from strongpose import Poses, Skeleton, StrongPose
from strongpose.batch import Job, begin_job
from strongpose.batch.worker import PartWorker, describe_estimator
from strongpose.cli import VERBS

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
RUN_ELSEWHERE = ("video.md",)  # beside a clip, by tests/commands/test_video_command.py
RUN_HERE = [p for p in PAGES if p.name not in RUN_ELSEWHERE and any(b.language in RUN for b in blocks(p))]


def finished_batch(folder):
    estimator = StrongPose.from_pretrained(size=161, threads=1)
    facts = describe_estimator(estimator, "base")
    photos = str(REPOSITORY / "tests" / "photos")
    job, [part] = begin_job(folder / "OUTPUT", Job(photos, "photos", "path", "", 10, "base", "auto", 0.25, facts))
    assert PartWorker(job, str(folder / "OUTPUT"), 1).do(part).people >= 3


BEFORE = {"batch.md": finished_batch}  # what readers of the page have


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name in BEFORE:
        BEFORE[page.name](tmp_path)
    run_page(page, tmp_path)


def test_blocks_run_or_are_marked():
    counts = Counter(block.language for page in PAGES for block in blocks(page))
    assert set(counts) <= {*RUN, "console", "json", ""}
    assert counts["python"] + counts["bash"] >= 20
    assert counts["console"] + counts[""] <= 30  # shown only; a block more needs a reason


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_files_and_tests_that_pages_name_exist():
    tests = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`((?:benchmarks|docs|scripts|src|stress|tests)/[\w./-]+)`", text):
            assert (REPOSITORY / path).exists(), f"{page.name}: {path}"
        for name in re.findall(r"`(test_\w+)`", text):
            assert f"def {name}(" in tests, f"{page.name}: {name}"


def test_every_page_is_in_the_nav_or_among_the_reports():
    nav = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:")[1]
    reports = (DOCS / "reports" / "index.md").read_text(encoding="utf-8")
    shown = re.findall(r"[\w/-]+\.md", nav) + [f"reports/{name}" for name in re.findall(r"\(([\w-]+\.md)\)", reports)]
    assert sorted(shown) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_the_guide_to_python_names_everything_public():
    guide = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in package.__all__:
        assert name in guide, name
    for kind in (StrongPose, Poses, Skeleton):
        for name in vars(kind):
            if not name.startswith("_"):
                assert f"`{name}" in guide or f".{name}" in guide, f"{kind.__name__}.{name}"


def test_the_page_of_the_command_line_has_an_example_of_every_verb():
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for name in (name for group in VERBS.values() for name in group):
        assert f"`strongpose {name} " in page or f"`strongpose {name}`" in page, name


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    notebook = json.loads((DOCS / "notebooks" / "first_poses.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert len(cells) >= 6
    (tmp_path / "docs" / "notebooks").mkdir(parents=True)
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")
    monkeypatch.chdir(tmp_path / "docs" / "notebooks")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, start=1):
        run_python("".join(cell["source"]), f"first_poses.ipynb, code cell {number}", namespace)
    assert "3 people" in capsys.readouterr().out


def test_the_script_of_the_pictures_explains_itself(tmp_path):
    done = subprocess.run(
        [sys.executable, str(DOCS / "figures.py"), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Folder to write to" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_pictures_are_made_by_the_package(tmp_path):
    script = [sys.executable, str(DOCS / "figures.py"), str(tmp_path)]
    done = subprocess.run(script, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = {path.name: Image.open(path).size for path in tmp_path.iterdir()}
    assert sorted(made) == ["bhm.jpg", "growth.jpg", "overview.jpg", "skhm.jpg", "skiers.poses.jpg"]
    text = (DOCS / "how-it-works.md").read_text(encoding="utf-8") + (DOCS / "index.md").read_text(encoding="utf-8")
    for name, size in made.items():
        assert Image.open(DOCS / "pictures" / name).size == size
        assert f"(pictures/{name})" in text
