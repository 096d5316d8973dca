"""Trained models and running services that the tests share."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import trained
from tests.service.running import Client, running

Models = Callable[[str], Path]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Return the folder of a trained model by name; the model "views" is of a table without ratings."""

    @cache
    def folder(name: str) -> Path:
        path = tmp_path_factory.mktemp("models") / f"{name}.palate"
        if name == "views":
            events = trained.ratings().drop("rating")
            trained.train("ease", events, items=trained.movies(), output=path)
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
