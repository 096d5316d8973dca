"""Measure the speed of the studio's page, in headless Chromium, on the embedded sample.

    python -m benchmarks.studio [--clicks 30] [--models mf neural]

The figures are: from a click on a star to the new list with its reasons; from a fresh tab to the first paint and to the
first list; a frame of the map during a zoom, as drawn and as the browser shows it; and the bytes of the page.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright
from tests.service.studio import CHROMIUM_OPTIONS, chromium, serving, settle, wait_until

import palate
from benchmarks.common import record

STATIC = Path(palate.__file__).parent / "service" / "static"

RATED = 10
"""Number of items that get stars; further clicks change them."""

RECORD_WAITS = """() => {
    window.waits = [];
    document.addEventListener("click", () => { window.since = performance.now(); }, true);
    new MutationObserver(() => {
        if (window.since) window.waits.push(performance.now() - window.since);
        window.since = null;
    }).observe(document.querySelector(".list"), { childList: true });
}"""
"""Record in window.waits the milliseconds from each click to the new list."""

ZOOM = """() => new Promise((done) => {
    const map = document.querySelector("canvas").itemMap;
    const times = [];
    map.frames = [];
    const step = (now) => {
        times.push(now);
        map.zoomBy(times.length % 120 < 60 ? 1.04 : 1 / 1.04);
        if (times.length < 240) requestAnimationFrame(step);
        else done({ shown: times.slice(1).map((time, at) => time - times[at]), drawn: map.frames });
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--models", nargs="+", default=["mf", "neural"], help="names of models")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        for model in options.models:
            path = Path(folder) / model
            palate.train("movielens-small", model=model, device="cpu", baselines=(), output=path)
            with serving(path) as url:
                rows.append({"model": model, **measured(browser, url, options.clicks)})
        browser.close()
    size = sum(file.stat().st_size for file in STATIC.iterdir())
    summary = "; ".join(f"{row['model']}: {row['star to list']} ms from star to list" for row in rows)
    record("studio", {"bytes": size}, f"{size:,} bytes; {summary}", rows)


def measured(browser: Any, url: str, clicks: int) -> dict[str, str]:
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.goto(f"{url}#/try")
    settle(page)
    list_there = page.evaluate("performance.now()")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.evaluate(RECORD_WAITS)
    for click in range(clicks):
        where = "h3.start + div .stars" if click < RATED else f".given li:nth-child({click % RATED + 1}) .stars"
        page.locator(where).first.click(position={"x": 20 + 37 * (click % 3), "y": 12})
        wait_until(page, "window.since === null")
    waits = sorted(page.evaluate("window.waits"))
    page.goto(f"{url}#/map")
    settle(page)
    zoomed = page.evaluate(ZOOM)
    page.context.close()
    return {
        "star to list": f"{median(waits):.0f}",
        "slowest of ten": f"{waits[int(0.9 * len(waits))]:.0f}",
        "first paint": f"{paint:.0f}",
        "first list, at most": f"{list_there:.0f}",
        "map frame drawn": f"{median(zoomed['drawn']):.1f}",
        "map frame shown": f"{median(zoomed['shown']):.1f}",
    }


if __name__ == "__main__":
    main()
