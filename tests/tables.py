"""Small tables to test with, made without any reader."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id
from palate.models.contract import UNSEEN, Query
from palate.testing.tables import checkerboard, random_table, table

__all__ = ["ROOT", "checkerboard", "data_folder", "newcomer", "random_table", "table", "triples"]

ROOT = Path(__file__).parents[1]


def data_folder(name: str) -> Path:
    """The folder of a real data set: under PALATE_DATA, else ../shared/data; the test skips where there is none."""
    base = Path(os.environ.get("PALATE_DATA") or ROOT.parent / "shared" / "data")
    if not (base / name).is_dir():
        pytest.skip(f"no real data: {base / name} is missing (PALATE_DATA says where to look)")
    return base / name


def triples(*rows: tuple[Id, Id, float]) -> Interactions:
    """(user, item, rating) each."""
    users, items, ratings = zip(*rows, strict=True)
    return table(users, items, ratings)


def newcomer(items: Sequence[int], ratings: Sequence[float] | None = None) -> Query:
    """One person never seen asks, after these item rows (L,), oldest first, with these ratings (L,)."""
    rated = None if ratings is None else torch.tensor([ratings], dtype=torch.float32)
    return Query(torch.tensor([UNSEEN]), torch.tensor([items], dtype=torch.int64), rated)
