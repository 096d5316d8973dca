"""Catalogue: title, text and categories of each item."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCHEMA: dict[str, pl.DataType] = {"title": pl.String(), "text": pl.String(), "categories": pl.List(pl.String)}


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A table with one row per item row: title and text (null if unknown) and categories (empty if unknown)."""

    frame: pl.DataFrame  # (n_items, 3), columns as in SCHEMA

    @classmethod
    def empty(cls, n_items: int) -> "Catalogue":
        """Return a catalogue of `n_items` items that has only unknown values."""
        unknown = pl.repeat(None, n_items, dtype=pl.String, eager=True)
        frame = pl.DataFrame({"title": unknown, "text": unknown})
        return cls(frame.with_columns(categories=pl.lit([], dtype=SCHEMA["categories"])))

    def __len__(self) -> int:
        return len(self.frame)

    def title(self, row: int) -> str | None:
        """Return the title of an item row, None if unknown."""
        title: str | None = self.frame["title"][int(row)]
        return title

    @cached_property
    def categories(self) -> dict[str, NDArray[np.int64]]:
        """The item rows of each category, the largest category first."""
        pairs = self.frame.select("categories").with_row_index("row").explode("categories").drop_nulls().unique()
        rows = {name: group["row"].to_numpy().astype(np.int64) for (name,), group in pairs.group_by("categories")}
        return {str(name): np.sort(rows[name]) for name in sorted(rows, key=lambda name: (-len(rows[name]), name))}
