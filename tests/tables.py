"""Small tables to test with, made without any reader."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions, in_order
from palate.data.vocabulary import Id, Vocabulary
from palate.models.contract import UNSEEN, Query

ROOT = Path(__file__).parents[1]


def data_folder(name: str) -> Path:
    """The folder of a real data set: under PALATE_DATA, else ../shared/data; the test skips where there is none."""
    base = Path(os.environ.get("PALATE_DATA") or ROOT.parent / "shared" / "data")
    if not (base / name).is_dir():
        pytest.skip(f"no real data: {base / name} is missing (PALATE_DATA says where to look)")
    return base / name


def table(
    users: Sequence[Id],
    items: Sequence[Id],
    ratings: Sequence[float] | None = None,
    times: Sequence[float] | None = None,
    *,
    all_users: Sequence[Id] = (),
    all_items: Sequence[Id] = (),
) -> Interactions:
    """Events, in any order, as Interactions. all_users and all_items: ids to know beside those of the events."""
    user_ids, user_rows = Vocabulary.encode("user", pl.Series([*users, *all_users]))
    item_ids, item_rows = Vocabulary.encode("item", pl.Series([*items, *all_items]))
    user_rows, item_rows = user_rows[: len(users)], item_rows[: len(items)]
    when = None if times is None else np.array(times, dtype=np.float64)
    order = in_order(user_rows, when)
    return Interactions(
        user_rows[order],
        item_rows[order],
        None if ratings is None else np.array(ratings, dtype=np.float32)[order],
        None if when is None else when[order],
        user_ids,
        item_ids,
        Catalogue.empty(len(item_ids)),
    )


def triples(*rows: tuple[Id, Id, float]) -> Interactions:
    """(user, item, rating) each."""
    users, items, ratings = zip(*rows, strict=True)
    return table(users, items, ratings)


def newcomer(items: Sequence[int], ratings: Sequence[float] | None = None) -> Query:
    """One person never seen asks, after these item rows (L,), oldest first, with these ratings (L,)."""
    rated = None if ratings is None else torch.tensor([ratings], dtype=torch.float32)
    return Query(torch.tensor([UNSEEN]), torch.tensor([items], dtype=torch.int64), rated)


def random_table(n_users: int = 30, n_items: int = 20, share: float = 0.5, seed: int = 0) -> Interactions:
    """Every pair at most once, with a rating of 1 to 5 that depends on both and on chance; no time."""
    draw = np.random.default_rng(seed)
    users, items = (draw.random((n_users, n_items)) < share).nonzero()
    likes = draw.normal(size=(n_users, 2)) @ draw.normal(size=(2, n_items)) + draw.normal(size=n_items)
    ratings = np.clip(np.round(3.4 + likes[users, items] + 0.3 * draw.normal(size=len(users))), 1, 5)
    everybody, everything = list(range(n_users)), list(range(n_items))
    return table(users.tolist(), items.tolist(), ratings.tolist(), all_users=everybody, all_items=everything)


def checkerboard(n_users: int = 40, n_items: int = 20, share: float = 0.6, seed: int = 0) -> Interactions:
    """A share of the pairs: 5 where user and item rows are both even or both odd, else 1."""
    draw = np.random.default_rng(seed)
    users, items = (draw.random((n_users, n_items)) < share).nonzero()
    ratings = np.where(users % 2 == items % 2, 5.0, 1.0)
    everybody, everything = list(range(n_users)), list(range(n_items))
    return table(users.tolist(), items.tolist(), ratings.tolist(), all_users=everybody, all_items=everything)
