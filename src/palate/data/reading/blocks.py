"""Blocks of an item and its ratings -> Frame: a line `1:` names the item, the lines after it are user,rating,date."""

import re

import polars as pl

from palate.data.reading.files import POLARS_FAILURES, Raw, first_line
from palate.data.reading.frames import Frame
from palate.data.reading.layouts import SAMPLE
from palate.data.vocabulary import as_integers
from palate.errors import DataError

FIRST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\d+:\s*\r?\n\s*\w+,")
"""The beginning of such a file, which the Netflix Prize has."""

NAMES = ["user", "rating", "date"]


def is_blocks(raw: Raw) -> bool:
    """Return whether a file begins with a block."""
    return FIRST.match(raw.head) is not None


def blocks_frame(raw: Raw) -> Frame:
    """Return the Frame of a file of blocks: the columns item, user, rating and date, as far as the lines have them.

    Raises:
        DataError: the file cannot be read, or a line has another number of fields than the others.
    """
    try:
        lines = pl.read_csv(
            raw.content, has_header=False, separator="\x1f", quote_char=None, schema={"line": pl.String}, glob=False
        )
    except POLARS_FAILURES as error:
        raise DataError(f"{raw.name}: cannot be read ({first_line(error)})") from None
    text = pl.col("line").str.strip_chars("\ufeff \t\r")
    numbered = lines.select(line=text).with_row_index("number", offset=1).filter(pl.col("line") != "")
    is_item = pl.col("line").str.ends_with(":")
    rows = (
        numbered.with_columns(item=pl.when(is_item).then(pl.col("line").str.strip_suffix(":")).forward_fill())
        .filter(~is_item)
        .with_columns(fields=pl.col("line").str.split(","))
    )
    if not len(rows):
        raise DataError(f"{raw.name}: items and no ratings; it needs a line for each rating")
    width = len(rows["fields"][0])
    wrong = rows["fields"].list.len() != width
    if wrong.any() or width > len(NAMES):
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"{raw.name}: line {rows['number'][row]} has {len(rows['fields'][row])} fields; in blocks each line after "
            f"the item is {','.join(NAMES[: min(width, len(NAMES))])}"
        )
    columns = {"item": rows["item"]} | {NAMES[i]: rows["fields"].list.get(i).str.strip_chars() for i in range(width)}
    columns |= {name: as_integers(columns[name]) for name in ("item", "user")}
    numbers = rows["number"]
    return Frame(
        raw.name,
        list(columns),
        lambda names: {name: columns[name] for name in names},
        lambda row: f"{raw.name}: line {numbers[row]}",
        lambda name: columns[name].head(SAMPLE),
    )
