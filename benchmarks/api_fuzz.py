"""Let schemathesis make requests from the API's description, right and wrong ones, and check all answers against it.

Needs ``pip install schemathesis``, best into an environment of its own, as it brings 25 packages; name the program with
``--schemathesis``. Ends with status 1 if it finds anything, or if the server logs anything.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "serve"))

from starting import started

_SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = ["4xx"]
"""
"""413, too, refuses what the description does not allow."""


@dataclass(frozen=True)
class Arguments:
    """Print schemathesis' findings, and how many answers of which status the server gave."""

    schemathesis: Path = Path("schemathesis")
    """The program."""
    seconds: int = 300
    """How long it makes requests."""
    seed: int = 0
    """Of the requests."""
    model: str = "base"
    """A model that comes with the package, or the path of one."""
    size: int = 65
    """Long side of the network's input in pixels."""


def main(arguments: Arguments) -> int:
    options = ("--model", arguments.model, "--size", arguments.size, "--threads", 1, "--runtime", "onnx")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with started(log, *options) as server:
            (Path(folder) / "schemathesis.toml").write_text(_SETTINGS)
            command = [arguments.schemathesis, "run", f"{server.url}openapi.json", "--checks", "all"]
            command += ["--continue-on-failure", "--max-time", arguments.seconds, "--seed", arguments.seed]
            status = subprocess.run(list(map(str, command)), cwd=folder).returncode
            print("\n| request | status | answers |\n|---|---|---|")
            metrics = server.client("GET", "/api/metrics").body.decode()
            for line in re.findall(r'requests_total\{method="(.+?)",route="(.+?)",status="(.+?)"\} (\d+)', metrics):
                print("| {} {} | {} | {} |".format(*line))
            print(f"\nmemory: {server.memory('VmHWM'):.0f} MB at most")
        logged = log.read_text()
    print(logged or "nothing logged")
    return 1 if status or logged else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
