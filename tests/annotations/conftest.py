from __future__ import annotations

from pathlib import Path

import pytest
from pictures import write_dataset


@pytest.fixture
def path(tmp_path) -> Path:
    """An annotation file of three drawn photos of 192×160 pixels with 1, 2 and 1 people."""
    return write_dataset(tmp_path / "set", 3)
