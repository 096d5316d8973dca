"""A table of items as it was read: ids, titles, text, categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

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

GENRES = words(
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
)
"""The flags of u.item, in order, as u.genre lists them."""

NO_GENRES = "(no genres listed)"

IDS = (
    tuple(name for name in KNOWN["item"][0] if name.endswith(("id", "asin", "isbn"))),
    words("id parentasin"),
    KNOWN["item"][0],
)
TITLE = words("title movietitle itemtitle producttitle booktitle productname itemname moviename name")
CATEGORIES = words("genres genre categories category class")
TEXT = words("brand text description overview summary plot abstract")
"""What the columns of an items table are called, as `plain` writes it; of several titles the first here is taken."""


@dataclass(frozen=True)
class ItemsTable:
    """n items as read, repeats and strangers among them."""

    name: str
    ids: pl.Series  # (n,)
    typed: bool  # False for ids out of delimited text, which has no types of its own
    titles: list[str | None]
    texts: list[str | None]
    categories: list[list[str]]


def said_of_items(names: Sequence[str], roles: Roles) -> dict[str, str]:
    """The columns of a ratings table that tell of the item, by what they tell; not 'name', which may be the user's."""
    free = {plain(name): name for name in reversed(names) if name not in roles.taken}
    known = {"title": TITLE[:-1], "categories": CATEGORIES[:-1]}
    found = {what: [free[name] for name in of if name in free] for what, of in known.items()}
    return {what: of[0] for what, of in found.items() if of}


def read_items(source: Any, encoding: str | None) -> ItemsTable:
    """Any table of items: a frame, or a path to delimited text, JSON lines or Parquet.

    Raises:
        DataError: the file cannot be read, or which column holds the ids is not to be told.
    """
    if is_frame(source):
        return _typed(as_frame(source, "items"))
    if not isinstance(source, str | PathLike):
        raise OptionError(f"items is a {type(source).__name__}; give a path or a frame")
    path = Path(source)
    raw = load(path)
    if raw.head.startswith(PARQUET):
        return _typed(parquet_frame(raw))
    raw = as_utf8(raw, encoding)
    return _typed(json_frame(raw)) if is_json(raw) else _delimited(path, raw)


def _typed(frame: Frame) -> ItemsTable:
    id_name = _id_column(frame.name, frame.names)
    what = _columns(frame.names, id_name)
    found = frame.raw_columns([name for held in what.values() for name in held])
    values = {name: column.to_list() for name, column in found.items()}
    column = ids(frame.columns([id_name])[id_name], id_name, frame.place)
    return _table(frame.name, column, True, what, values)


def _delimited(path: Path, raw: Raw) -> ItemsTable:
    name = unpacked_name(path).lower()
    if name == "u.item":
        return _flagged(raw, _genre_names(path))
    bare = name == "movies.dat"
    raw, layout = lay_out(raw, "::" if bare else None, has_header=not bare)
    if bare and layout.width != 3:
        raise DataError(f"{raw.name}: {layout.width} columns where MovieLens has 3; rename it if it is another file")
    id_name = "1" if bare else _id_column(raw.name, layout.names)
    what = {"title": ["2"], "text": [], "categories": ["3"]} if bare else _columns(layout.names, id_name)
    wanted = [id_name, *(each for held in what.values() for each in held)]
    frame = columns(raw, layout, dict.fromkeys(wanted, pl.String()))
    column = ids(frame.get_column(id_name), id_name, place_in(raw, layout))
    return _table(raw.name, column, False, what, {each.name: each.to_list() for each in frame})


def _flagged(raw: Raw, genres: Sequence[str]) -> ItemsTable:
    """u.item: number, title, two dates, an address, then a flag per genre."""
    raw, layout = lay_out(raw, "|", has_header=False)
    if layout.width != 5 + len(genres):
        raise DataError(
            f"{raw.name}: {layout.width} columns where 5 and a flag for each of {len(genres)} genres belong"
        )
    frame = columns(raw, layout, dict.fromkeys(layout.names, pl.String()))
    flags = frame.select(layout.names[5:]).rows()
    marked = [[genre for genre, flag in zip(genres, row, strict=True) if flag == "1"] for row in flags]
    column = ids(frame.get_column("1"), "1", place_in(raw, layout))
    titles = [sentence(title) for title in frame.get_column("2").to_list()]
    return ItemsTable(raw.name, column, False, titles, [None] * len(titles), marked)


def _genre_names(path: Path) -> Sequence[str]:
    """The names in u.genre beside u.item, or those that MovieLens 100K has."""
    beside = path.with_name("u.genre")
    if not beside.is_file():
        return GENRES
    named = [line.rpartition("|")[0] for line in lines(load(beside)) if "|" in line]
    return named or GENRES


def _table(
    name: str, column: pl.Series, typed: bool, what: dict[str, list[str]], values: dict[str, list[Any]]
) -> ItemsTable:
    nothing: list[Any] = [None] * len(column)
    titles = next((values[each] for each in what["title"]), nothing)
    grouped = next((values[each] for each in what["categories"]), nothing)
    texts = list(zip(*(values[each] for each in what["text"]), strict=True)) if what["text"] else nothing
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
        found = [name for name in names if plain(name) in group]
        if len(found) > 1:
            raise DataError(f"{where}: {' and '.join(map(repr, found))} could each be the item's id; leave one")
        if found:
            return found[0]
    raise DataError(f"{where}: no column of item ids among {listed(names)}; call it item_id")


def _columns(names: Sequence[str], id_name: str) -> dict[str, list[str]]:
    """'title', 'text', 'categories' -> the columns that hold it, best first."""
    free = {plain(name): name for name in reversed(names) if name != id_name}
    known = {"title": TITLE, "text": TEXT, "categories": CATEGORIES}
    return {what: [free[name] for name in of if name in free] for what, of in known.items()}


def sentence(value: Any) -> str | None:
    """Any value as text, lists joined by blanks; None where nothing is said."""
    return " ".join(_words(value)) or None


def categories(values: Sequence[Any]) -> list[list[str]]:
    """'A|B' or ['A', 'B'] or nothing, per item -> its categories, each once."""
    return [[*dict.fromkeys(each for word in _words(value) for each in _parts(word))] for value in values]


def _parts(word: str) -> list[str]:
    return [part.strip() for part in word.split("|") if part.strip() not in ("", NO_GENRES)]


def _words(value: Any) -> list[str]:
    """The texts in a value, however deep its lists."""
    if isinstance(value, list | tuple | pl.Series | np.ndarray):
        return [word for each in value for word in _words(each)]
    if value is None or value != value:
        return []
    word = str(value).strip()
    return [word] if word else []
