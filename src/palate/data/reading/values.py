"""Python values -> columns of one type, and values as messages show them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from palate.errors import DataError

Place: TypeAlias = Callable[[int], str]
"""A function from a row of data, counted from 0, to its place: 'ratings.csv: line 2'."""

FAMILIES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("true/false", (bool, np.bool_)),  # before integers: a bool is an int to Python
    ("integer", (int, np.integer)),
    ("number", (float, np.floating, Decimal)),
    ("text", (str,)),
    ("date", (date, np.datetime64)),
)


class RowsError(DataError):
    """Some rows of a table break a rule, and the others may be fine."""

    def __init__(self, message: str, problem: str, bad: pl.Series) -> None:
        super().__init__(message)
        self.problem = problem
        self.bad = bad
        """Which rows break it, (n,)."""


def objects_series(values: Sequence[Any]) -> pl.Series:
    """Return Python values as a column of objects, which `from_objects` converts later."""
    return pl.Series(values, dtype=pl.Object)


def from_objects(values: Sequence[Any], name: str, place: Place) -> pl.Series:
    """Return Python values, None if missing, as a column of one type; integers beyond 64 bits become text.

    Raises:
        DataError: the values mix text and numbers, or have a type that Palate does not read.
    """
    of_type = {kind: _family(kind) for kind in {*map(type, values)} - {type(None)}}
    families = set(of_type.values())
    if families <= {"integer"}:
        return integers(values) if families else pl.Series([None] * len(values), dtype=pl.Null)
    if families <= {"integer", "number"}:
        return pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64)
    if families == {"text"}:
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    if families == {"date"}:
        return pl.Series([None if value is None else _moment(value) for value in values], dtype=pl.Datetime("us"))
    present = [row for row, value in enumerate(values) if value is not None]
    first = present[0]
    other = next((row for row in present if of_type[type(values[row])] != of_type[type(values[first])]), None)
    if other is None:
        raise DataError(f"{place(first)}: column {name!r} is {shown(values[first])}; it must hold numbers or text")
    raise DataError(
        f"{place(other)}: column {name!r} mixes types, {shown(values[other])} here and {shown(values[first])} "
        f"at {place(first)}; make them all text or all numbers"
    )


def _family(kind: type) -> str:
    return next((name for name, types in FAMILIES if issubclass(kind, types)), "nested")


def _moment(value: Any) -> datetime:
    """Return a date, naive or with a time zone, as a naive datetime in UTC."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    plain = value.replace(microsecond=value.microsecond, fold=0)
    return plain.astimezone(UTC).replace(tzinfo=None) if plain.tzinfo else plain


def integers(values: Sequence[Any]) -> pl.Series:
    """Return Python integers, None if missing, as Int64, UInt64, or text if 64 bits are too few."""
    present = [int(value) for value in values if value is not None]
    low, high = min(present, default=0), max(present, default=0)
    if low >= -(2**63) and high < 2**63:
        return pl.Series([None if value is None else int(value) for value in values], dtype=pl.Int64)
    if low >= 0 and high < 2**64:
        return pl.Series([None if value is None else int(value) for value in values], dtype=pl.UInt64)
    return pl.Series([None if value is None else str(int(value)) for value in values], dtype=pl.String)


def refuse(column: pl.Series, bad: pl.Series, name: str, place: Place, problem: str) -> None:
    """Raise DataError for the first bad row, if any."""
    if bad.any():
        row = int(bad.arg_max() or 0)
        message = f"{place(row)}: column {name!r} {problem}: {shown(column[row])}"
        raise RowsError(message, f"column {name!r} {problem}", bad)


def shown(value: object, most: int = 60) -> str:
    """Return a value as messages show it, cut short."""
    text = repr(value)
    return text if len(text) <= most else text[:most] + "…"


def kind(dtype: pl.DataType) -> str:
    """Return in words what a column of this type holds."""
    words = {pl.Boolean: "true/false", pl.Null: "nothing", pl.Date: "dates", pl.Datetime: "dates", pl.Binary: "bytes"}
    other = "nested values" if dtype.is_nested() else str(dtype)
    return next((word for known, word in words.items() if dtype == known), other)
