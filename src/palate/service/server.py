"""A running service: one process, one event loop."""

from collections.abc import Callable
from pathlib import Path

import uvicorn

from palate.service.app import create_app
from palate.service.core import Core


def run(path: Path, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until it is stopped.

    Raises:
        ArtifactError: the model can't be opened.
    """
    core = Core(path)
    ready(f"http://{host}:{port}/")
    uvicorn.run(create_app(core), host=host, port=port, access_log=False, server_header=False, log_level="warning")
