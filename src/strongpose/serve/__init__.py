"""A local server with an HTTP API and one page: photos in, poses out."""

from strongpose.exceptions import RefusedError
from strongpose.serve.app import create_app
from strongpose.serve.limits import Limits
from strongpose.serve.server import listen, run_server

__all__ = ["Limits", "RefusedError", "create_app", "listen", "run_server"]
