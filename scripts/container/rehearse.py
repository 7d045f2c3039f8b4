"""Do what the Containerfile says without a container engine, and see whether its server works with nearly no rights.

Makes a small Debian with debootstrap, follows COPY, RUN and ENV in it, and starts ENTRYPOINT in namespaces of its own:
as the user of USER, without capabilities, root file system read-only, /tmp in memory, no network but its own loopback.
Then the health check must pass, photos must be answered, nothing may be written, and SIGTERM must end it. What differs
from the real thing is Debian's own Python. Needs Linux, root, debootstrap, util-linux and iproute2, and downloads about
300 MB. Ends with status 1 if anything is not as it should be.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro
from instructions import Instruction, command_of, read_instructions

_REPOSITORY = Path(__file__).parents[2]
_ASK = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
connection.request("POST", "/api/poses?layers=body", open(sys.argv[1], "rb").read(), {"Content-Type": "image/jpeg"})
answer = connection.getresponse()
print(answer.status, len(json.loads(answer.read())["people"]))
"""
"""A client, which runs in the network of the server."""


@dataclass(frozen=True)
class Arguments:
    """Print what was looked at."""

    suite: str = "bookworm"
    """Of Debian; as in the name of the base image."""
    root: Path | None = None
    """Folder of the file system; kept, and taken up again. By default a temporary one."""


def main(arguments: Arguments) -> int:
    """Build the file system, if need be, and look at the server in it."""
    missing = [name for name in ("debootstrap", "unshare", "nsenter", "ip") if shutil.which(name) is None]
    if os.getuid() != 0 or missing:
        print(f"rehearse.py: needs root, and the programs {missing}", file=sys.stderr)
        return 1
    instructions = read_instructions(_REPOSITORY / "Containerfile")
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.root or Path(folder) / "root"
        if not (root / "opt" / "strongpose").exists():
            build(root, arguments.suite, instructions)
        return run(root, instructions)


def build(root: Path, suite: str, instructions: list[Instruction]) -> None:
    """Follow the instructions that fill the file system."""
    packages = "python3,python3-venv,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={packages}", suite, root], check=True)
    (root / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
    for path in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):  # how this machine reaches others
        shutil.copy(path, root / path[1:])
    for instruction in instructions:
        if instruction.word == "COPY":
            *sources, target = instruction.text.split()
            for source in sources:
                to = root / target[1:] / (source if target.endswith("/") else "")
                to.parent.mkdir(parents=True, exist_ok=True)
                whole = _REPOSITORY / source
                shutil.copytree(whole, to) if whole.is_dir() else shutil.copy(whole, to)
        if instruction.word == "RUN":
            inside = f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && exec chroot {root} sh -c "
            environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
            subprocess.run(
                ["unshare", "--mount", "sh", "-c", inside + shlex.quote(instruction.text)], check=True, env=environment
            )


def run(root: Path, instructions: list[Instruction]) -> int:
    """Start the server as a hardened container would, and look at it."""
    by_word = {instruction.word: instruction.text for instruction in instructions}
    user, group = by_word["USER"].split(":")
    environment = [
        value for instruction in instructions if instruction.word == "ENV" for value in instruction.text.split()
    ]
    rights = f"--reuid={user} --regid={group} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
    restricted = ["setpriv", *rights.split(), "env", "-i", *environment]
    inside = f"""
        set -e
        ip link set lo up
        mount --make-rprivate / && mount --bind {root} {root}
        mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && mount -t sysfs -o ro sysfs {root}/sys
        mount -t tmpfs tmpfs {root}/tmp
        mount -o remount,bind,ro {root}
        exec chroot {root} {shlex.join([*restricted, *command_of(by_word["ENTRYPOINT"])])}
    """
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", inside]
    outside = subprocess.Popen(command)
    wrong = []

    def look(what: str, found: object, is_right: bool) -> None:
        print(f"{'as it should be' if is_right else 'WRONG'}: {what}: {found}", flush=True)
        wrong.extend([] if is_right else [what])

    def in_container(words: list[str]) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--target={first}", "--mount", "--net", "--pid", f"--root=/proc/{first}/root"]
        return subprocess.run([*enter, *restricted, *words], capture_output=True, text=True)

    try:
        time.sleep(2)
        first = int(Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text())
        end = time.monotonic() + 120
        while (health := in_container(command_of(by_word["HEALTHCHECK"]))).returncode and time.monotonic() < end:
            time.sleep(1)
        look("health check", f"status {health.returncode} {health.stderr[-200:]}", health.returncode == 0)
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{first}/status").read_text().splitlines())
        look("user and group", (status["Uid"], status["Gid"]), status["Uid"].split() == [user] * 4)
        look("capabilities", (status["CapEff"], status["CapBnd"]), {status["CapEff"], status["CapBnd"]} == {"0" * 16})
        look("no new privileges", status["NoNewPrivs"], status["NoNewPrivs"].strip() == "1")
        for path in ("/x", "/opt/strongpose/x", "/etc/x"):
            touched = in_container(["touch", path])
            look(f"writing {path}", touched.stderr.strip(), touched.returncode != 0)
        mounts = [line.split() for line in Path(f"/proc/{first}/mounts").read_text().splitlines()]
        look(
            "root file system", mounts[0][:4], any(mount[1] == "/" and "ro" in mount[3].split(",") for mount in mounts)
        )
        for photo, people in (("group.jpg", 3), ("astronaut.jpg", 1)):
            photo_path = str(_REPOSITORY / "tests" / "photos" / photo)
            ask = ["nsenter", f"--target={first}", "--net", sys.executable, "-c", _ASK, photo_path]
            answer = subprocess.run(ask, capture_output=True, text=True).stdout.strip()
            look(f"answer about {photo}, status and people", answer, answer == f"200 {people}")
        model = in_container(["python", "-c", _read_model()]).stdout
        look("runtime", model.strip(), "OpenVINO" in model)
        left = in_container(["find", "/tmp", "-type", "f"]).stdout.split()
        look("files written to /tmp", left, left == [])
        os.kill(first, signal.SIGTERM)
        look("status after SIGTERM", outside.wait(30), outside.returncode == 0)
    finally:
        outside.kill()
    print(json.dumps({"wrong": wrong}))
    return 1 if wrong else 0


def _read_model() -> str:
    ask = "from urllib.request import urlopen; import json; "
    return ask + "print(json.load(urlopen('http://127.0.0.1:8000/api/model', timeout=60))['runtime'])"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
