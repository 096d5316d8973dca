"""Translate ids to rows and back: the wall between the names that users give to things and the rows of the models.

An item is named by its id or by its exact title. An unknown id raises UnknownIdError, with near misses in its message.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id
from palate.errors import OptionError, UnknownIdError, either, option
from palate.inference.queries import Person
from palate.models import name_of
from palate.models.contract import UNSEEN, Model
from palate.results import Results
from palate.system.near_names import did_you_mean

Rated = Mapping[Any, float]  # of Id: a Mapping of int alone would not be one of int | str
"""{item: rating} of one user."""

Ratings = Rated | Iterable[Id]
"""The history of a new user: {item: rating}, or the items alone for a model that needs no ratings."""

ARTICLES = "The|A|An|Le|La|Les|Un|Une|Der|Die|Das|El|Los|Las|Il|Lo|Gli"
"""Words that catalogues move behind a title: "Matrix, The"."""

FEW = 50
"""Up to so many rows of a column are fetched one by one, which is faster than one call of polars for all."""


def item_rows(table: Interactions, ids: Iterable[Id]) -> NDArray[np.int64]:
    """Translate ids or exact titles to item rows -> (n,)."""
    if isinstance(ids, str):
        raise OptionError(f"items must be a list, not the text {ids!r}")
    names = list(ids)
    rows = table.item_ids.find(names) if names else np.empty(0, dtype=np.int64)
    for place in np.flatnonzero(rows < 0):
        rows[place] = _row_of_title(table, names[place])
    return rows


def listed_rows(table: Interactions, names: Id | Iterable[Id]) -> NDArray[np.int64]:
    """Translate a list of items, or one item, to rows (n,). A text may name several items with commas between them."""
    ids = [names] if isinstance(names, str | int | np.integer) else list(names)

    def known(name: Id) -> bool:
        return bool(table.item_ids.find([name])[0] >= 0) or _title_places(table, name).len() > 0

    return item_rows(table, [part for name in ids for part in _parts(name, known, table.item_ids.parse)])


def _parts(name: Any, known: Callable[[Any], bool], parse: Callable[[str], Any] = str) -> list[Any]:
    """Return the names in a text with commas between them; the text alone where it is known, or none of them is."""
    if not isinstance(name, str) or "," not in name or known(name):
        return [name]
    parts = [parse(part.strip()) for part in name.split(",") if part.strip()]
    return parts if any(map(known, parts)) else [name]


def in_categories(table: Interactions, names: Iterable[str]) -> NDArray[np.bool_]:
    """Mark the items that are in any of the categories -> (n_items,). A text may name several, with commas between."""
    mask, known = np.zeros(table.n_items, dtype=np.bool_), table.catalogue.categories
    for name in (part for text in names for part in _parts(text, known.__contains__)):
        if name not in known:
            hint = did_you_mean(name, known) if known else "; the items of this model have no categories"
            raise UnknownIdError(f"unknown category {name!r}{hint}")
        mask[known[name]] = True
    return mask


def on_scale(table: Interactions, ratings: Rated) -> NDArray[np.float32]:
    """Check the ratings -> (n,).

    Raises:
        OptionError: a rating is no number, or off the table's scale.
    """
    scale = table.scale or (-math.inf, math.inf)
    written = [float(str(np.float32(end))) for end in scale]  # .2 as people write it; the table holds it as float32
    low, high = min(scale[0], written[0]), max(scale[1], written[1])
    for item, rating in ratings.items():
        if not isinstance(rating, int | float | np.integer | np.floating) or not low <= rating <= high:
            raise OptionError(f"rating {rating!r} of item {item!r} is off the scale: {low:g} to {high:g}")
    return np.array(list(ratings.values()), dtype=np.float32)


def new_user(table: Interactions, ratings: Ratings, model: Model) -> Person:
    """Translate the ratings of a new user.

    Raises:
        OptionError: an item occurs twice, a rating is off the table's scale, or the model needs ratings and there are
            only items.
    """
    rows = item_rows(table, ratings)
    if len(np.unique(rows)) < len(rows):
        raise OptionError("ratings name an item twice, perhaps once by its id and once by its title")
    if isinstance(ratings, Mapping):
        return Person(UNSEEN, rows, on_scale(table, ratings))
    if model.NEEDS_RATINGS:
        form = either("{item: rating}", option("ratings", "ITEM=RATING"))
        raise OptionError(f"{name_of(type(model))} needs a rating for each item: {form}")
    return Person(UNSEEN, rows)


def named_items(
    table: Interactions, rows: NDArray[np.int64], note: str = "", **values: NDArray[np.floating]
) -> Results:
    """Return a table of item rows (n,): id, title and a column for each of the values (n,). note: of `Results`."""
    ids, titles = (_fetch(column, rows) for column in table.item_names)
    numbers = {name: column.astype(np.float64).tolist() for name, column in values.items()}
    schema = {"id": table.item_ids.ids.dtype, "title": pl.String(), **dict.fromkeys(numbers, pl.Float64())}
    return Results.of({"id": ids, "title": titles, **numbers}, schema, note)


def _fetch(column: pl.Series, rows: NDArray[np.int64]) -> list[Any]:
    return [column[row] for row in rows.tolist()] if len(rows) <= FEW else column.gather(rows).to_list()


def _title_places(table: Interactions, name: object) -> pl.Series:
    """Return the rows of the items with this title; of "Matrix, The (1999)" where "The Matrix (1999)" is no title."""
    titles = table.catalogue.frame["title"]
    for title in (name, other_order(name)):
        if isinstance(title, str) and len(rows := (titles == title).fill_null(False).arg_true()):
            return rows
    return pl.Series([], dtype=pl.UInt32)


def other_order(title: object) -> str | None:
    """Return "Matrix, The (1999)" for "The Matrix (1999)", and the reverse; None for a text without an article."""
    if not isinstance(title, str):
        return None
    if first := re.fullmatch(rf"({ARTICLES})\s+(.+?)(\s\(.*\))?", title, flags=re.IGNORECASE):
        return f"{first[2]}, {first[1]}{first[3] or ''}"
    if last := re.fullmatch(rf"(.+?), ({ARTICLES})(\s\(.*\))?", title, flags=re.IGNORECASE):
        return f"{last[2]} {last[1]}{last[3] or ''}"
    return None


def _row_of_title(table: Interactions, name: Id) -> int:
    rows = _title_places(table, name)
    if len(rows) == 1:
        return int(rows[0])
    if len(rows):
        ids = [repr(table.item_ids.id(row)) for row in rows.to_list()]
        raise UnknownIdError(f"{len(rows)} items have the title {name!r}: use one of their ids {', '.join(ids)}")
    titles = table.catalogue.frame["title"].drop_nulls().to_list()
    hint = did_you_mean(name, titles) or did_you_mean(name, table.item_ids.ids.to_list())
    raise UnknownIdError(f"unknown item {name!r}{hint}")
