"""Tables of items -> ids, titles, texts and categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from palate.data.reading.categories import categories, sentence, split_at
from palate.data.reading.columns import KNOWN, Roles, listed, named, plain, shortened, words
from palate.data.reading.delimited import columns, place_in
from palate.data.reading.files import Raw, as_utf8, is_json, lines, load, unpacked_name
from palate.data.reading.frames import Frame, as_frame, is_frame
from palate.data.reading.jsonlines import json_frame
from palate.data.reading.layouts import lay_out
from palate.data.reading.tables import ids
from palate.data.reading.typed import typed_format, typed_frame
from palate.errors import DataError, OptionError, option
from palate.options import ReadingOptions

GENRES = words(
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
)
"""Genres of the flags of u.item, in order, as u.genre lists them."""

IDS = (
    tuple(name for name in KNOWN["item"][0] if name.endswith(("id", "asin", "isbn"))),
    words("id parentasin"),
    tuple(name for name in KNOWN["item"][1] if name.endswith("id")),
    KNOWN["item"][0],
)
KEYS = ("id", "uri", "url", "key", "code", "idx", "number", "no")
"""Endings of a column of ids: what is before them names the item, as track of track_uri and track_name."""

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
    fields = _fields(free, (*_titles(roles.item), *TITLE[:-1]), CATEGORIES[:-1])
    best = {"title": fields.titles[:1], "categories": fields.categories[:1]}
    return {field: columns[0] for field, columns in best.items() if columns}


def read_items(source: Any, options: ReadingOptions, item: str) -> ItemsTable:
    """Read a table of items: a frame, or a path to delimited text, JSON lines or Parquet.

    item: the column of item ids in the ratings; a column of that name has the ids here too.

    Raises:
        DataError: the file cannot be read, or no single column can hold the ids.
        OptionError: the source is neither a path nor a frame.
    """
    if is_frame(source):
        return _typed(as_frame(source, "items"), options, item)
    if not isinstance(source, str | PathLike):
        raise OptionError(f"items is a {type(source).__name__}; give a path or a frame")
    path = Path(source)
    raw = load(fspath(source))
    if format := typed_format(raw):
        return _typed(typed_frame(raw, format, None, options.sheet), options, item)
    raw = as_utf8(raw, options.encoding)
    return _typed(json_frame(raw), options, item) if is_json(raw) else _delimited(path, raw, options, item)


def _typed(frame: Frame, options: ReadingOptions, item: str) -> ItemsTable:
    id_name = _id_column(frame.name, frame.names, options, item)
    fields = _fields_beside(id_name, frame.names)
    values = {name: column.to_list() for name, column in frame.raw_columns(fields.names).items()}
    column = ids(frame.columns([id_name])[id_name], id_name, frame.place)
    table = _table(frame.name, column, True, fields, values)
    return replace(table, notes=(*table.notes, *_unused(frame.name, frame.names, id_name, fields)))


def _delimited(path: Path, raw: Raw, options: ReadingOptions, item: str) -> ItemsTable:
    name = unpacked_name(path).lower()
    if name == "u.item":
        return _flagged(raw, _genre_names(path), replace(options, separator="|", quotes=False))
    movielens = name == "movies.dat"  # it has no header
    known = replace(options, separator="::" if movielens else None)
    raw, layout = lay_out(raw, known, has_header=not movielens)
    if movielens and layout.width != 3:
        raise DataError(f"{raw.name}: {layout.width} columns where MovieLens has 3; rename it if it is another file")
    id_name = "1" if movielens else _id_column(raw.name, layout.names, options, item)
    fields = Fields(["2"], [], ["3"]) if movielens else _fields_beside(id_name, layout.names)
    frame = columns(raw, layout, dict.fromkeys([id_name, *fields.names], pl.String()))
    column = ids(frame.get_column(id_name), id_name, place_in(raw, layout))
    values = {series.name: series.to_list() for series in frame}
    table = _table(raw.name, column, False, fields, values)
    unused = _unused(raw.name, layout.names, id_name, fields)
    return replace(table, notes=(*layout.notes, *table.notes, *unused))


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
    split = split_at(grouped)
    return ItemsTable(
        name,
        column,
        typed,
        [sentence(value) for value in titles],
        [sentence(value) for value in texts],
        categories(grouped),
        (f"categories of items: column {fields.categories[0]!r}{split}",) if split else (),
    )


def _unused(where: str, names: Sequence[str], id_name: str, fields: Fields) -> tuple[str, ...]:
    """Return a note that names the columns of which nothing is used, if any."""
    used = {id_name, *fields.titles[:1], *fields.texts, *fields.categories[:1]}
    unused = [name for name in names if name not in used]
    return (f"columns of {where} not used: {shortened(unused)}",) if unused else ()


def _id_column(where: str, names: Sequence[str], options: ReadingOptions, item: str) -> str:
    if options.item_id is not None and options.item_id is not False:
        return named(where, names, options.item_id)
    same = [name for name in names if plain(name) == plain(item)]
    same_id = [name for name in names if plain(name) == f"{plain(item)}id"]
    for matches in (same_id if same else [], [name for name in same if name == item], same):
        if len(matches) == 1:
            return matches[0]
    for group in IDS:
        matches = [name for name in names if plain(name) in group]
        if len(matches) > 1:
            raise DataError(
                f"{where}: {' and '.join(map(repr, matches))} could each be the item's id; name one: "
                f"{option('item_id', matches[0])}"
            )
        if matches:
            return matches[0]
    raise DataError(f"{where}: no column of item ids among {listed(names)}; name it: {option('item_id', '…')}")


def _fields_beside(id_name: str, names: Sequence[str]) -> Fields:
    free = {plain(name): name for name in reversed(names) if name != id_name}
    return _fields(free, (*_titles(id_name), *TITLE))


def _titles(id_name: str) -> tuple[str, ...]:
    """Return the names of a title beside ids, as tracktitle and trackname beside track_uri."""
    name = plain(id_name)
    thing = next((name.removesuffix(key) for key in KEYS if name.endswith(key)), name)
    return (f"{thing}title", f"{thing}name") if thing else ()


def _fields(free: Mapping[str, str], titles: Sequence[str] = TITLE, categories: Sequence[str] = CATEGORIES) -> Fields:
    """Return the fields among the columns of {plain name: name} by their common names."""
    return Fields(*([free[name] for name in known if name in free] for known in (titles, TEXT, categories)))
