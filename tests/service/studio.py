"""A service with the studio, and helpers for a browser: for tests and scripts/make_screenshots.py."""

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
"""Options with which Chromium requests nothing but what the page requests."""


def chromium() -> str | None:
    """Return the path of Chromium: from the environment variable PALATE_CHROMIUM, or found on the PATH."""
    named = os.environ.get("PALATE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(path: Path, **options: Any) -> Iterator[str]:
    """Start a service of this model in a thread and yield its URL. options: those of `ServiceMiddleware`."""
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
"""Record in window.waits the milliseconds from each click to the new list."""

READY = "!!document.querySelector('.view') && !document.querySelector('[aria-busy], .waiting, .busy.on')"
"""Whether a view shows the responses to all its requests."""


def until(page: Any, condition: str) -> None:
    """Wait for a JavaScript condition; Playwright's own wait needs `eval`, which the page's security policy forbids."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"after 10 seconds this is still false: {condition}")


def settled(page: Any) -> None:
    until(page, READY)
    page.wait_for_timeout(300)  # the map is drawn, and its list is up to date
