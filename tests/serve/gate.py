"""An estimator that can be held up, so that the queue in front of it fills."""

from __future__ import annotations

import threading
from typing import Any

from strongpose.inference import StrongPose


class Gate:
    """`StrongPose`, which begins no photo before the gate is opened."""

    def __init__(self, estimator: StrongPose) -> None:
        self._estimator = estimator
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def fit(self, photo):
        assert self._opened.wait(60)
        return self._estimator.fit(photo)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)
