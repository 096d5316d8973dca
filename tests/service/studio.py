"""A service with the studio, and a browser to look at it: for tests, and for scripts/make_screenshots.py."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.service.running import running

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
def serving(path: Path, **options: Any) -> Iterator[str]:
    """The address of a service of this model, in a thread. options: as the gate takes them."""
    with running(path, f"{path}.events.sqlite", **options) as client:
        yield f"http://127.0.0.1:{client.port}/"


WATCH = """() => {
    window.waits = [];
    document.addEventListener("click", () => { window.since = performance.now(); }, true);
    new MutationObserver(() => {
        if (window.since) window.waits.push(performance.now() - window.since);
        window.since = null;
    }).observe(document.querySelector(".list"), { childList: true });
}"""
"""Notes in window.waits the milliseconds from each click to the list that follows."""

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
