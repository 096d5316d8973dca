"""Read a ratings table: delimited text, JSON lines, Parquet, lists of items, or any frame -> Interactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from palate.data.interactions import Interactions
from palate.data.reading.assemble import assemble
from palate.data.reading.columns import Choice, Choices, listed
from palate.data.reading.delimited import delimited_table
from palate.data.reading.files import PARQUET, Raw, as_utf8, is_json, load, unpacked_name
from palate.data.reading.folders import look_through
from palate.data.reading.frames import Frame, as_frame, frame_table, is_frame, parquet_frame
from palate.data.reading.items import said_of_items
from palate.data.reading.jsonlines import json_frame, lists_table
from palate.data.reading.layouts import Layout, lay_out
from palate.data.reading.tables import Table
from palate.data.reading.times import check_unit
from palate.errors import DataError, OptionError

Source: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]] | Any
"""A path, several paths laid out alike, a folder, or a pandas, polars or Arrow table."""

FORMATS = ("csv", "jsonl", "parquet", "lists")


def read(
    source: Source,
    *,
    items: Source | None = None,
    format: str | None = None,
    user: Choice = None,
    item: Choice = None,
    rating: Choice = None,
    time: Choice = None,
    separator: str | None = None,
    time_unit: str | None = None,
    encoding: str | None = None,
) -> Interactions:
    """Ratings, or bare events, of any common layout; what was taken for what stands in the result's `notes`.

    Args:
        source: a path (also .gz or .zst), several paths laid out alike, a folder, or a frame.
        items: what is known of the items, a path or a frame: titles, categories, text.
        format: "csv" (any separator), "jsonl", "parquet" or "lists" (a line is a user and its items, oldest first);
            told by content if not given, save for "lists".
        user, item, rating, time: a column's name or its number from 1; found by name and content if not given;
            `rating=False` and `time=False` leave the column out.
        separator: between the fields of delimited text, one character or more.
        time_unit: "s", "ms", "us", "ns" since 1970, or "order" for numbers that are no dates.
        encoding: of text, UTF-8 if not given.

    Raises:
        DataError: the table breaks a rule; the message names file, row, column and value, and what to do.
        OptionError: an option that makes no sense.
    """
    check_unit(time_unit)
    if format is not None and format not in FORMATS:
        raise OptionError(f"format is {format!r}; it can be {', '.join(FORMATS)}")
    choices = Choices(user, item, rating, time)
    if is_frame(source):
        tables = [frame_table(as_frame(source), choices, said_of_items)]
    else:
        paths, beside = _paths(source)
        items = beside if items is None else items
        tables = _tables(paths, format, separator, encoding, choices)
    return assemble(tables, time_unit, items, encoding)


def _paths(source: Source) -> tuple[list[Path], Path | None]:
    """The files to read, and the items file found beside them in a folder."""
    if isinstance(source, str | PathLike):
        path = Path(fspath(source))
        return look_through(path) if path.is_dir() else ([path], None)
    if isinstance(source, Sequence) and source and all(isinstance(each, str | PathLike) for each in source):
        return [Path(each) for each in source], None
    raise OptionError(f"cannot read a {type(source).__name__}; give a path, a list of paths, a folder or a frame")


@dataclass(frozen=True)
class Opened:
    """One file, unpacked and understood."""

    raw: Raw
    content: Layout | Frame | None  # None for lists, which have no columns

    @property
    def columns(self) -> tuple[object, ...]:
        """What files read together must share."""
        if isinstance(self.content, Layout):
            return (self.content.separator, self.content.header, *self.content.names)
        return () if self.content is None else tuple(sorted(self.content.names))


def _open(path: Path, format: str | None, separator: str | None, encoding: str | None, named: list[str]) -> Opened:
    raw = load(path)
    format = format or _format(raw)
    if format == "parquet":
        return Opened(raw, parquet_frame(raw))
    raw = as_utf8(raw, encoding)
    if format == "jsonl":
        return Opened(raw, json_frame(raw))
    if format == "lists":
        return Opened(raw, None)
    return Opened(*lay_out(raw, separator, named))


def _format(raw: Raw) -> str:
    suffix = Path(unpacked_name(Path(raw.name))).suffix.lower()
    if raw.head.startswith(PARQUET) or suffix in (".parquet", ".pq"):
        return "parquet"
    return "jsonl" if is_json(raw) else "csv"


def _tables(
    paths: list[Path], format: str | None, separator: str | None, encoding: str | None, choices: Choices
) -> list[Table]:
    named = [str(name) for name in (choices.user, choices.item, choices.rating, choices.time) if name]
    opened = [_open(path, format, separator, encoding, named) for path in paths]
    for other in opened[1:]:
        if other.columns != opened[0].columns:
            raise DataError(
                f"{other.raw.name} is laid out unlike {opened[0].raw.name} (columns {_named(other)} against "
                f"{_named(opened[0])}); name the files that belong together"
            )
    coded = (pl.Categorical(pl.Categories.random()), pl.Categorical(pl.Categories.random()))
    return [_table(each, choices, coded) for each in opened]


def _named(opened: Opened) -> str:
    return "none" if opened.content is None else listed(opened.content.names)


def _table(opened: Opened, choices: Choices, coded: tuple[pl.DataType, pl.DataType]) -> Table:
    if isinstance(opened.content, Layout):
        return delimited_table(opened.raw, opened.content, choices, said_of_items, coded)
    if isinstance(opened.content, Frame):
        return frame_table(opened.content, choices, said_of_items)
    return lists_table(opened.raw, coded)
