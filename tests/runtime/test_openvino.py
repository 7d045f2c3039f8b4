"""The released model gives the same poses through OpenVINO and through ONNX Runtime."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from strongpose import StrongPose
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, resolve_model


@pytest.mark.parametrize(("bf16", "tolerance"), [(False, 0.1), (True, 3.0)])
def test_keypoints_agree_with_onnx_runtime(photos, bf16, tolerance):
    model = StrongPose.from_pretrained("base", size=401, runtime="onnx")
    other = StrongPose(OpenVinoRuntime(resolve_model("base"), bf16=bf16), size=401)
    for photo in ("group.jpg", "grace_hopper.jpg"):
        expected, got = model(photos / photo), other(photos / photo)
        expected, got = expected[expected.scores > 0.25], got[got.scores > 0.25]
        assert len(expected) > 0 and len(got) == len(expected)
        sure = expected.keypoints[..., 2] > 0.2
        assert np.abs(got.keypoints - expected.keypoints)[sure][:, :2].max() < tolerance


def test_float32_maps_agree_with_onnx_runtime():
    images = np.random.default_rng(0).integers(0, 256, (1, 97, 129, 3), dtype=np.uint8)
    path = resolve_model("base")
    for expected, got in zip(OnnxRuntime(path)(images), OpenVinoRuntime(path, bf16=False)(images), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_calls_from_several_threads_do_not_mix(tiny_model):
    run = OpenVinoRuntime(tiny_model, threads=2, bf16=False)
    images = [np.random.default_rng(n).integers(0, 256, (1, 65, 97 + 8 * n, 3), dtype=np.uint8) for n in range(4)]
    expected, got = [run(image) for image in images], {}

    def work(n: int) -> None:
        got[n] = [run(images[n]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        for maps in got[n]:
            for one, other in zip(maps, expected[n], strict=True):
                np.testing.assert_array_equal(one, other)


def test_ctrl_c_is_no_crash_after_models_were_dropped_in_the_order_they_came(tiny_model):
    """The interrupt is handled in the main thread, whose signal stack no model may take away."""
    code = """
import faulthandler, os, signal, sys, time
faulthandler.enable()  # it and Python's own handlers use the thread's signal stack
from strongpose.runtime import OpenVinoRuntime
first, second = OpenVinoRuntime(sys.argv[1]), OpenVinoRuntime(sys.argv[1])
del first
del second
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
"""
    run = subprocess.run([sys.executable, "-c", code, tiny_model], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (0, "interrupted\n"), run.stderr
