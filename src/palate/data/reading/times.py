"""Times of every kind -> unix seconds."""

import polars as pl

from palate.data.reading.columns import EARLIEST_SECONDS
from palate.data.reading.dates import from_digits
from palate.data.reading.values import Place
from palate.errors import DataError, OptionError, option

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WORDS = {"s": "unix seconds", "ms": "unix milliseconds", "us": "unix microseconds", "ns": "unix nanoseconds"}
ORDER, DATES = "order only", "dates, UTC"


def check_unit(unit: str | None) -> None:
    """Raise OptionError if the unit is unknown."""
    if unit is not None and unit not in (*PER_SECOND, "order"):
        raise OptionError(f"time_unit is {unit!r}: it must be one of {', '.join(PER_SECOND)}, order")


def from_numbers(times: pl.Series, unit: str | None, column: str, place: Place) -> tuple[pl.Series, str]:
    """Convert numbers without nulls to unix seconds; return also the kind of times, such as "unix milliseconds".

    Raises:
        DataError: no unit is given, and the numbers have several.
    """
    if unit is None:
        seconds = from_digits(times)
        if seconds is not None:
            return seconds, DATES
        unit = _one_unit(times, column, place)
    if unit == "order":
        return times, ORDER
    return _seconds(times, PER_SECOND[unit]), WORDS[unit]


def _one_unit(times: pl.Series, column: str, place: Place) -> str:
    low_at, high_at = int(times.arg_min() or 0), int(times.arg_max() or 0)
    low, high = _unit(float(times[low_at])), _unit(float(times[high_at]))
    if low not in (high, "order"):
        latest, earliest = f"{WORDS[high]} ({times[high_at]:.0f})", f"{WORDS[low]} ({times[low_at]:.0f})"
        raise DataError(
            f"{place(high_at)}: column {column!r} looks like {latest}, but like {earliest} at {place(low_at)}; "
            f"if all times have one unit, say {option('time_unit', high)}"
        )
    return high


def _unit(time: float) -> str:
    if abs(time) < EARLIEST_SECONDS:
        return "order"
    return next((unit for unit in ("s", "ms", "us") if abs(time) < 1e11 * PER_SECOND[unit]), "ns")


def _seconds(times: pl.Series, per_second: int) -> pl.Series:
    """Convert to seconds, exact to the microsecond: of integers, whole seconds and the remainder are added last."""
    if per_second == 1:
        return times
    if times.dtype.is_integer() and per_second > PER_SECOND["us"]:
        return (times // per_second).cast(pl.Float64) + (times % per_second).cast(pl.Float64) / per_second
    return times.cast(pl.Float64) / float(per_second)


def from_dates(dates: pl.Series) -> pl.Series:
    """Convert a Date or Datetime column to unix seconds; dates without a time zone are UTC."""
    unit = dates.dtype.time_unit if isinstance(dates.dtype, pl.Datetime) else "us"
    return _seconds(dates.cast(pl.Datetime(unit)).to_physical(), PER_SECOND[unit])
