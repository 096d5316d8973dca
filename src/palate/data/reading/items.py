"""Tables of items -> ids, titles, texts and categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from palate.data.reading.columns import KNOWN, Roles, listed, plain, words
from palate.data.reading.delimited import columns, place_in
from palate.data.reading.files import PARQUET, Raw, as_utf8, is_json, lines, load, unpacked_name
from palate.data.reading.frames import Frame, as_frame, is_frame, parquet_frame
from palate.data.reading.jsonlines import json_frame
from palate.data.reading.layouts import lay_out
from palate.data.reading.tables import ids
from palate.errors import DataError, OptionError
from palate.options import ReadingOptions

GENRES = words(
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
)
"""Genres of the flags of u.item, in order, as u.genre lists them."""

NO_GENRES = "(no genres listed)"

IDS = (
    tuple(name for name in KNOWN["item"][0] if name.endswith(("id", "asin", "isbn"))),
    words("id parentasin"),
    KNOWN["item"][0],
)
TITLE = words("title movietitle itemtitle producttitle booktitle productname itemname moviename name")
CATEGORIES = words("genres genre categories category class")
TEXT = words("brand text description overview summary plot abstract")
"""Common names of an items table's columns as `plain` writes them; of several titles the first one here is used."""


class Fields(NamedTuple):
    """The columns of an items table by what they hold, best first."""

    titles: list[str]
    texts: list[str]
    categories: list[str]

    @property
    def names(self) -> list[str]:
        """All of the columns."""
        return [*self.titles, *self.texts, *self.categories]


@dataclass(frozen=True)
class ItemsTable:
    """A table of n items as read; ids may repeat, and items may have no ratings."""

    name: str
    ids: pl.Series  # (n,)
    typed: bool  # False for ids of delimited text, which has no types
    titles: list[str | None]
    texts: list[str | None]
    categories: list[list[str]]
    notes: tuple[str, ...] = ()


def item_columns(names: Sequence[str], roles: Roles) -> dict[str, str]:
    """Return the columns of a ratings table that describe items, as {"title": column, "categories": column}.

    The last name of each list, such as 'name', is left out: the column may describe the user.
    """
    free = {plain(name): name for name in reversed(names) if name not in roles.taken}
    fields = _fields(free, TITLE[:-1], CATEGORIES[:-1])
    best = {"title": fields.titles[:1], "categories": fields.categories[:1]}
    return {field: columns[0] for field, columns in best.items() if columns}


def read_items(source: Any, options: ReadingOptions) -> ItemsTable:
    """Read a table of items: a frame, or a path to delimited text, JSON lines or Parquet.

    Raises:
        DataError: the file cannot be read, or no single column can hold the ids.
        OptionError: the source is neither a path nor a frame.
    """
    if is_frame(source):
        return _typed(as_frame(source, "items"))
    if not isinstance(source, str | PathLike):
        raise OptionError(f"items is a {type(source).__name__}; give a path or a frame")
    path = Path(source)
    raw = load(fspath(source))
    if raw.head.startswith(PARQUET):
        return _typed(parquet_frame(raw))
    raw = as_utf8(raw, options.encoding)
    return _typed(json_frame(raw)) if is_json(raw) else _delimited(path, raw, options)


def _typed(frame: Frame) -> ItemsTable:
    id_name = _id_column(frame.name, frame.names)
    fields = _fields_beside(id_name, frame.names)
    values = {name: column.to_list() for name, column in frame.raw_columns(fields.names).items()}
    column = ids(frame.columns([id_name])[id_name], id_name, frame.place)
    return _table(frame.name, column, True, fields, values)


