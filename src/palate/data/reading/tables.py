"""Table: the columns of one source as read; the functions check and convert ids, ratings and times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.arrays import array_of
from palate.data.reading import dates, spellings, times
from palate.data.reading.columns import Roles
from palate.data.reading.values import Place, RowsError, kind, refuse
from palate.errors import DataError, option


class IdTypes(NamedTuple):
    """The Categorical types of ids that are text in a file; files read together share them."""

    user: pl.DataType
    item: pl.DataType


@dataclass(frozen=True)
class Table:
    """One file or frame as read: text of a file is String, its ids Categorical; frames keep their types."""

    name: str
    roles: Roles
    columns: Mapping[str, pl.Series]  # by column name, each (n,)
    item_columns: Mapping[str, str]  # 'title', 'categories' -> the column that holds it of each row's item
    place: Place
    others: Mapping[str, pl.Series]
    """The first values of the columns without a role, by name."""
    layout: str = ""
    """The layout as the notes state it, such as "separator=','"."""
    notes: tuple[str, ...] = ()
    """What else there is to say of the file."""


def ids_of(table: Table, kind: Literal["user", "item"]) -> pl.Series:
    """Return the ids of all rows as Categorical (text of a file), String, Int64, or UInt64 if needed.

    Raises:
        DataError: the table has no rows; an id is missing, or is neither an integer nor text.
    """
    name = getattr(table.roles, kind)
    column = table.columns[name]
    if not len(column):
        raise DataError(f"{table.name}: the table has no rows; it needs one for each rating or event")
    return ids(column, name, table.place)


def ratings_of(table: Table) -> tuple[NDArray[np.float32] | None, str]:
    """Return the ratings of all rows in a new array of their own, None if the table has none, and how they are
    written where they are no numbers, such as "stars".

    Raises:
        DataError: a rating is no finite number, nor written as all others; the message names the first such row.
    """
    name = table.roles.rating
    return (None, "") if name is None else _ratings(table.columns[name], name, table.place)


def times_of(table: Table, unit: str | None, date_format: str | None) -> tuple[NDArray[np.float64] | None, str]:
    """Return the times of all rows in a new array of their own, in unix seconds, and the kind of times as text.

    Raises:
        DataError: a value is no time, or has another unit than the others; the message names the first such row.
    """
    name = table.roles.time
    if table.roles.date:
        return _days(table), times.DATES
    return (None, "") if name is None else _times(table.columns[name], name, table.place, unit, date_format)


def ids(column: pl.Series, name: str, place: Place) -> pl.Series:
    """Return ids as Categorical (text of a file), String, Int64, or UInt64 if needed.

    Raises:
        DataError: an id is missing, or is neither an integer nor text.
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


def _ratings(column: pl.Series, name: str, place: Place) -> tuple[NDArray[np.float32], str]:
    _no_gaps(column, name, place, f"every row needs a rating; {option('rating', False)} leaves the column out")
    spelled = spellings.from_text(column, name, place) if column.dtype in (pl.String, pl.Boolean) else None
    numbers, how = spelled or (_numbers(column, name, place, "is no number"), "")
    single = array_of(numbers, np.float32)
    fine = np.isfinite(single)
    if not fine.all():
        refuse(column, pl.Series(~fine), name, place, "is no finite number; ratings are finite")
    return single, how


def _times(
    column: pl.Series, name: str, place: Place, unit: str | None, date_format: str | None
) -> tuple[NDArray[np.float64], str]:
    _no_gaps(column, name, place, f"every row needs a time; {option('time', False)} leaves the column out")
    if column.dtype in (pl.Date, pl.Datetime):
        return array_of(times.from_dates(column), np.float64), times.DATES
    if date_format is not None:
        column = column.cast(pl.Int64 if column.dtype.is_float() else column.dtype).cast(pl.String)
    if column.dtype == pl.String and (
        date_format is not None or column.cast(pl.Float64, strict=False).null_count() == len(column)
    ):
        return array_of(dates.from_text(column, name, place, date_format), np.float64), times.DATES
    if not column.dtype.is_integer():
        numbers = _numbers(column, name, place, "is no time")
        refuse(column, ~numbers.is_finite(), name, place, "is no finite number")
        column = numbers
    seconds, how = times.from_numbers(column, unit, name, place)
    return array_of(seconds, np.float64, lambda chunk: chunk.cast(pl.Float64).to_numpy()), how


def _days(table: Table) -> NDArray[np.float64]:
    """Return the unix seconds of columns of year, month and day."""
    parts = []
    for name in table.roles.date:
        column = table.columns[name]
        _no_gaps(column, name, table.place, f"every row needs a date; {option('time', False)} leaves it out")
        parts.append(_numbers(column, name, table.place, "is no number").to_numpy().astype(np.int64))
    seconds = dates.from_parts(*parts)
    if not np.isfinite(seconds).all():
        row = int(np.argmin(np.isfinite(seconds)))
        year, month, day = (int(part[row]) for part in parts)
        raise DataError(f"{table.place(row)}: year {year}, month {month}, day {day} is no date")
    return seconds


def _numbers(column: pl.Series, name: str, place: Place, problem: str) -> pl.Series:
    """Return a column of numbers, or of text that spells numbers, as Float64. problem: for the message."""
    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
        refuse(column, numbers.is_null(), name, place, problem)
        return numbers
    if not column.dtype.is_numeric():
        raise DataError(f"{place(0)}: column {name!r} holds {kind(column.dtype)}, not numbers; convert it first")
    return column.cast(pl.Float64)


def _no_gaps(column: pl.Series, name: str, place: Place, advice: str) -> None:
    if column.null_count():
        bad = column.is_null()
        message = f"{place(int(bad.arg_max() or 0))}: column {name!r} is empty; {advice}"
        raise RowsError(message, f"column {name!r} is empty", bad)
