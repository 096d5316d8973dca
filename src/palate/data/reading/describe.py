"""Tables or columns that describe items -> Catalogue, in the order of the item vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import SCHEMA, Catalogue
from palate.data.reading.categories import categories, sentence, split_at
from palate.data.reading.items import read_items
from palate.data.vocabulary import UNKNOWN, Vocabulary
from palate.errors import DataError, option
from palate.options import ReadingOptions


def read_catalogue(
    source: Any, item_ids: Vocabulary, options: ReadingOptions, item: str
) -> tuple[Catalogue, tuple[str, ...]]:
    """Return the catalogue of the items that have ratings or events, and notes on the other items.

    item: the column of item ids in the ratings.

    Raises:
        DataError: the table has no column of ids, or none of its ids is in the ratings.
    """
    table = read_items(source, options, item)
    rows = item_ids.find(table.ids if table.typed else _in_type(table.ids, item_ids.ids.dtype))
    if not (rows != UNKNOWN).any():
        raise DataError(
            f"{table.name}: none of its {len(rows):,} ids has ratings: column {table.ids.name!r} has "
            f"{_examples(table.ids)}, the ratings have {_examples(item_ids.ids)}; is it the wrong column ("
            f"{option('item_id')} names another), or text against numbers?"
        )
    described = {"title": table.titles, "text": table.texts, "categories": table.categories}
    catalogue, repeated = _aligned(pl.DataFrame(described, schema=SCHEMA), rows, len(item_ids))
    notes = [f"read {table.name}: {len(rows):,} items", *table.notes]
    unrated = int((rows == UNKNOWN).sum())
    untitled = catalogue.frame["title"].null_count()
    if unrated:
        notes.append(f"{unrated:,} of {len(rows):,} items in {table.name} have no ratings and are left out")
    if repeated:
        notes.append(f"{repeated:,} rows of {table.name} repeat an item id: the first row of each id is kept")
    if untitled:
        notes.append(f"{untitled:,} of {len(item_ids):,} items have no title")
    return catalogue, tuple(notes)


def catalogue_inside(
    columns: Mapping[str, pl.Series], names: Mapping[str, str], rows: NDArray[np.int32], n_items: int
) -> tuple[Catalogue, tuple[str, ...]]:
    """Return the catalogue from columns of the ratings table, and notes. A column with several values for one item is
    left out.

    columns: by field, such as "title". names: of the columns, by field. rows: (n,) item rows.
    """
    frame = pl.DataFrame({"row": rows, **columns})
    fields: dict[str, list[Any]] = {"title": [None] * n_items, "text": [None] * n_items, "categories": [[]] * n_items}
    notes = []
    for field, name in names.items():
        pairs = frame.select("row", field).unique().sort("row")
        if len(pairs) > n_items:
            notes.append(f"column {name!r} differs between rows of one item: not used for the catalogue")
            continue
        values = pairs[field].to_list()
        fields[field] = categories(values) if field == "categories" else [sentence(value) for value in values]
        notes.append(f"{field} of items: column {name!r}{split_at(values) if field == 'categories' else ''}")
    return Catalogue(pl.DataFrame(fields, schema=SCHEMA)), tuple(notes)


def _aligned(frame: pl.DataFrame, rows: NDArray[np.int64], n_items: int) -> tuple[Catalogue, int]:
    """Return one row per item row, unknown where `frame` has none, and the number of rows that repeat an item."""
    numbered = frame.with_columns(pl.Series("row", rows))
    once = numbered.filter(pl.col("row") != UNKNOWN).unique("row", keep="first", maintain_order=True)
    all_rows = pl.DataFrame({"row": np.arange(n_items, dtype=np.int64)})
    aligned = all_rows.join(once, on="row", how="left", maintain_order="left").select(*SCHEMA)
    repeated = int((rows != UNKNOWN).sum()) - len(once)
    return Catalogue(aligned.with_columns(pl.col("categories").fill_null([]))), repeated


def _examples(ids: pl.Series) -> str:
    return ", ".join(map(repr, ids.head(3).to_list()))


def _in_type(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return ids of text in the vocabulary's type: integers are null where the text has another spelling."""
    if dtype == pl.String:
        return ids
    numbers = ids.cast(dtype, strict=False)
    return (
        pl.DataFrame({"n": numbers, "same": numbers.cast(pl.String) == ids})
        .select(pl.when("same").then("n"))
        .to_series()
    )
