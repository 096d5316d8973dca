"""Ids to rows and back: the wall between what users call things and what models work with.

An item may be called by its id or by its exact title. Wherever an id is unknown, UnknownIdError offers near misses.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id, did_you_mean
from palate.errors import OptionError, UnknownIdError
from palate.results import Results

Rated = Mapping[Any, float]  # of Id: a Mapping of int alone would not be one of int | str
"""{item: rating} of a person."""

FEW = 50
"""So many rows of a column are fetched one by one: polars' way for all at once takes as long as a hundred."""


def item_rows(table: Interactions, ids: Iterable[Id]) -> NDArray[np.int64]:
    """Ids, or exact titles, -> item rows (n,)."""
    if isinstance(ids, str):
        raise OptionError(f"a list of items is wanted, not the text {ids!r}")
    wanted = list(ids)
    rows = table.item_ids.find(wanted) if wanted else np.empty(0, dtype=np.int64)
    for at in np.flatnonzero(rows < 0):
        rows[at] = _titled(table, wanted[at])
    return rows


def in_categories(table: Interactions, names: Iterable[str]) -> NDArray[np.bool_]:
    """Which items are in any of the categories -> (n_items,)."""
    found, known = np.zeros(table.n_items, dtype=np.bool_), table.catalogue.categories
    for name in names:
        if name not in known:
            raise UnknownIdError(f"unknown category {name!r}{did_you_mean(name, known)}")
        found[known[name]] = True
    return found


def on_scale(table: Interactions, ratings: Rated) -> NDArray[np.float32]:
    """-> (n,)

    Raises:
        OptionError: a rating is no number, or off the table's scale.
    """
    low, high = table.scale or (-math.inf, math.inf)
    for item, rating in ratings.items():
        if not isinstance(rating, int | float | np.integer | np.floating) or not low <= rating <= high:
            raise OptionError(f"rating {rating!r} of item {item!r} is off the scale: {low:g} to {high:g}")
    return np.array(list(ratings.values()), dtype=np.float32)


def named_items(table: Interactions, rows: NDArray[np.int64], **values: NDArray[np.floating]) -> Results:
    """Item rows (n,) and what belongs to each -> id, title and that."""
    ids, titles = (_at(column, rows) for column in table.item_names)
    numbers = {name: column.astype(np.float64).tolist() for name, column in values.items()}
    schema = {"id": table.item_ids.ids.dtype, "title": pl.String(), **dict.fromkeys(numbers, pl.Float64())}
    return Results.of({"id": ids, "title": titles, **numbers}, schema)


def _at(column: pl.Series, rows: NDArray[np.int64]) -> list[Any]:
    return [column[row] for row in rows.tolist()] if len(rows) <= FEW else column.gather(rows).to_list()


def _titled(table: Interactions, name: Id) -> int:
    titles = table.catalogue.frame["title"]
    found = (titles == name).fill_null(False).arg_true() if isinstance(name, str) else pl.Series([])
    if len(found) == 1:
        return int(found[0])
    if len(found):
        ids = [repr(table.item_ids.id(row)) for row in found.to_list()]
        raise UnknownIdError(f"{len(found)} items are called {name!r}: use one of their ids {', '.join(ids)}")
    hint = did_you_mean(name, titles.drop_nulls().to_list()) or did_you_mean(name, table.item_ids.ids.to_list())
    raise UnknownIdError(f"unknown item {name!r}{hint}")
