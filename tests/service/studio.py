"""A service with the studio, and a browser that visits it: for tests, benchmarks and scripts/make_screenshots.py."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service.running import running

CHROMIUM_OPTIONS = [
    *["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    *["--disable-component-update", "--disable-sync", "--hide-scrollbars"],
]
"""Options with which Chromium requests nothing but what the page requests."""

VIEWS = {
    "try": "#/try?rate=260:5,858:2",
    "user": "#/try?user=30",
    "items": "#/items",
    "item": "#/items/260",
    "analogies": "#/analogies?a=1196&b=260&c=1",
    "map": "#/map?item=260",
    "model": "#/model",
}
"""The address of each view for a model of the sample."""

PHONE = {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}


def chromium() -> str | None:
    """Return the path of Chromium: from the environment variable PALATE_CHROMIUM, or found on the PATH."""
    named = os.environ.get("PALATE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(path: Path, **options: Any) -> Iterator[str]:
    """Start a service of this model in a thread and yield its URL. options: those of `ServiceMiddleware`."""
    with running(path, f"{path}.events.sqlite", **options) as client:
        yield f"http://127.0.0.1:{client.port}/"


READY = "!!document.querySelector('.view') && !document.querySelector('[aria-busy], .waiting, .busy.on')"
"""Whether a view shows the responses to all its requests."""


def wait_until(page: Any, condition: str) -> None:
    """Wait for a JavaScript condition; Playwright's own wait needs `eval`, which the page's security policy forbids."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"after 10 seconds this is still false: {condition}")


def settle(page: Any) -> None:
    """Wait until a view is complete and its map is drawn."""
    wait_until(page, READY)
    page.wait_for_timeout(300)


class Visit:
    """A page in a browser context of its own; at the end it fails on console messages, dialogs and other hosts."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.url = url
        options = {"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", "locale": "en-US", **options}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self._on_dialog)
        self.page.on("request", self._on_request)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith(self.url):
            self.wrong.append(request.url)

    def go(self, place: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(self.url + place)
        self.settle()
        return self.page

    def until(self, condition: str) -> None:
        wait_until(self.page, condition)

    def settle(self) -> None:
        self.until(READY)

    def forgive(self, text: str) -> None:
        """Drop the browser's own messages about a response that the test expects."""
        self.wrong = [message for message in self.wrong if text not in message]

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert not self.wrong, self.wrong


def api(url: str, path: str, body: object = None) -> Any:
    """Return the response of the service to a request outside the browser."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def titles(page: Any, where: str) -> list[str]:
    """Return the titles of the items of a list."""
    texts: list[str] = page.locator(f"{where} .what > a").all_inner_texts()
    return texts


def faults(page: Any) -> list[str]:
    """Return the serious and critical violations of accessibility that axe-core reports."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core: pip install 'palate[dev]'")
    violations = axe.Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {violation['nodes'][0]['html'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]
