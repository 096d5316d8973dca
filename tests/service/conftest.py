"""Trained models, running services and a browser that the tests share."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import palate
from tests import trained
from tests.service.running import Client, running
from tests.service.studio import CHROMIUM_OPTIONS, chromium, serving

Models = Callable[[str], Path]

MARKUP = "<script>alert(1)</script>"
"""The title of item 101 in the service `hostile`."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Return the folder of a trained model by name.

    "views" is of a table without ratings, "sample" of the sample that comes with the package.
    """

    @cache
    def folder(name: str) -> Path:
        path = tmp_path_factory.mktemp("models") / f"{name}.palate"
        if name == "views":
            events = trained.ratings().drop("rating")
            trained.train("ease", events, items=trained.movies(), output=path)
        elif name == "sample":
            palate.train("movielens-small", model="mf", device="cpu", baselines=["bias"], output=path)
        else:
            trained.train(name, output=path)
        return path

    return folder


@pytest.fixture(scope="session")
def mf(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service that gets no events."""
    with running(models("mf"), tmp_path_factory.mktemp("events") / "events.sqlite") as client:
        yield client


@pytest.fixture
def fresh(models: Models, tmp_path: Path) -> Iterator[Client]:
    """A new service for one test."""
    with running(models("mf"), tmp_path / "events.sqlite") as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install 'palate[dev]'")
    if chromium() is None:
        pytest.skip("no Chromium: install it with apt-get install chromium, or set PALATE_CHROMIUM to its path")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def movies(browser: Any, models: Models) -> Iterator[str]:
    """A service of matrix factorization on the sample."""
    with serving(models("sample")) as url:
        yield url


@pytest.fixture(scope="module")
def hostile(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose titles and categories look like markup."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.palate"
    marked = trained.movies().with_columns(
        title=pl.when(pl.col("movieId") == 101).then(pl.lit(MARKUP)).otherwise(pl.col("title") + "<img src=x>"),
        genres=pl.lit("<b>Drama</b>"),
    )
    trained.train("mf", trained.ratings(), items=marked, output=path)
    with serving(path) as url:
        yield url


@pytest.fixture(scope="module")
def bare(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of a table without ratings, catalogue or vectors; its ids are text."""
    path = tmp_path_factory.mktemp("bare") / "bare.palate"
    table = trained.ratings().select(
        user="u/" + pl.col("userId").cast(str), item="ü/&#?% " + pl.col("movieId").cast(str)
    )
    trained.train("ease", table, output=path)
    with serving(path) as url:
        yield url
