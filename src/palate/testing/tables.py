"""Small made tables that a model learns in about a second."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions, in_order
from palate.data.vocabulary import Id, Vocabulary

LIKED, DISLIKED = 5.0, 1.0
"""Ratings of a checkerboard."""


def table(
    users: Sequence[Id],
    items: Sequence[Id],
    ratings: Sequence[float] | None = None,
    times: Sequence[float] | None = None,
    *,
    all_users: Sequence[Id] = (),
    all_items: Sequence[Id] = (),
) -> Interactions:
    """Build a table from events in any order. all_users and all_items: further ids, without an event."""
    user_ids, user_rows = Vocabulary.encode("user", pl.Series([*users, *all_users]))
    item_ids, item_rows = Vocabulary.encode("item", pl.Series([*items, *all_items]))
    user_rows, item_rows = user_rows[: len(users)], item_rows[: len(items)]
    seconds = None if times is None else np.array(times, dtype=np.float64)
    order = in_order(user_rows, seconds)
    return Interactions(
        user_rows[order],
        item_rows[order],
        None if ratings is None else np.array(ratings, dtype=np.float32)[order],
        None if seconds is None else seconds[order],
        user_ids,
        item_ids,
        Catalogue.empty(len(item_ids)),
    )


def checkerboard(
    n_users: int = 40, n_items: int = 20, share: float = 0.6, seed: int = 0, *, timed: bool = False
) -> Interactions:
    """Draw a share of all pairs: the rating is 5 where user and item rows are both even or both odd, else 1.

    timed: events have times, in an order by chance.
    """
    draw = np.random.default_rng(seed)
    users, items = (draw.random((n_users, n_items)) < share).nonzero()
    ratings = np.where(users % 2 == items % 2, LIKED, DISLIKED)
    times = (1e9 + 3600.0 * draw.permutation(len(users))).tolist() if timed else None
    ids = {"all_users": list(range(n_users)), "all_items": list(range(n_items))}
    return table(users.tolist(), items.tolist(), ratings.tolist(), times, **ids)


def checkerboard_of_events(n_users: int = 40, n_items: int = 20, share: float = 0.6, seed: int = 0) -> Interactions:
    """Return the liked half of a checkerboard as events without ratings (implicit feedback)."""
    board = checkerboard(n_users, n_items, share, seed)
    assert board.ratings is not None
    return replace(board.where(board.ratings == LIKED), ratings=None)


def random_table(n_users: int = 30, n_items: int = 20, share: float = 0.5, seed: int = 0) -> Interactions:
    """Draw a share of all pairs, with ratings of 1 to 5 that depend on user, item and chance, and no times."""
    draw = np.random.default_rng(seed)
    users, items = (draw.random((n_users, n_items)) < share).nonzero()
    likes = draw.normal(size=(n_users, 2)) @ draw.normal(size=(2, n_items)) + draw.normal(size=n_items)
    ratings = np.clip(np.round(3.4 + likes[users, items] + 0.3 * draw.normal(size=len(users))), 1, 5)
    ids = {"all_users": list(range(n_users)), "all_items": list(range(n_items))}
    return table(users.tolist(), items.tolist(), ratings.tolist(), **ids)


def without_events_of_the_last(table: Interactions) -> Interactions:
    """Return the table without the events of its last user and its last item, whose ids stay."""
    return table.where((table.users < table.n_users - 1) & (table.items < table.n_items - 1))
