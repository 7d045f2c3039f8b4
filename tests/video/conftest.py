from __future__ import annotations

from pathlib import Path

import pytest
from videos import FIVE, write_film


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """An mp4 of five frames."""
    return write_film(tmp_path_factory.mktemp("film") / "plain.mp4", FIVE)
