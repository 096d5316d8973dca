"""Delimited text -> Table: polars reads it fast; after an error, a second, slow pass locates the line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

import polars as pl

from palate.data.reading.columns import Choices, Roles, as_number, by_content, by_name, listed
from palate.data.reading.commas import comma_style, without_commas
from palate.data.reading.files import POLARS_FAILURES, Raw, first_line
from palate.data.reading.frames import FindItemColumns, OnDemand
from palate.data.reading.layouts import Layout, records
from palate.data.reading.spellings import spelling_of
from palate.data.reading.tables import IdTypes, Table
from palate.data.reading.values import Place
from palate.data.vocabulary import as_integers
from palate.errors import DataError


def delimited_table(
    raw: Raw, layout: Layout, choices: Choices, find_item_columns: FindItemColumns, id_types: IdTypes
) -> Table:
    """Read the columns of a file that have a role or describe items.

    Raises:
        DataError: no column, or more than one, fits a role; rows are ragged, quotes open, or bytes not UTF-8.
    """
    if layout.header:
        roles = by_name(raw.name, layout.names, choices)
    else:
        roles = by_content(raw.name, layout.names, layout.rows, choices)
    item_columns = find_item_columns(layout.names, roles)
    types: dict[str, pl.DataType] = dict.fromkeys(
        (name for name in choices.filtered if name in layout.names), pl.String()
    )
    types |= _types(layout, roles, item_columns, id_types)
    numbers = [name for name in (roles.rating, roles.time) if name is not None]
    styles = {name: comma_style(raw.name, name, layout.values(name)) for name in numbers}
    decimal = layout.separator != "," and "decimal" in styles.values()
    types |= {name: pl.String() for name, style in styles.items() if style == "thousands" or (style and not decimal)}
    place = place_in(raw, layout)
    frame = columns(raw, layout, types, decimal)
    for name, style in styles.items():
        if style and frame[name].dtype == pl.String:
            frame = frame.with_columns(without_commas(frame[name], style, place))
    said = {"decimal": ", decimal comma", "thousands": ", commas between thousands", "": ""}
    commas = "".join(said[style] for style in sorted(set(styles.values())))
    note = f"separator={layout.separator!r}{'' if layout.header else ', no header'}{commas}"
    others = OnDemand(
        [name for name in layout.names if name not in roles.taken],
        lambda name: pl.Series(layout.values(name), dtype=pl.String),
    )
    return Table(raw.name, roles, frame.to_dict(), item_columns, place, others, note, layout.notes)


def place_in(raw: Raw, layout: Layout) -> Place:
    """Return a function that gives the line of a row. It reads the file up to that row, so it is for errors only."""
    numbers: list[int] = []
    rest: list[Iterator[tuple[int, list[str]]]] = []  # of the file, after the rows with these numbers

    def place(row: int) -> str:
        if not rest:
            rest.append(records(raw, layout))
        numbers.extend(line for line, _ in islice(rest[0], max(row + 1 - len(numbers), 0)))
        return f"{raw.name}: line {numbers[row] if row < len(numbers) else row + 1}"

    return place


def _types(layout: Layout, roles: Roles, item_columns: Mapping[str, str], id_types: IdTypes) -> dict[str, pl.DataType]:
    types: dict[str, pl.DataType] = dict.fromkeys(item_columns.values(), pl.String())
    types |= {roles.user: id_types.user, roles.item: id_types.item}
    types |= dict.fromkeys(roles.date, pl.Float64())
    if roles.rating is not None:
        spelled = any(map(spelling_of, layout.values(roles.rating)[:1]))
        types[roles.rating] = pl.String() if spelled else pl.Float64()
    if roles.time is not None:
        dates = any(as_number(value) is None for value in layout.values(roles.time))
        types[roles.time] = pl.String() if dates else pl.Float64()
    return types


def columns(raw: Raw, layout: Layout, types: Mapping[str, pl.DataType], comma: bool = False) -> pl.DataFrame:
    """Read the named columns in these types; a column of numbers that holds something else becomes String.

    A Categorical column becomes Int64, which is faster, if each value is an integer from 0 on in its usual spelling.

    Raises:
        DataError: rows are ragged, quotes open, or bytes not UTF-8.
    """
    categorical = [name for name, dtype in types.items() if isinstance(dtype, pl.Categorical)]
    samples = {name: as_integers(pl.Series(layout.values(name), dtype=pl.String)) for name in categorical}
    integers = {name: pl.Int64() for name, sample in samples.items() if sample.dtype == pl.Int64}
    as_text = {name: pl.String() if dtype.is_numeric() else dtype for name, dtype in types.items()}
    attempts = [{**types, **integers}, types, as_text] if integers else [types, as_text]
    if raw.tail.endswith(layout.delimiter.encode()):  # of a field too many, polars would not tell
        for _ in records(raw, layout):
            pass
    frame = _without_last_blank_lines(_first_fitting(raw, layout, attempts, comma), raw)
    if any(frame[name].null_count() for name in frame.columns):
        frame = _without_blank_lines(frame, raw, layout, types)
    return pl.DataFrame({name: frame.get_column(name) for name in types})


def _first_fitting(
    raw: Raw, layout: Layout, attempts: Sequence[Mapping[str, pl.DataType]], comma: bool
) -> pl.DataFrame:
    """Read the columns in the first types that fit; raise DataError if none do."""
    *first, last = attempts
    for types in first:
        with suppress(*POLARS_FAILURES):
            return _scan(raw, layout, types, comma)
    try:
        return _scan(raw, layout, last, comma)
    except POLARS_FAILURES as error:
        for _ in records(raw, layout):
            pass
        raise DataError(f"{raw.name}: cannot be read ({first_line(error)})") from None


def _scan(raw: Raw, layout: Layout, types: Mapping[str, pl.DataType], comma: bool) -> pl.DataFrame:
    """Read the named columns and the last one: polars reports too many fields only if it reads the last column.

    Integers are cast from text, since polars parses more than their usual spelling. Among texts that can be cast, "0"
    and those from "1" on in alphabetical order have the usual spelling.

    Raises:
        PolarsError, ValueError: some value does not fit.
    """
    names = {layout.names.index(name): name for name in types}
    integers = [i for i, name in names.items() if types[name] == pl.Int64]
    fields = [pl.col(f"column_{i + 1}") for i in range(layout.width)]
    named = [(fields[i].cast(pl.Int64) if i in integers else fields[i]).alias(name) for i, name in names.items()]
    usual = [((fields[i] >= "1") | (fields[i] == "0")).alias(f"\0usual {i + 1}") for i in integers]
    last = [] if layout.width - 1 in names else [fields[layout.width - 1].alias(f"\0{layout.width}")]
    as_read = {i: types[name] for i, name in names.items() if i not in integers}
    schema = {f"column_{i + 1}": as_read.get(i, pl.String()) for i in range(layout.width)}
    frame = (
        pl.scan_csv(
            raw.content,
            has_header=False,
            skip_lines=layout.before,
            schema=schema,
            separator=layout.delimiter,
            quote_char='"' if layout.quoted else None,
            decimal_comma=comma,
            glob=False,
        )
        .select(named + usual + last)
        .collect()
    )
    if not all(frame[f"\0usual {i + 1}"].all() for i in integers):
        raise ValueError("an integer has an unusual spelling")
    return frame


def _without_last_blank_lines(frame: pl.DataFrame, raw: Raw) -> pl.DataFrame:
    """Leave out blank lines at the end: the usual case of the next function, but fast."""
    tail = raw.tail
    blank = tail[len(tail.rstrip(b"\r\n")) :].count(b"\n") - 1
    if blank < 1 or any(len(column.drop_nulls()) for column in frame.tail(blank)):
        return frame
    return frame.head(-blank)


def _without_blank_lines(
    frame: pl.DataFrame, raw: Raw, layout: Layout, types: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Leave out blank lines, which polars reads as rows of nulls.

    Raises:
        DataError: a row is ragged, or has no value in any of the columns.
    """
    columns = [layout.names.index(name) for name in types]
    n_rows, empty_row = 0, ""
    for line, fields in records(raw, layout):
        n_rows += 1
        if not empty_row and not any(fields[column] for column in columns):
            empty_row = f"{raw.name}: line {line}: columns {listed(list(types))} are empty"
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if empty_row:
        raise DataError(f"{empty_row}; every row needs a user and an item")
    filled = frame.filter(~blank)
    if len(filled) != n_rows:
        counts = f"{len(filled):,} rows by one count and {n_rows:,} by another"
        raise DataError(f"{raw.name}: {counts}; is a quote left open?")
    return filled
