"""Take the pictures of the studio in docs/pictures, of the embedded sample.

    python -m scripts.make_screenshots

It needs Playwright and Chromium, and uses the font Inter if it is installed (Debian: fonts-inter).
"""

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from tests.service.studio import CHROMIUM_OPTIONS, chromium, serving, settle, wait_until

import palate

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"

RATED = "260:5,1196:4.5,858:2,2571:4.5,1:3.5"
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "studio-try": (f"#/try?rate={RATED}", {}),
    "studio-person": ("#/try?user=8", {}),
    "studio-item": (f"#/try?rate={RATED} #/items/1210", {}),
    "studio-analogies": ("#/analogies?a=1214&b=1200&c=1", {}),
    "studio-map": ("#/map", {}),
    "studio-map-dark": ("#/map?item=260", {"color_scheme": "dark"}),
    "studio-model": ("#/model", {"viewport": {"width": 1280, "height": 1180}}),
    "studio-phone": (f"#/try?rate={RATED}", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}),
}
"""The pages of the studio that lead to each picture, and its differences from a window of 1280 x 860."""

WITH_REASONS = ("studio-person", "studio-item", "tutorial/studio")
"""Pictures that wait for the reasons of a list."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        for model in ("mf", "neural"):
            path = Path(folder) / f"{model}.palate"
            palate.train("movielens-small", model=model, device="cpu", output=path)
            with serving(path) as url:
                for name in PICTURES:
                    if (name == "studio-model") == (model == "neural"):  # the model with learning curves
                        take(browser, url, name, *PICTURES[name])
        browser.close()


def take(browser: Any, url: str, name: str, places: str, options: dict[str, Any]) -> None:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", **options})
    page = context.new_page()
    for place in places.split():
        page.goto(url + place)
        settle(page)
    if name in WITH_REASONS:
        wait_until(page, "!!document.querySelector('.because')")
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()
    print(f"{name}.png")


if __name__ == "__main__":
    main()
