"""Let schemathesis make requests from the API's description, right and wrong ones, and check all answers against it.

Needs the program ``schemathesis`` on PATH; an environment of its own does, as it brings 25 packages. The server may
write nothing to its log.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.extend(str(Path(__file__).parents[1] / "tests" / folder) for folder in ("", "serve"))

from part import Arguments, run_part, tell
from starting import started

_SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = ["4xx"]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "413", "422", "429"]
"""
"""413, too, refuses what the description does not allow; that bytes are no photo (422) no description can tell."""


def main(arguments: Arguments) -> int:
    """Start a server and let schemathesis at it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "schemathesis.toml").write_text(_SETTINGS)
        with started(folder / "log", "--size", 65, "--threads", 1, "--runtime", "onnx") as server:
            command = ["schemathesis", "run", f"{server.url}openapi.json", "--checks", "all", "--continue-on-failure"]
            command += ["--max-time", str(max(1, round(arguments.seconds))), "--seed", str(arguments.seed)]
            status = subprocess.run(command, cwd=folder).returncode
            metrics = server.client("GET", "/api/metrics").body.decode()
            megabytes = server.memory("VmHWM")
        logged = (folder / "log").read_text().splitlines()
    requests = sum(int(count) for count in re.findall(r"_requests_total\{.+?\} (\d+)", metrics))
    wrong = ["schemathesis found something, see above"] * (status != 0) + [
        f"the server's log: {line}" for line in logged
    ]
    return tell(f"{requests:,} requests from the API's description; at most {megabytes:.0f} MB", wrong)


if __name__ == "__main__":
    sys.exit(run_part(main))
