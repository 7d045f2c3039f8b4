"""What `strongpose` itself offers: every name resolves, and importing it loads nothing that takes long."""

from __future__ import annotations

import subprocess
import sys

import pytest

import strongpose
from strongpose import exceptions


def test_every_name_resolves_and_is_listed():
    for name in strongpose.__all__:
        assert getattr(strongpose, name) is not None
    assert set(strongpose.__all__) <= set(dir(strongpose))
    assert set(exceptions.__all__) <= set(strongpose.__all__)
    assert {"DecodeOptions", "StrongPose", "VideoEstimator", "draw_poses", "open_image"} <= set(strongpose.__all__)
    assert strongpose.VideoEstimator.__module__ == "strongpose.video.estimator"
    with pytest.raises(AttributeError, match="module 'strongpose' has no attribute 'nothing'"):
        _ = strongpose.nothing


def test_importing_it_loads_numpy_and_no_more():
    code = (
        "import sys, strongpose; dir(strongpose); "
        "print(*{'cv2', 'PIL', 'onnxruntime', 'openvino', 'torch', 'scipy', 'tyro'} & set(sys.modules)); "
        "print(*[m for m in sys.modules if m.startswith('strongpose.') and m.split('.')[1] in "
        "('decode', 'draw', 'images', 'inference', 'runtime', 'video')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "strongpose", "--help"], capture_output=True, text=True, check=True)
    assert "predict" in done.stdout and "serve" in done.stdout
