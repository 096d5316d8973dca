"""A table of items as it was read: ids, titles, text, categories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import polars as pl

from palate.data.columns import KNOWN, Roles, listed, plain
from palate.data.delimited import columns
from palate.data.files import PARQUET, Raw, as_utf8, is_json, lines, load, unpacked_name
from palate.data.frames import Frame, as_frame, is_frame, parquet_frame
from palate.data.jsonlines import json_frame
from palate.data.layouts import lay_out
from palate.data.tables import ids
from palate.errors import DataError, OptionError

GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
"""The flags of u.item, in order, as u.genre lists them."""

NO_GENRES = "(no genres listed)"

NO_GENRES = "(no genres listed)"

IDS = (
    frozenset(name for name in KNOWN["item"][0] if name.endswith(("id", "asin", "isbn"))),
    frozenset({"id", "parentasin", "sku", "isbn"}),
    KNOWN["item"][0],
)
TITLE = [
    "title",
    "movietitle",
    "itemtitle",
    "producttitle",
    "booktitle",
    "productname",
    "itemname",
    "moviename",
    "name",
]
CATEGORIES = ["genres", "genre", "categories", "category", "class"]
TEXT = ["brand", "text", "description", "overview", "summary", "plot", "abstract"]
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
    raw, layout = lay_out(raw, {"u.item": "|", "movies.dat": "::"}.get(name))
    if layout.header:
        id_name = _id_column(raw.name, layout.names)
        what = _columns(layout.names, id_name)
    elif name == "u.item" or layout.width <= 3:
        id_name, what = "1", {"title": ["2"], "text": [], "categories": ["3"] if layout.width == 3 else []}
    else:
        raise DataError(f"{raw.name}: no header over {layout.width} columns; write one, such as item_id,title,genres")
    wanted = layout.names if name == "u.item" else [id_name, *(name for held in what.values() for name in held)]
    frame = columns(raw, layout, dict.fromkeys(wanted, pl.String()))
    values = {each: frame[each].to_list() for each in frame.columns}
    table = _table(raw.name, frame[id_name].alias("id" if not layout.header else id_name), False, what, values)
    return _flagged(table, path, frame) if name == "u.item" else table


def _flagged(table: ItemsTable, path: Path, frame: pl.DataFrame) -> ItemsTable:
    """u.item: the last columns are a flag per genre."""
    genres = _genre_names(path)
    flags = frame.select(frame.columns[-len(genres) :]).rows()
    listed_genres = [[genre for genre, flag in zip(genres, row, strict=True) if flag == "1"] for row in flags]
    return replace(table, categories=listed_genres)


def _genre_names(path: Path) -> list[str]:
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
    if value is None or value != value:
        return []
    if isinstance(value, list | tuple | pl.Series):
        return [word for each in value for word in _words(each)]
    word = str(value).strip()
    return [word] if word else []
