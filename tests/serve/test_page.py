"""The page's tests, in a process of their own: a crash of Chromium's driver must not take the other tests along."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on the PATH; apt-get install chromium")
def test_the_page_works_in_a_browser():
    pytest.importorskip("playwright.sync_api")
    tests = Path(__file__).with_name("page_in_chromium.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "11 passed" in run.stdout
