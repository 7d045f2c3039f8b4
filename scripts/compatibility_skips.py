"""A plugin for pytest: tests whose packages an environment lacks are skipped and say so, instead of failing."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from typing import Any

import pytest

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

OPTIONAL = ("torch", "safetensors", "onnx", "onnxscript", "nncf", "openvino", "av", "scipy", "fastapi", "uvicorn")
OPTIONAL += ("ray", "pyarrow", "tensorboard", "timm", "torchvision", "playwright", "supervision", "pycocotools")
OPTIONAL += ("prometheus_client",)
MISSING = {name for name in OPTIONAL if importlib.util.find_spec(name) is None}


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """A file that imports what is missing is left out."""
    report = yield
    text = str(report.longrepr) if report.failed else ""
    for name in MISSING:
        if f"No module named '{name}" in text:
            report.outcome, report.longrepr = "skipped", (str(collector.path), 0, f"Skipped: needs {name}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """A test, or what it is given, that imports what is missing is skipped."""
    report = yield
    text = str(report.longrepr) if report.failed else ""
    for name in MISSING:
        if f"No module named '{name}" in text or f"needs more packages (No module named '{name}" in text:
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"Skipped: needs {name}")
    return report
