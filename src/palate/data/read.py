"""Read ratings or events -> Interactions: delimited text, JSON lines, Parquet, lists of items, or a frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, Unpack

import polars as pl

from palate.data.interactions import Interactions
from palate.data.reading.assemble import assemble
from palate.data.reading.blocks import blocks_frame, is_blocks
from palate.data.reading.columns import Choices, listed
from palate.data.reading.delimited import delimited_table
from palate.data.reading.files import Raw, as_utf8, is_array, is_json, load, unpacked_name
from palate.data.reading.folders import SourceFiles, files_of
from palate.data.reading.frames import Frame, as_frame, frame_table, is_frame
from palate.data.reading.items import item_columns
from palate.data.reading.jsonlines import json_frame, lists_table
from palate.data.reading.layouts import Layout, lay_out
from palate.data.reading.rows import filtered_table
from palate.data.reading.skipping import Skipped, sound_json, sound_rows, sound_text
from palate.data.reading.tables import IdTypes, Table
from palate.data.reading.times import check_unit
from palate.data.reading.typed import typed_format, typed_frame
from palate.data.reading.wide import has_header, wide_table
from palate.errors import DataError, OptionError
from palate.options import ReadingKeywords, ReadingOptions, ReadOptions
from palate.system.keywords import collect, takes

Source: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]] | Any
"""A path, several paths of the same layout, a folder, or a pandas, polars or Arrow table."""

TYPED = ("parquet", "sqlite", "excel")
FORMATS = ("csv", "jsonl", "lists", "blocks", "wide", *TYPED)


@takes(ReadOptions)
def read(
    source: Source, *groups: ReadingOptions, items: Source | None = None, **keywords: Unpack[ReadingKeywords]
) -> Interactions:
    """Read ratings, or events without ratings; the result's `notes` say how each column was read.

    Args:
        source: a path (also .gz or .zst), several paths of the same layout, a folder, or a frame.
        groups: `ReadingOptions`, for options that several calls share.
        items: a path or a frame with titles, categories and text of the items.

    Raises:
        DataError: the table breaks a rule; the message names file, row, column and value, and says what to do.
        OptionError: an option is unknown or has an impossible value.
    """
    options = collect(ReadOptions, groups, keywords).reading
    check_unit(options.time_unit)
    if options.format is not None and options.format not in FORMATS:
        raise OptionError(f"format is {options.format!r}: it must be one of {', '.join(FORMATS)}")
    filtered = (*(options.keep or {}), *(options.drop or {}))
    choices = Choices(options.user, options.item, options.rating, options.time, filtered)
    skipped = Skipped()
    if is_frame(source):
        tables = [frame_table(as_frame(source), choices, item_columns)]
    else:
        files = _files(source)
        items = files.items if items is None else items
        tables = _tables(files.ratings, options, choices, skipped)
    tables = [filtered_table(table, options) for table in tables]
    if options.skip_invalid:
        tables = [sound_rows(table, options, skipped) for table in tables]
        tables[0] = replace(tables[0], notes=(*tables[0].notes, *_listed(skipped, options, tables[0].name)))
    return assemble(tables, options, items)


def _listed(skipped: Skipped, options: ReadingOptions, name: str) -> tuple[str, ...]:
    """Write the rows that are left out to a file, and return a note that counts them."""
    if not skipped.rows:
        return ()
    path = Path(f"{Path(unpacked_name(Path(name))).stem}.skipped.csv")
    path = path if isinstance(options.skip_invalid, bool) else Path(options.skip_invalid)
    skipped.write(path)
    return (f"invalid rows left out: {len(skipped.rows):,}; {path} lists them with their problems",)


def _files(source: Source) -> SourceFiles:
    if isinstance(source, str | PathLike):
        path = Path(fspath(source))
        return files_of(path) if path.is_dir() else SourceFiles([fspath(source)])
    if isinstance(source, Sequence) and source and all(isinstance(path, str | PathLike) for path in source):
        return SourceFiles([fspath(path) for path in source])
    raise OptionError(f"cannot read a {type(source).__name__}; give a path, a list of paths, a folder or a frame")


@dataclass(frozen=True)
class Opened:
    """One file, unpacked, with its layout."""

    raw: Raw
    content: Layout | Frame | None  # None for lists, which have no columns

    @property
    def columns(self) -> tuple[object, ...]:
        """The properties that files read together must share."""
        if isinstance(self.content, Layout):
            return (self.content.separator, self.content.header, *self.content.names)
        return () if self.content is None else tuple(sorted(self.content.names))


def _open(path: str | Path, options: ReadingOptions, named: list[str], skipped: Skipped) -> Opened:
    raw = load(path)
    format = options.format or _format(raw)
    if format in TYPED:
        return Opened(raw, typed_frame(raw, format, options.sheet))
    raw = as_utf8(raw, options.encoding)
    if format == "jsonl":
        raw = sound_json(raw, skipped) if options.skip_invalid and not is_array(raw) else raw
        return Opened(raw, json_frame(raw, named))
    if format == "blocks":
        return Opened(raw, blocks_frame(raw))
    if format == "lists":
        return Opened(raw, None)
    raw = sound_text(raw, options, skipped) if options.skip_invalid else raw
    header = None
    if format == "wide":
        header = has_header(raw.name, lay_out(raw, options, has_header=False)[1].rows, options.user)
    return Opened(*lay_out(raw, options, named, header))


def _format(raw: Raw) -> str:
    suffix = Path(unpacked_name(Path(raw.name))).suffix.lower()
    if typed := typed_format(raw):
        return typed
    if suffix in (".parquet", ".pq"):
        return "parquet"
    if is_blocks(raw):
        return "blocks"
    return "jsonl" if is_json(raw) else "csv"


def _tables(paths: Sequence[str | Path], options: ReadingOptions, choices: Choices, skipped: Skipped) -> list[Table]:
    chosen = (choices.user, choices.item, choices.rating, choices.time, *choices.filtered)
    named = [str(name) for name in chosen if name]
    opened = [_open(path, options, named, skipped) for path in paths]
    for other in opened[1:]:
        if other.columns != opened[0].columns:
            raise DataError(
                f"{other.raw.name} has another layout than {opened[0].raw.name} (columns {_names(other)} against "
                f"{_names(opened[0])}); name files of the same layout"
            )
    id_types = IdTypes(pl.Categorical(pl.Categories.random()), pl.Categorical(pl.Categories.random()))
    wide = options.format == "wide"
    return [_table(file, choices, id_types, wide=wide) for file in opened]


def _names(opened: Opened) -> str:
    return "none" if opened.content is None else listed(opened.content.names)


def _table(opened: Opened, choices: Choices, id_types: IdTypes, *, wide: bool) -> Table:
    if wide and isinstance(opened.content, Layout):
        return wide_table(opened.raw, opened.content, choices)
    if isinstance(opened.content, Layout):
        return delimited_table(opened.raw, opened.content, choices, item_columns, id_types)
    if isinstance(opened.content, Frame):
        return frame_table(opened.content, choices, item_columns)
    return lists_table(opened.raw, id_types)
