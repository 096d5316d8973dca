"""Dates, as text and as numbers such as 20240131 -> unix seconds; a date without a time zone is UTC."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.reading.values import Place, refuse, shown
from palate.errors import DataError, OptionError, option

WORDED = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
"""Days with the name of the month."""

CLOCKS = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ", %H:%M:%S", ", %I:%M:%S %p", "T%H:%M:%S%.f")
"""What may follow a day of `WORDED` or `NUMERIC`."""

FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f UTC",  # REES46
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y.%m.%d %H:%M:%S%.f",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%d %H:%M:%S",
    "%a %b %d %H:%M:%S %z %Y",  # Goodreads, Twitter
    "%a %b %d %H:%M:%S UTC %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%d/%b/%Y:%H:%M:%S %z",  # web servers
    *(f"{day}{clock}" for day in WORDED for clock in CLOCKS),
    "%m %d, %Y",  # Amazon's reviewTime
)
"""Formats of dates as text, tried in this order."""

NUMERIC = r"^(\d{1,2})([/.\-])(\d{1,2})[/.\-](\d{4}|\d{2})\b"
"""A day and a month in either order, then a year."""

FIRST_SECOND = -30_610_224_000.0
"""1 January of the year 1000: an earlier date is a year of two digits read as one of four."""

DIGITS = (8, 12, 14)
"""The digits of 20240131, 202401312359 and 20240131235959."""


class EitherOrderError(DataError):
    """Dates of a column that may have the day or the month first."""


def from_text(text: pl.Series, name: str, place: Place, date_format: str | None = None) -> pl.Series:
    """Convert dates as text, without nulls, to unix seconds. date_format: None to detect it.

    Raises:
        DataError: a text is no date that Palate knows, or its day and month may be either way round.
        OptionError: no text of the column has the named format.
    """
    if date_format is not None:
        return _in_format(text, name, place, date_format)
    text = text.str.strip_chars()
    seconds = pl.Series(np.full(len(text), np.nan)).fill_nan(None)
    while seconds.null_count():
        missing = seconds.is_null()
        first = text[missing.arg_max() or 0]
        numeric = re.match(NUMERIC, first)
        patterns = FORMATS if numeric is None else _numeric_formats(text.filter(missing), name, place, missing)
        fits = next((pattern for pattern in patterns if not _parsed(pl.Series([first]), pattern).null_count()), None)
        if fits is None:
            hint = f"is no date that Palate knows; write it as 2024-01-31 12:00:00, or say {option('date_format', '…')}"
            refuse(text, missing, name, place, hint)
            break
        seconds = seconds.scatter(missing.arg_true(), _parsed(text.filter(missing), fits))
    return seconds


def _in_format(text: pl.Series, name: str, place: Place, date_format: str) -> pl.Series:
    seconds = _parsed(text, date_format)
    if len(text) and seconds.null_count() == len(text):
        raise OptionError(
            f"date_format is {date_format!r}, which no value of column {name!r} has, such as {shown(text[0])}; "
            "it needs year, month and day, such as '%d/%m/%Y'"
        )
    refuse(text, seconds.is_null(), name, place, f"has not the date format {date_format!r}")
    return seconds


def _parsed(text: pl.Series, pattern: str) -> pl.Series:
    """Return unix seconds, null where the text has not this format."""
    try:
        dates = text.str.to_datetime(pattern, time_unit="us", strict=False)
    except pl.exceptions.PolarsError:
        return pl.repeat(None, len(text), dtype=pl.Float64, eager=True)
    seconds = (dates.to_physical().cast(pl.Float64) / 1e6).to_numpy(writable=True)
    seconds[seconds < FIRST_SECOND] = np.nan
    return pl.Series(seconds).fill_nan(None)


def _numeric_formats(text: pl.Series, name: str, place: Place, missing: pl.Series) -> list[str]:
    """Return the formats of texts such as 31/1/2024: whether the day or the month is first follows from all of them.

    Raises:
        DataError: each order fits, or none does.
    """
    groups = text.str.extract_groups(NUMERIC).struct
    fields = groups.fields
    first, second = (groups.field(fields[i]).cast(pl.Int32) for i in (0, 2))
    sign = groups.field(fields[1]).drop_nulls()[0]
    year = "%Y" if len(groups.field(fields[3]).drop_nulls()[0]) == 4 else "%y"
    orders = {True: f"%d{sign}%m{sign}{year}", False: f"%m{sign}%d{sign}{year}"}
    day_first, day_second = (first > 12).fill_null(False), (second > 12).fill_null(False)
    rows = missing.arg_true()
    if day_first.any() and day_second.any():
        one, other = int(day_first.arg_max() or 0), int(day_second.arg_max() or 0)
        raise DataError(
            f"{place(rows[other])}: column {name!r} has the month first, {text[other]!r}, but the day first at "
            f"{place(rows[one])}, {text[one]!r}; write dates as 2024-01-31"
        )
    if sign != "." and not day_first.any() and not day_second.any():
        clock = next((c for c in CLOCKS if not _parsed(text[:1], orders[True] + c).null_count()), "")
        raise EitherOrderError(
            f"{place(rows[0])}: column {name!r} may have the day or the month first, such as {text[0]!r}: say "
            f"{option('date_format', orders[True] + clock)} or {option('date_format', orders[False] + clock)}"
        )
    order = orders[bool(day_first.any()) or (sign == "." and not day_second.any())]
    return [order + clock for clock in CLOCKS]


def from_digits(numbers: pl.Series) -> pl.Series | None:
    """Convert numbers such as 20240131 or 20240131235959, without nulls, to unix seconds; None if one is none."""
    low, high = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type]
    digits = next((n for n in DIGITS if low // 10 ** (n - 4) >= 1900 and high // 10 ** (n - 4) < 2100), None)
    if digits is None:
        return None
    values = numbers.cast(pl.Int64).to_numpy() * 10 ** (14 - digits)
    days, clock = np.divmod(values, 10**6)
    seconds = from_parts(days // 10_000, days // 100 % 100, days % 100)
    hours, minutes, rest = clock // 10_000, clock // 100 % 100, clock % 100
    valid = np.isfinite(seconds) & (hours < 24) & (minutes < 60) & (rest < 60)
    return pl.Series(seconds + hours * 3600 + minutes * 60 + rest) if valid.all() else None


def from_parts(years: NDArray[np.int64], months: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the unix seconds of the beginning of each day, (n,); NaN where there is no such day."""
    month = (years - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (months - 1)
    day = month.astype("datetime64[D]") + (days - 1)
    exists = (months >= 1) & (months <= 12) & (days >= 1) & (day.astype("datetime64[M]") == month)
    return np.where(exists, day.astype("datetime64[s]").astype(np.float64), np.nan)
