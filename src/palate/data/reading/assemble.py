"""Tables -> Interactions: ids become rows, repeated pairs one event, and the order canonical."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data import doubts
from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions
from palate.data.reading.describe import catalogue_inside, read_catalogue
from palate.data.reading.ordering import sort_and_deduplicate
from palate.data.reading.tables import Table, ids_of, ratings_of, times_of
from palate.data.reading.unused import unused_notes
from palate.data.vocabulary import Vocabulary
from palate.errors import DataError
from palate.options import ReadingOptions


def assemble(tables: Sequence[Table], options: ReadingOptions, items: Any) -> Interactions:
    """Join the tables, in order, to one set of interactions. items: a path or frame, None if there is none.

    It works column by column: a column may be read at its access, and then leaves its memory to the next.

    Raises:
        DataError: an id, rating or time is invalid; the table has one user or one item only; ids are text in one file
            and integers in another; or a file changed while it was read.
    """
    user_ids, users = _encoded("user", tables)
    item_ids, rows = _encoded("item", tables)
    spelled = [ratings_of(table) for table in tables]
    ratings = _stacked([part for part, _ in spelled])
    parts = [times_of(table, options.time_unit, options.date_format) for table in tables]
    times, units = _stacked([part for part, _ in parts]), {unit for _, unit in parts}
    if len(units) > 1:
        kinds = ", ".join(sorted(units))
        raise DataError(f"{_sources(tables)}: times differ in kind between files ({kinds}); make them alike")
    if any(column is not None and len(column) != len(users) for column in (rows, ratings, times)):
        raise DataError(f"{_sources(tables)}: changed while it was read; read it again")
    for vocabulary, coded in ((user_ids, users), (item_ids, rows)):
        _check_ids(vocabulary, coded, tables)
    catalogue, catalogue_notes = _catalogue(tables, rows, item_ids, items, options)
    whole = Interactions(users, rows, ratings, times, user_ids, item_ids, catalogue)
    said = [note for table in tables for note in table.notes]
    unused = unused_notes(tables[0], options, () if items is not None else tables[0].item_columns.values())
    notes = (_summary(tables, whole, spelled[0][1], units.pop()), *unused, *said, *_doubts(whole), *catalogue_notes)
    events = sort_and_deduplicate(whole)  # it sorts the arrays in place: the notes come first
    return replace(events, notes=(*notes, *_repeats_note(whole, events)))


def _sources(tables: Sequence[Table]) -> str:
    names = [table.name for table in tables]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _encoded(kind: Literal["user", "item"], tables: Sequence[Table]) -> tuple[Vocabulary, NDArray[np.int32]]:
    return Vocabulary.encode(kind, _joined([ids_of(table, kind) for table in tables], tables))


def _check_ids(vocabulary: Vocabulary, rows: NDArray[np.int32], tables: Sequence[Table]) -> None:
    """Raise DataError if an id is empty or has a null byte, or if there is only one id."""
    column = getattr(tables[0].roles, vocabulary.kind)
    if vocabulary.is_text:
        bad = (vocabulary.ids == "") | vocabulary.ids.str.contains("\0")
        for row in bad.arg_true().head(1):
            problem = "has a null byte; remove it" if vocabulary.id(row) else "is empty; every row needs an id"
            raise DataError(f"{_place(tables, int(np.argmax(rows == row)))}: column {column!r} {problem}")
    if len(vocabulary) < 2:
        raise DataError(
            f"{_sources(tables)}: one {vocabulary.kind} only, {vocabulary.id(0)!r}, in all {len(rows):,} rows; "
            f"is {column!r} the {vocabulary.kind} column?"
        )


def _place(tables: Sequence[Table], row: int) -> str:
    """Return the place of a row of the joined tables."""
    for table in tables:
        length = len(table.columns[table.roles.user])
        if row < length:
            break
        row -= length
    return table.place(row)


def _joined(columns: list[pl.Series], tables: Sequence[Table]) -> pl.Series:
    text = next((column.dtype for column in columns if isinstance(column.dtype, pl.Categorical)), None)
    if text is not None:  # delimited text, where some files have only integers in their usual spelling
        columns = [column.cast(pl.String).cast(text) for column in columns]
    if any(isinstance(column.dtype, pl.UInt64) for column in columns) and all(c.dtype.is_integer() for c in columns):
        columns = [column.cast(pl.UInt64, strict=False) for column in columns]
    first = columns[0].dtype
    for column, table in zip(columns, tables, strict=True):
        if column.dtype != first or column.null_count():
            raise DataError(
                f"{table.name}: ids are {column.dtype} here and {first} in {tables[0].name}; make them alike"
            )
    return columns[0] if len(columns) == 1 else pl.concat(columns)


def _stacked(parts: Sequence[NDArray[Any] | None]) -> Any:
    present = [part for part in parts if part is not None]
    if not present:
        return None
    return present[0] if len(present) == 1 else np.concatenate(present)


def _doubts(whole: Interactions) -> Iterator[str]:
    """Yield a note on each thing that makes the ratings or the ids doubtful."""
    doubtful = [*doubts.of_ids(whole.user_ids, whole.users), *doubts.of_ids(whole.item_ids, whole.items)]
    if whole.ratings is not None:
        doubtful += doubts.of_ratings(whole.ratings)
    for finding in doubtful:
        yield f"{finding.count:,} {finding.what}: {finding.advice}"


def _repeats_note(whole: Interactions, events: Interactions) -> tuple[str, ...]:
    """Return a note on the rows that were removed because a later one has the same user and item, if any."""
    repeats = len(whole) - len(events)
    which = "last" if whole.times is None else "latest"
    return (f"{repeats:,} rows repeat a (user, item) pair: the {which} row of each pair is kept",) if repeats else ()


def _summary(tables: Sequence[Table], whole: Interactions, spelling: str, unit: str) -> str:
    """Return one line on what was read: the size of the table, and the column of each role."""
    roles, layout = tables[0].roles, tables[0].layout
    columns = [f"user={roles.user}", f"item={roles.item}"]
    if roles.rating is not None and whole.scale is not None:
        low, high = whole.scale
        columns.append(f"rating={roles.rating} ({low:g} to {high:g}{', ' if spelling else ''}{spelling})")
    else:
        columns.append("no ratings")
    columns.append(f"time={', '.join(roles.date) or roles.time} ({unit})" if unit else "no times")
    size = f"{len(whole):,} rows, {whole.n_users:,} users, {whole.n_items:,} items"
    return f"read {_sources(tables)}: {size}; {', '.join(columns)}{', ' if layout else ''}{layout}"


def _catalogue(
    tables: Sequence[Table], rows: NDArray[np.int32], item_ids: Vocabulary, items: Any, options: ReadingOptions
) -> tuple[Catalogue, tuple[str, ...]]:
    if items is not None:
        return read_catalogue(items, item_ids, options, tables[0].roles.item)
    names = tables[0].item_columns
    if not names:
        return Catalogue.empty(len(item_ids)), ()
    columns = {field: pl.concat([table.columns[table.item_columns[field]] for table in tables]) for field in names}
    return catalogue_inside(columns, names, rows, len(item_ids))
