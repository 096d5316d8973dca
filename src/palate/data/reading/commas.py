"""Commas in columns of numbers of delimited text: before decimals, or between thousands."""

import re
from collections.abc import Sequence

import polars as pl

from palate.data.reading.columns import as_number
from palate.data.reading.values import Place, refuse, shown
from palate.errors import DataError

THOUSANDS = r"^\s*[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?\s*$"


def comma_style(where: str, name: str, values: Sequence[str]) -> str:
    """Return what the commas in a column are: "decimal", "thousands", or "" if there are none, or no numbers.

    They are between thousands where each stands before three digits, and the numbers without one are below 1,000.

    Raises:
        DataError: each comma stands before three digits, and the numbers without one don't tell what that means.
    """
    marked = [value for value in values if "," in value]
    if not all(re.match(THOUSANDS, value) for value in marked):
        return "decimal" if any(as_number(value) is not None for value in marked) else ""
    if not marked or any(value.count(",") > 1 or "." in value for value in marked):
        return "thousands" if marked else ""
    plain = [as_number(value) for value in values if "," not in value]
    if plain and all(number is not None and abs(number) < 1000 for number in plain):
        return "thousands"
    raise DataError(
        f"{where}: column {name!r} has numbers such as {shown(marked[0].strip())}, with a comma before three digits; "
        "decimals or thousands? Write a point before decimals, and nothing between thousands"
    )


def without_commas(column: pl.Series, style: str, place: Place) -> pl.Series:
    """Return a column of text with decimal points, and nothing between thousands.

    Raises:
        DataError: commas of a column with thousands stand elsewhere too; the message names the first such row.
    """
    if style == "decimal":
        return column.str.replace(",", ".", literal=True)
    bad = column.str.contains(",", literal=True) & ~column.str.contains(THOUSANDS)
    refuse(column, bad.fill_null(False), column.name, place, "has commas between thousands, and here elsewhere")
    return column.str.replace_all(",", "", literal=True)
