"""Importing the runtimes so that they do not report their use to their makers, which they do by default."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_telemetry"]

_OPENVINO_REPORTER = "openvino_telemetry"


@contextmanager
def without_telemetry() -> Iterator[None]:
    """While the block imports ONNX Runtime or OpenVINO.

    ONNX Runtime looks at a variable of the environment when its library is loaded. OpenVINO's package for reports is
    hidden; it does without. A program that has imported them before has made its own choice.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    hidden = sys.modules.get(_OPENVINO_REPORTER)
    sys.modules[_OPENVINO_REPORTER] = None  # type: ignore[assignment]  # so that importing it fails
    try:
        yield
    finally:
        if hidden is None:
            sys.modules.pop(_OPENVINO_REPORTER, None)  # another thread may have done so
        else:
            sys.modules[_OPENVINO_REPORTER] = hidden
