"""The packages that an installation brings, with versions and licences; with ``--audit``, what is known against them.

The list is read from what is installed here, without the network. The audit is done by pip-audit (``pip install
pip-audit``), which asks a database of vulnerabilities; if it cannot be reached, that counts as a failure.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import tyro
from packaging.requirements import Requirement

__all__ = ["installed_packages", "licence_of"]


@dataclass(frozen=True)
class Arguments:
    """Print the packages that StrongPose needs, and those that they need."""

    extras: tuple[str, ...] = ("all",)
    """Of StrongPose."""
    audit: bool = False
    """Look for known vulnerabilities."""


def main(arguments: Arguments) -> int:
    """Print the list, and audit it if asked to."""
    packages, missing = installed_packages("strongpose", arguments.extras)
    print("| package | version | licence |\n|---|---|---|")
    for name, package in sorted(packages.items()):
        print(f"| {name} | {package.version} | {licence_of(package) or 'see its files'} |")
    print("\nnot installed here: " + (", ".join(sorted(missing)) or "nothing"), flush=True)
    return audit(packages.values()) if arguments.audit else 0


def audit(packages: Iterable[Distribution]) -> int:
    """pip-audit's exit status; 1 if there is a package that it could not look up."""
    pinned = [f"{package.name}=={package.version.partition('+')[0]}\n" for package in packages]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("".join(pinned), encoding="utf-8")
        command = ["pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(requirements)]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(run.stdout)
    skipped = "could not be audited" in run.stdout
    return 1 if run.returncode or skipped else 0


def installed_packages(name: str, extras: Iterable[str] = ()) -> tuple[dict[str, Distribution], set[str]]:
    """What a package needs to run on this machine, and what that needs, without the package itself.

    Args:
        name: of an installed package.
        extras: of the package.

    Returns:
        By normal name, and the names of those that are not installed.

    Raises:
        PackageNotFoundError: if the package is not installed.
    """
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    to_do = [(name, frozenset(extras))]
    while to_do:
        one = to_do.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            found[_normal(one[0])] = distribution(one[0])
        except PackageNotFoundError:
            missing.add(_normal(one[0]))
            continue
        for text in found[_normal(one[0])].requires or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *one[1])):
                to_do.append((needed.name, frozenset(needed.extras)))
    if _normal(name) in missing:
        raise PackageNotFoundError(name)
    del found[_normal(name)]
    return found, missing


def licence_of(package: Distribution) -> str:
    """What a package says about its licence, on one line; empty if it says nothing."""
    about = package.metadata
    if about["License-Expression"]:
        return str(about["License-Expression"])
    classified = [line for line in about.get_all("Classifier", []) if line.startswith("License :: ")]
    if classified:
        return ", ".join(line.rpartition(" :: ")[2] for line in classified)
    return next((line.strip() for line in (about["License"] or "").splitlines() if line.strip()), "")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
