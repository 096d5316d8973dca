"""A table and later events -> Interactions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions
from palate.data.reading.ordering import sort_and_deduplicate
from palate.data.vocabulary import Vocabulary
from palate.errors import DataError


def extend(
    table: Interactions,
    users: Sequence[str],
    items: Sequence[str],
    ratings: NDArray[np.float32] | None,
    times: NDArray[np.float64],
) -> Interactions:
    """Return the table with m later events, ids as text, as if one file held both; new users and items are added.

    The latest event of each (user, item) pair stands, by its time. If the table has no times, the events are later
    than its rows, and their times say which of them is the last.

    Raises:
        DataError: an id is text where the table's ids are integers.
    """
    if not len(users):
        return table
    order = np.argsort(times, kind="stable")
    users, items = [users[place] for place in order], [items[place] for place in order]
    user_ids, old_users, new_users = _joined(table.user_ids, users)
    item_ids, old_items, new_items = _joined(table.item_ids, items)
    rows = (
        np.concatenate([old_users[table.users], new_users]).astype(np.int32),
        np.concatenate([old_items[table.items], new_items]).astype(np.int32),
    )
    whole = Interactions(
        *rows,
        None if table.ratings is None or ratings is None else np.concatenate([table.ratings, ratings[order]]),
        None if table.times is None else np.concatenate([table.times, times[order]]),
        user_ids,
        item_ids,
        _widened(table.catalogue, old_items, len(item_ids)),
        table.notes,
    )
    whole = sort_and_deduplicate(whole)
    return replace(whole, notes=(*table.notes, f"{len(users):,} later events: {len(whole):,} ratings or events in all"))


def _joined(ids: Vocabulary, texts: Sequence[str]) -> tuple[Vocabulary, NDArray[np.int64], NDArray[np.int64]]:
    """Return the vocabulary of both, the new row of each old row, and the row of each text."""
    parsed = [ids.parse(text) for text in texts]
    if not ids.is_text and any(isinstance(id_, str) for id_ in parsed):
        wrong = next(id_ for id_ in parsed if isinstance(id_, str))
        problem = f"{ids.kind} {wrong!r} of an event is text, but the table's ids are integers"
        raise DataError(f"{problem}; remove the event or correct its id")
    new = pl.Series(parsed, dtype=ids.ids.dtype)
    both = Vocabulary(ids.kind, pl.concat([ids.ids.alias("id"), new.alias("id")]).unique().sort())
    return both, both.find(ids.ids), both.find(new)


def _widened(catalogue: Catalogue, places: NDArray[np.int64], n_items: int) -> Catalogue:
    """Return the catalogue with its rows at new places (n,) and unknown values in the other rows."""
    order = np.full(n_items, len(catalogue))
    order[places] = np.arange(len(catalogue))
    nothing = Catalogue.empty(1).frame
    return Catalogue(pl.concat([catalogue.frame, nothing], how="diagonal")[order])
