"""``strongpose serve``: a local HTTP server: JSON API and web page for photos and webcam."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from strongpose._util.installing import install_command
from strongpose._util.terminal import complain, say
from strongpose.commands.estimator_options import EstimatorOptions, Threshold

__all__ = ["serve"]


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    max_megabytes: float = 20,
    max_megapixels: float = 50,
    max_waiting: int = 8,
    threshold: Threshold = None,
    allow_host: Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="(default: none)")] = (),
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Run an HTTP server: JSON API and web page for photos and webcam.

    Examples:
        strongpose serve
        strongpose serve --port 0 --model MODEL.onnx

    Args:
        host: Address to listen on; other machines can reach 0.0.0.0, and there is no password.
        port: Port to listen on; 0 takes a free one.
        max_megabytes: Largest body of a request.
        max_megapixels: Largest photo.
        max_waiting: Length of the request queue; further requests get status 429.
        threshold: Leave people with a lower score out, where a request says nothing else; the page begins with it.
        allow_host: Names, besides localhost, by which browsers may call this server; addresses always work.
        network: Model and inference options.
    """
    import numpy as np

    try:
        from strongpose.serve import Limits, create_app, listen, run_server
        from strongpose.serve.server import url_of
    except ImportError as error:
        return complain(f"serve needs more packages ({error}): {install_command('serve')}")
    if not 0 <= port <= 65535:
        return complain(f"--port must be from 0 to 65535, got {port}")
    try:
        limits = Limits(
            max_bytes=int(max_megabytes * 1e6), max_pixels=int(max_megapixels * 1e6), max_waiting=max_waiting
        )
        bound = listen(host, port)
    except ValueError as error:
        return complain(error)
    except OSError as error:
        return complain(f"cannot listen on {host}, port {port} ({error.strerror or error}); choose another --port")
    with bound:
        try:
            estimator = network.open(threshold)
        except ValueError as error:
            return complain(error)
        estimator(np.zeros((64, 64, 3), dtype=np.uint8))  # the first photo takes longest
        if not _is_loopback(bound):
            say(f"everybody who reaches this machine at {host} can use the server; there is no password")
        app = create_app(estimator, Path(network.model).name, limits, (host, socket.gethostname(), *allow_host))
        print(f"StrongPose with {estimator.runtime.name} at {url_of(bound)} (Ctrl+C ends it)", flush=True)
        run_server(app, bound, limits)
    return 0


def _is_loopback(bound: socket.socket) -> bool:
    import ipaddress

    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback
