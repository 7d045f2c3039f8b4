"""How fast batches come from shards: on the disk, on an HTTP server nearby and far away, and kept from there.

    python benchmarks/remote_data.py --data DATA/train/coco-train.json

The server runs in a process of its own and waits before each answer, as a network would. Prints a Markdown table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tyro

from strongpose.data.augment import Augmentation
from strongpose.data.batches import BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset
from strongpose.data.shards import ShardCache


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    data: Path
    """Annotation file whose photos lie in tar shards beside it."""
    latency_ms: float = 20.0
    """How long the far server waits before an answer."""
    batches: int = 20
    """Batches to time, behind as many as the reading processes fetch ahead."""
    batch_size: int = 16
    """Photos a batch."""
    workers: int = 1
    """Processes that read."""
    serve_ms: float = -1.0
    """Instead, serve the folder after so many milliseconds a request; the port is the first line of the output."""


class Handler(SimpleHTTPRequestHandler):
    """Files and byte ranges of them, over connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, *arguments: object, wait: float, **options: object) -> None:
        self.wait = wait
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """The whole file, or the range that is asked for."""
        time.sleep(self.wait)
        wanted = self.headers.get("Range")
        if wanted is None:
            return super().do_GET()
        path = Path(self.translate_path(self.path))
        first, last = map(int, wanted.removeprefix("bytes=").split("-"))
        with path.open("rb") as file:
            file.seek(first)
            body = file.read(last + 1 - first)
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{path.stat().st_size}")
        self.end_headers()
        self.wfile.write(body)


def photos_per_second(arguments: Arguments, dataset: KeypointDataset) -> float:
    """Photos read and augmented in a second, for 257-pixel crops."""
    batches = BatchesByStep([dataset], [1.0], arguments.batch_size, 257, 8, Augmentation(), seed=0)
    ahead = 4 * arguments.workers
    with batch_loader(batches, 0, arguments.batches + 2 * ahead, arguments.workers) as loader:
        for _ in range(ahead):
            next(loader)
        started = time.perf_counter()
        for _ in range(arguments.batches):
            next(loader)
        return arguments.batches * arguments.batch_size / (time.perf_counter() - started)


def main(arguments: Arguments) -> None:
    if arguments.serve_ms >= 0:
        handler = partial(Handler, directory=str(arguments.data.parent), wait=arguments.serve_ms / 1000)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        print(server.server_port, flush=True)
        server.serve_forever()
    print("| photos from | index, s | photos/s |\n|---|---|---|")
    print(f"| shards on the disk | | {photos_per_second(arguments, KeypointDataset(arguments.data)):.0f} |", flush=True)
    for wait in (0.0, arguments.latency_ms):
        command = [sys.executable, __file__, "--data", str(arguments.data), "--serve-ms", str(wait)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
            tempfile.TemporaryDirectory() as kept,
        ):
            assert server.stdout is not None
            address = f"http://127.0.0.1:{server.stdout.readline().strip()}/{arguments.data.name}"
            started = time.perf_counter()
            dataset = KeypointDataset(address, cache=ShardCache(Path(kept)))
            index = time.perf_counter() - started
            print(
                f"| a server {wait:.0f} ms away | {index:.1f} | {photos_per_second(arguments, dataset):.0f} |",
                flush=True,
            )
            started = time.perf_counter()
            dataset = KeypointDataset(address, cache=ShardCache(Path(kept), 10**12))
            index = time.perf_counter() - started
            photos_per_second(arguments, dataset)  # keeps its photos
            print(f"| the same, photos kept | {index:.1f} | {photos_per_second(arguments, dataset):.0f} |", flush=True)
            server.kill()


if __name__ == "__main__":
    main(tyro.cli(Arguments))