def _delimited(path: Path, raw: Raw, options: ReadingOptions) -> ItemsTable:
    name = unpacked_name(path).lower()
    if name == "u.item":
        return _flagged(raw, _genre_names(path), replace(options, separator="|", quotes=False))
    movielens = name == "movies.dat"  # it has no header
    known = replace(options, separator="::" if movielens else None)
    raw, layout = lay_out(raw, known, has_header=not movielens)
    if movielens and layout.width != 3:
        raise DataError(f"{raw.name}: {layout.width} columns where MovieLens has 3; rename it if it is another file")
    id_name = "1" if movielens else _id_column(raw.name, layout.names)
    fields = Fields(["2"], [], ["3"]) if movielens else _fields_beside(id_name, layout.names)
    frame = columns(raw, layout, dict.fromkeys([id_name, *fields.names], pl.String()))
    column = ids(frame.get_column(id_name), id_name, place_in(raw, layout))
    values = {series.name: series.to_list() for series in frame}
    return replace(_table(raw.name, column, False, fields, values), notes=layout.notes)


def _flagged(raw: Raw, genres: Sequence[str], options: ReadingOptions) -> ItemsTable:
    """Read u.item: number, title, two dates, an address, then a flag per genre."""
    raw, layout = lay_out(raw, options, has_header=False)
    if layout.width != 5 + len(genres):
        raise DataError(
            f"{raw.name}: {layout.width} columns where MovieLens has 5 and a flag for each of {len(genres)} genres; "
            "rename it if it is another file"
        )
    frame = columns(raw, layout, dict.fromkeys(layout.names, pl.String()))
    flags = frame.select(layout.names[5:]).rows()
    marked = [[genre for genre, flag in zip(genres, row, strict=True) if flag == "1"] for row in flags]
    column = ids(frame.get_column("1"), "1", place_in(raw, layout))
    titles = [sentence(title) for title in frame.get_column("2").to_list()]
    return ItemsTable(raw.name, column, False, titles, [None] * len(titles), marked)


def _genre_names(path: Path) -> Sequence[str]:
    """Return the genres of u.genre beside u.item, or those of MovieLens 100K."""
    beside = path.with_name("u.genre")
    if not beside.is_file():
        return GENRES
    named = [line.rpartition("|")[0] for line in lines(load(beside)) if "|" in line]
    return named or GENRES


def _table(name: str, column: pl.Series, typed: bool, fields: Fields, values: dict[str, list[Any]]) -> ItemsTable:
    nothing: list[Any] = [None] * len(column)
    titles = next((values[field] for field in fields.titles), nothing)
    grouped = next((values[field] for field in fields.categories), nothing)
    texts = list(zip(*(values[field] for field in fields.texts), strict=True)) if fields.texts else nothing
    return ItemsTable(
        name,
        column,
        typed,
        [sentence(value) for value in titles],
        [sentence(value) for value in texts],
        categories(grouped),
    )


def _id_column(where: str, names: Sequence[str]) -> str:
    for group in IDS:
        matches = [name for name in names if plain(name) in group]
        if len(matches) > 1:
            raise DataError(f"{where}: {' and '.join(map(repr, matches))} could each be the item's id; leave one")
        if matches:
            return matches[0]
    raise DataError(f"{where}: no column of item ids among {listed(names)}; rename that column to item_id")


def _fields_beside(id_name: str, names: Sequence[str]) -> Fields:
    return _fields({plain(name): name for name in reversed(names) if name != id_name})


def _fields(free: Mapping[str, str], titles: Sequence[str] = TITLE, categories: Sequence[str] = CATEGORIES) -> Fields:
    """Return the fields among the columns of {plain name: name} by their common names."""
    return Fields(*([free[name] for name in known if name in free] for known in (titles, TEXT, categories)))


def sentence(value: Any) -> str | None:
    """Return any value as text, lists joined by blanks; None if it is empty."""
    return " ".join(_words(value)) or None


def categories(values: Sequence[Any]) -> list[list[str]]:
    """Return the categories of each item, without repeats, from values such as 'A|B', ['A', 'B'] or None."""
    return [[*dict.fromkeys(part for word in _words(value) for part in _parts(word))] for value in values]


def _parts(word: str) -> list[str]:
    return [part.strip() for part in word.split("|") if part.strip() not in ("", NO_GENRES)]


def _words(value: Any) -> list[str]:
    """Return the texts in a value and its nested lists."""
    if isinstance(value, list | tuple | pl.Series | np.ndarray):
        return [word for element in value for word in _words(element)]
    if value is None or value != value:
        return []
    word = str(value).strip()
    return [word] if word else []
