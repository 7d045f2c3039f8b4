"""Nothing is told to the makers of the runtimes: not even the files are made from which they would read it."""

from __future__ import annotations

import os
import subprocess
import sys

from strongpose._util.telemetry import without_telemetry

SCRIPT = """
import sys
connections = []
sys.addaudithook(lambda event, arguments: connections.append(arguments) if event == "socket.connect" else None)
from strongpose import StrongPose
for runtime in ("onnx", "openvino"):
    StrongPose.from_pretrained(size=65, threads=1, runtime=runtime)(sys.argv[1])
from strongpose.export.openvino_ir import read_onnx
from strongpose.runtime import resolve_model
read_onnx(resolve_model("base"))
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__, connections, "openvino_telemetry" in sys.modules)
"""


def test_runtimes_leave_nothing_behind_and_connect_to_nobody(tmp_path, photos):
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, photos / "astronaut.jpg"],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "[]", "False"]
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_was_imported_before_stays(monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    before = object()
    monkeypatch.setitem(sys.modules, "openvino_telemetry", before)
    with without_telemetry():
        assert sys.modules["openvino_telemetry"] is None
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert sys.modules["openvino_telemetry"] is before
