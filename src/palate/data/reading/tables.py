"""Table: the columns of one source as they were read; `check` makes sure of ids, ratings and times."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.arrays import array_of
from palate.data.reading import times
from palate.data.reading.columns import Roles
from palate.data.reading.values import Place, kind, refuse
from palate.errors import DataError


@dataclass(frozen=True)
class Table:
    """One file or frame, as read: text of a file is String, its ids Categorical; frames keep their types."""

    name: str
    roles: Roles
    columns: Mapping[str, pl.Series]  # by column name, each (n,)
    about: Mapping[str, str]  # 'title', 'categories' -> the column that says so of each row's item
    place: Place
    how: str = ""
    """What the notes say of the layout, such as "separator=','"."""


@dataclass(frozen=True)
class Checked:
    """The rows of a table without gaps, in final types; the arrays are new, shared with nobody."""

    users: pl.Series  # (n,) Categorical, String, Int64 or UInt64
    items: pl.Series  # (n,) alike
    ratings: NDArray[np.float32] | None  # (n,)
    times: NDArray[np.float64] | None  # (n,) unix seconds
    unit: str  # how the times were taken, for the notes


def check(table: Table, time_unit: str | None) -> Checked:
    """Ids that are ids, finite ratings, times all of one kind.

    Raises:
        DataError: no rows; else at the first row that breaks a rule, column by column, ids last: they stay in memory.
    """
    roles, place = table.roles, table.place
    lengths = set()

    def column(name: str) -> pl.Series:
        found = table.columns[name]
        lengths.add(len(found))
        if lengths == {0}:
            raise DataError(f"{table.name}: no rows")
        if len(lengths) > 1:
            raise DataError(f"{table.name}: changed while it was read; read it again")
        return found

    ratings = None if roles.rating is None else _ratings(column(roles.rating), roles.rating, place)
    dated, unit = (None, "") if roles.time is None else _times(column(roles.time), roles.time, place, time_unit)
    users, items = (ids(column(name), name, place) for name in (roles.user, roles.item))
    return Checked(users, items, ratings, dated, unit)


def ids(column: pl.Series, name: str, place: Place) -> pl.Series:
    """Ids as Categorical (text of a file), String, Int64, or UInt64 where they need it.

    Raises:
        DataError: a missing id, or one that is neither an integer nor text.
    """
    column = column.fill_nan(None) if column.dtype.is_float() else column
    _no_gaps(column, name, place, "every row needs an id")
    if isinstance(column.dtype, pl.Categorical | pl.String):
        return column
    if column.dtype.is_float():
        bad = (column != column.round()) | (column.abs() >= 2.0**53)
        refuse(column, bad, name, place, "is no whole number; ids are integers or text")
        return column.cast(pl.Int64)
    if column.dtype.is_integer():
        for dtype in (pl.Int64, pl.UInt64):
            wide = column.cast(dtype, strict=False)
            if not wide.null_count():
                return wide
        return column.cast(pl.String)
    raise DataError(f"{place(0)}: column {name!r} holds {kind(column.dtype)}; ids are integers or text")


def _ratings(column: pl.Series, name: str, place: Place) -> NDArray[np.float32]:
    _no_gaps(column, name, place, "every row needs a rating; without any, leave the column out")
    numbers = _numbers(column, name, place, "is no number")
    single = array_of(numbers, np.float32)
    fine = np.isfinite(single)
    if not fine.all():
        refuse(column, pl.Series(~fine), name, place, "is no finite number; ratings are finite")
    return single


def _times(column: pl.Series, name: str, place: Place, unit: str | None) -> tuple[NDArray[np.float64], str]:
    _no_gaps(column, name, place, "each row needs a time, or none: time=False leaves the column out")
    if column.dtype in (pl.Date, pl.Datetime):
        return array_of(times.from_dates(column), np.float64), "dates, UTC"
    if column.dtype == pl.String and column.cast(pl.Float64, strict=False).null_count() == len(column):
        dates = times.from_text(column)
        refuse(column, dates.is_null(), name, place, "is no date that Palate knows; write 2024-01-31 12:00:00, say")
        return array_of(dates, np.float64), "dates, UTC"
    if not column.dtype.is_integer():
        numbers = _numbers(column, name, place, "is no time")
        refuse(column, ~numbers.is_finite(), name, place, "is no finite number")
        column = numbers
    seconds, how = times.from_numbers(column, unit, name, place)
    return array_of(seconds, np.float64, lambda chunk: chunk.cast(pl.Float64).to_numpy()), how


def _numbers(column: pl.Series, name: str, place: Place, what: str) -> pl.Series:
    """Any column of numbers, or of text that spells them, as Float64."""
    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
        refuse(column, numbers.is_null(), name, place, what)
        return numbers
    if not column.dtype.is_numeric():
        raise DataError(f"{place(0)}: column {name!r} holds {kind(column.dtype)}, not numbers; convert it first")
    return column.cast(pl.Float64)


def _no_gaps(column: pl.Series, name: str, place: Place, what: str) -> None:
    if column.null_count():
        raise DataError(f"{place(int(column.is_null().arg_max() or 0))}: column {name!r} is empty; {what}")
