"""A service with the studio, and a browser to look at it: for tests, and for scripts/make_screenshots.py."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from palate.service.app import create_app
from palate.service.core import Core
from palate.service.gate import Gate
from palate.service.tokens import Tokens

QUIET = [
    *["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    *["--disable-component-update", "--disable-sync", "--hide-scrollbars"],
]
"""Chromium asks for nothing but what the page asks for."""


def chromium() -> str | None:
    """Where it is; the environment variable PALATE_CHROMIUM says so, or the PATH."""
    named = os.environ.get("PALATE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(path: Path, tokens: Path | None = None) -> Iterator[str]:
    """The address of a service of this artifact, in a thread. tokens: as for `palate serve`."""
    core = Core(path, f"{path}.events.sqlite")
    app = Gate(create_app(core), core.metrics, tokens=None if tokens is None else Tokens(tokens))
    server = uvicorn.Server(uvicorn.Config(app, port=0, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}/"
    finally:
        server.should_exit = True
        thread.join(10)


READY = "!!document.querySelector('.view') && !document.querySelector('[aria-busy], .waiting, .busy.on')"
"""Whether a view shows all that it asked for."""


def until(page: Any, condition: str) -> None:
    """Waits for JavaScript to hold; Playwright's own wait needs what the page's security policy forbids."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"10 seconds and still not: {condition}")


def settled(page: Any) -> None:
    until(page, READY)
    page.wait_for_timeout(300)  # a map is drawn, and what it says of itself has followed
