"""Rows that the caller keeps or leaves out by their values in a column."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from palate.data.reading.columns import listed
from palate.data.reading.frames import OnDemand
from palate.data.reading.tables import Table
from palate.errors import DataError, option
from palate.options import ReadingOptions
from palate.system.near_names import did_you_mean

ROLES = ("user", "item", "rating", "time")
"""Names that stand for the column of that role where no column is called so."""


def filtered_table(table: Table, options: ReadingOptions) -> Table:
    """Return the table without the rows that `keep` and `drop` leave out, and with a note that counts them.

    Raises:
        DataError: there is no such column, or no row is left.
    """
    rules = [(name, values, True) for name, values in (options.keep or {}).items()]
    rules += [(name, values, False) for name, values in (options.drop or {}).items()]
    if not rules:
        return table
    wanted = pl.Series(np.ones(len(table.columns[table.roles.user]), dtype=np.bool_))
    for name, values, keep in rules:
        role = getattr(table.roles, name, None) if name in ROLES else None
        column = role if name not in table.columns and role else name
        if column not in table.columns:
            names = [*dict.fromkeys([*table.columns, *table.others])]
            raise DataError(f"{table.name}: no column {name!r} among {listed(names)}{did_you_mean(name, names)}")
        wanted &= _equal(table.columns[column], _values(values)) == keep
    if not wanted.any():
        said = " ".join(option("keep" if keep else "drop", {name: values}) for name, values, keep in rules)
        raise DataError(f"{table.name}: no row is left with {said}")
    rows = wanted.arg_true()
    columns = OnDemand([*table.columns], lambda name: table.columns[name].filter(wanted))
    note = f"{len(wanted) - len(rows):,} of {len(wanted):,} rows of {table.name} are left out by their values in "
    note += ", ".join(dict.fromkeys(name for name, _, _ in rules))
    return replace(table, columns=columns, place=lambda row: table.place(rows[row]), notes=(*table.notes, note))


def _values(values: object) -> list[str]:
    """Return the values of one column as texts: true and false in lower case, as tables write them."""
    several = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in several]


def _equal(column: pl.Series, values: Sequence[str]) -> pl.Series:
    """Return whether each value of a column is one of these, (n,); an empty text is equal to a value that lacks."""
    texts = pl.Series(values, dtype=pl.String)
    if column.dtype.is_numeric():
        equal = column.is_in(texts.cast(column.dtype, strict=False).drop_nulls().to_list())
    else:
        equal = column.cast(pl.String).is_in(values)
    return equal.fill_null(False) | (column.is_null() if "" in values else False)
