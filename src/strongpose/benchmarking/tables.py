"""The tables of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from strongpose._util.tables import table
from strongpose.benchmarking.rows import ALL, Row

__all__ = ["fraction", "machine_note", "main_table", "people_table"]


def main_table(rows: Sequence[Row], markdown: bool = False) -> str:
    """Accuracy, times and memory of each model on each runtime; accuracy only where it was measured."""
    rows = [row for row in rows if row.people == ALL]
    with_accuracy = any(row.ap is not None for row in rows)
    header = ["model", "MB", "long side", "runtime"]
    header += ["AP", "AP50", "APM", "APL", "AR"] if with_accuracy else []
    header += ["total, ms", "read, ms", "network, ms", "decode, ms", "photos/s", "start, s", "peak memory, MB"]
    body = []
    for row in rows:
        figures = (row.ap, row.ap50, row.ap_medium, row.ap_large, row.ar)
        cells = [row.model, f"{row.file_mb:.1f}", sides(row.size_px, row.flip), row.runtime]
        cells += [fraction(value) for value in figures] if with_accuracy else []
        cells += [
            _pair(row.total_median_ms, row.total_p95_ms),
            _pair(row.read_median_ms, row.read_p95_ms),
            _pair(row.network_median_ms, row.network_p95_ms),
            _pair(row.decode_median_ms, row.decode_p95_ms),
            f"{row.photos_per_s:.2f}",
            "–" if row.start_s is None else f"{row.start_s:.2f}",
            "–" if row.peak_memory_mb is None else f"{row.peak_memory_mb:.0f}",
        ]
        body.append(cells)
    return table(header, body, markdown)


def people_table(rows: Sequence[Row], markdown: bool = False) -> str:
    """Total and decoding time by the number of people found."""
    header = ["model", "long side", "runtime", "people", "photos", "total, ms", "decode, ms"]
    body = [
        [
            *(row.model, sides(row.size_px, row.flip), row.runtime, row.people, str(row.photos)),
            *(_pair(row.total_median_ms, row.total_p95_ms), _pair(row.decode_median_ms, row.decode_p95_ms)),
        ]
        for row in rows
        if row.people != ALL
    ]
    return table(header, body, markdown)


def machine_note(rows: Sequence[Row], markdown: bool = False) -> str:
    """What was measured and how: photos, machine, versions, commit and command."""
    row = rows[0]
    looks = "once" if row.repeat == 1 else f"{row.repeat} times"
    threads = row.threads or row.cores
    machine = [row.cpu, f"{row.cores} cores", f"{threads} thread{'s' * (threads != 1)} for the network"]
    machine += [] if row.memory_gb is None else [f"{row.memory_gb:g} GB memory"]
    versions = dict.fromkeys(["numpy " + row.numpy] + [r.runtime_version for r in rows])
    others = [r.other_load_cores for r in rows if r.other_load_cores is not None]
    load = load_note(others)
    mark, quote = ("- ", "`") if markdown else ("", "")
    lines = (
        f"{row.photos} photos, each processed {looks}, one after the other; ms are median / 95th percentile.{load}",
        f"Machine: {', '.join(machine)}",
        f"System: {row.os}, Python {row.python}, {', '.join(versions)}",
        f"Version: {row.version}, {row.measured_at}",
        f"Command: {quote}{row.command}{quote}",
    )
    return "\n".join(mark + line for line in lines)


def load_note(cores: Sequence[float]) -> str:
    """A sentence, behind a space, on the CPU load of other programs, in cores, in each measurement; "" if unknown."""
    if not cores:
        return ""
    most = f"{max(cores):.1f}"
    return " Nothing else was running." if most == "0.0" else f" CPU load of other programs: up to {most} cores."


def fraction(value: float | None) -> str:
    """A figure from 0 to 1 as papers write it: .441."""
    return "–" if value is None else f"{value:.3f}".removeprefix("0")


def sides(size_px: str, flip: str) -> str:
    """Long sides and flip augmentation, for people: ``481 + 721, flip``."""
    return size_px.replace("+", " + ") + (", flip" if flip == "yes" else "")


def _pair(median: float, high: float) -> str:
    return f"{median:.1f} / {high:.1f}"
