"""What is said of items -> Catalogue, in the order of the item vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import SCHEMA, Catalogue
from palate.data.reading.items import categories, read_items, sentence
from palate.data.vocabulary import UNKNOWN, Vocabulary
from palate.errors import DataError


def read_catalogue(source: Any, item_ids: Vocabulary, encoding: str | None) -> tuple[Catalogue, tuple[str, ...]]:
    """Titles, text and categories of the items that have interactions, and what to say of the rest.

    Raises:
        DataError: no column of ids, or none of the ids has interactions.
    """
    table = read_items(source, encoding)
    rows = item_ids.find(table.ids if table.typed else _alike(table.ids, item_ids.ids.dtype))
    if not (rows != UNKNOWN).any():
        raise DataError(
            f"{table.name}: none of its {len(rows):,} ids has interactions: column {table.ids.name!r} has "
            f"{_some(table.ids)}, the interactions have {_some(item_ids.ids)}; wrong column, or text against numbers?"
        )
    said = {"title": table.titles, "text": table.texts, "categories": table.categories}
    catalogue, repeated = _aligned(pl.DataFrame(said, schema=SCHEMA), rows, len(item_ids))
    notes = [f"read {table.name}: {len(rows):,} items"]
    unrated = int((rows == UNKNOWN).sum())
    untitled = catalogue.frame["title"].null_count()
    if unrated:
        notes.append(f"{unrated:,} of {len(rows):,} items in {table.name} have no ratings and are left out")
    if repeated:
        notes.append(f"{repeated:,} rows of {table.name} repeat an item id: the first of each is kept")
    if untitled:
        notes.append(f"{untitled:,} of {len(item_ids):,} items have no title")
    return catalogue, tuple(notes)


def catalogue_inside(
    columns: Mapping[str, pl.Series], names: Mapping[str, str], rows: NDArray[np.int32], n_items: int
) -> tuple[Catalogue, tuple[str, ...]]:
    """What columns of the ratings table say of items; one that says different things of one item is not used."""
    frame = pl.DataFrame({"row": rows, **columns})
    said: dict[str, list[Any]] = {"title": [None] * n_items, "text": [None] * n_items, "categories": [[]] * n_items}
    notes = []
    for what, name in names.items():
        pairs = frame.select("row", what).unique().sort("row")
        if len(pairs) > n_items:
            notes.append(f"column {name!r} differs between rows of one item: not used for the catalogue")
            continue
        values = pairs[what].to_list()
        said[what] = categories(values) if what == "categories" else [sentence(value) for value in values]
        notes.append(f"{what} of items: column {name!r}")
    return Catalogue(pl.DataFrame(said, schema=SCHEMA)), tuple(notes)


def _aligned(frame: pl.DataFrame, rows: NDArray[np.int64], n_items: int) -> tuple[Catalogue, int]:
    """One row per item row, nothing where `frame` has none; and how many rows repeat an item."""
    numbered = frame.with_columns(pl.Series("row", rows))
    once = numbered.filter(pl.col("row") != UNKNOWN).unique("row", keep="first", maintain_order=True)
    all_rows = pl.DataFrame({"row": np.arange(n_items, dtype=np.int64)})
    aligned = all_rows.join(once, on="row", how="left", maintain_order="left").select(*SCHEMA)
    repeated = int((rows != UNKNOWN).sum()) - len(once)
    return Catalogue(aligned.with_columns(pl.col("categories").fill_null([]))), repeated


def _some(ids: pl.Series) -> str:
    return ", ".join(repr(each) for each in ids.head(3).to_list())


def _alike(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Ids out of text as integers where the vocabulary has those, null where they are none in the usual spelling."""
    if dtype == pl.String:
        return ids
    numbers = ids.cast(dtype, strict=False)
    return (
        pl.DataFrame({"n": numbers, "same": numbers.cast(pl.String) == ids})
        .select(pl.when("same").then("n"))
        .to_series()
    )
