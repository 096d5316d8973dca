"""What every test may use."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from palate.data.interactions import Interactions
from tests import tables

signal.signal(signal.SIGINT, signal.default_int_handler)  # a gate run in the background ignores Ctrl-C, children too

torch.set_num_threads(1)  # small tables: more threads only wait for each other


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Finds a real data set by its folder's name, or skips the test."""
    return tables.data_folder


@pytest.fixture(scope="session")
def checkerboard() -> Interactions:
    """Who is even likes what is even, who is odd what is odd; 60 % of the pairs are there."""
    return tables.checkerboard()


@pytest.fixture(scope="session")
def small() -> Interactions:
    """30 users, 20 items, about half of the pairs."""
    return tables.random_table()


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
