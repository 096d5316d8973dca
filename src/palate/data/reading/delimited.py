"""Delimited text -> Table: polars reads it fast; a second, slow look finds the line where something is wrong."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

import polars as pl

from palate.data.reading.columns import Choices, Roles, as_number, by_content, by_name, listed
from palate.data.reading.files import POLARS_FAILURES, Raw, first_line, lines
from palate.data.reading.frames import About
from palate.data.reading.layouts import Layout, records
from palate.data.reading.tables import Table
from palate.data.reading.values import Place
from palate.data.vocabulary import as_integers
from palate.errors import DataError


def delimited_table(
    raw: Raw, layout: Layout, choices: Choices, about: About, coded: tuple[pl.DataType, pl.DataType]
) -> Table:
    """The file's columns that count; `coded` are the Categorical types of ids, one pair over all files read together.

    Raises:
        DataError: no column, or more than one, for a role; ragged rows, open quotes, bytes that are not UTF-8.
    """
    if layout.header:
        roles = by_name(raw.name, layout.names, choices)
    else:
        roles = by_content(raw.name, layout.names, layout.rows, choices)
    said = about(layout.names, roles)
    types = _types(layout, roles, said, coded)
    numbers = [name for name in (roles.rating, roles.time) if name is not None]
    comma = layout.separator != "," and _decimal_comma(layout, numbers)
    frame = columns(raw, layout, types, comma)
    if comma:
        text = [pl.col(name).str.replace(",", ".", literal=True) for name in numbers if frame[name].dtype == pl.String]
        frame = frame.with_columns(text)
    how = f"separator={layout.separator!r}" + ("" if layout.header else ", no header")
    return Table(
        raw.name, roles, frame.to_dict(), said, place_in(raw, layout), how + (", decimal comma" if comma else "")
    )


def place_in(raw: Raw, layout: Layout) -> Place:
    """Where a row of a delimited file stands: found anew each time, so for errors only."""

    def place(row: int) -> str:
        line, _ = next(islice(records(raw, layout), row, None), (row + 1, []))
        return f"{raw.name}: line {line}"

    return place


def _types(
    layout: Layout, roles: Roles, said: Mapping[str, str], coded: tuple[pl.DataType, pl.DataType]
) -> dict[str, pl.DataType]:
    types: dict[str, pl.DataType] = dict.fromkeys(said.values(), pl.String())
    types |= {roles.user: coded[0], roles.item: coded[1]}
    if roles.rating is not None:
        types[roles.rating] = pl.Float64()
    if roles.time is not None:
        dates = any(as_number(value) is None for value in layout.values(roles.time))
        types[roles.time] = pl.String() if dates else pl.Float64()
    return types


def _decimal_comma(layout: Layout, numbers: Sequence[str]) -> bool:
    values = [value for name in numbers for value in layout.values(name)]
    return any("," in value and as_number(value) is not None for value in values)


def columns(raw: Raw, layout: Layout, types: Mapping[str, pl.DataType], comma: bool = False) -> pl.DataFrame:
    """The named columns in these types; a number column that holds something else comes as String.

    A Categorical column comes as Int64, which is quicker, where each value is a usually spelt integer of 0 and more.

    Raises:
        DataError: ragged rows, open quotes, bytes that are not UTF-8.
    """
    coded = [name for name, dtype in types.items() if isinstance(dtype, pl.Categorical)]
    samples = {name: as_integers(pl.Series(layout.values(name), dtype=pl.String)) for name in coded}
    integers = {name: pl.Int64() for name, sample in samples.items() if sample.dtype == pl.Int64}
    as_text = {name: pl.String() if dtype.is_numeric() else dtype for name, dtype in types.items()}
    attempts = [{**types, **integers}, types, as_text] if integers else [types, as_text]
    frame = _without_last_blank_lines(_first_fitting(raw, layout, attempts, comma), raw)
    if any(frame[name].null_count() for name in frame.columns):
        frame = _without_blank_lines(frame, raw, layout, types)
    return pl.DataFrame({name: frame.get_column(name) for name in types})


def _first_fitting(
    raw: Raw, layout: Layout, attempts: Sequence[Mapping[str, pl.DataType]], comma: bool
) -> pl.DataFrame:
    """The columns in the first types that fit; a DataError where none do."""
    *others, last = attempts
    for types in others:
        with suppress(*POLARS_FAILURES):
            return _scan(raw, layout, types, comma)
    try:
        return _scan(raw, layout, last, comma)
    except POLARS_FAILURES as error:
        _look_for_faults(raw, layout)
        raise DataError(f"{raw.name}: cannot be read ({first_line(error)})") from None


def _look_for_faults(raw: Raw, layout: Layout) -> None:
    """Raises DataError at the first row that is ragged or no text, else at the first line with a quote to spare."""
    for _ in records(raw, layout):
        pass
    for number, line in enumerate(lines(raw), 1):
        if layout.quoted and line.count('"') % 2:
            raise DataError(
                f"{raw.name}: line {number} has an odd number of quotes; "
                'a field with a quote in it is written "5"" disc"'
            )


def _scan(raw: Raw, layout: Layout, types: Mapping[str, pl.DataType], comma: bool) -> pl.DataFrame:
    """The wanted columns and the last: polars tells of too many fields only if it reads that.

    Integers are cast from text, since polars parses more than their usual spelling: of what can be cast, text from "1"
    on in the alphabet, and "0" itself, is spelt as usual.

    Raises:
        PolarsError, ValueError: some value does not fit.
    """
    at = {layout.names.index(name): name for name in types}
    integers = [i for i, name in at.items() if types[name] == pl.Int64]
    fields = [pl.col(f"column_{i + 1}") for i in range(layout.width)]
    wanted = [(fields[i].cast(pl.Int64) if i in integers else fields[i]).alias(name) for i, name in at.items()]
    usual = [((fields[i] >= "1") | (fields[i] == "0")).alias(f"\0usual {i + 1}") for i in integers]
    last = [] if layout.width - 1 in at else [fields[layout.width - 1].alias(f"\0{layout.width}")]
    as_read = {i: types[name] for i, name in at.items() if i not in integers}
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
        .select(wanted + usual + last)
        .collect()
    )
    if not all(frame[f"\0usual {i + 1}"].all() for i in integers):
        raise ValueError("some integer is spelt unusually")
    return frame


def _without_last_blank_lines(frame: pl.DataFrame, raw: Raw) -> pl.DataFrame:
    """The usual case of the next function, told fast."""
    tail = raw.tail
    blank = tail[len(tail.rstrip(b"\r\n")) :].count(b"\n") - 1
    if blank < 1 or any(len(column.drop_nulls()) for column in frame.tail(blank)):
        return frame
    return frame.head(-blank)


def _without_blank_lines(
    frame: pl.DataFrame, raw: Raw, layout: Layout, types: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Blank lines, which polars reads as rows of nulls, left out; ragged rows found on the way are refused."""
    wanted = [layout.names.index(name) for name in types]
    rows, hollow = 0, ""
    for line, fields in records(raw, layout):
        rows += 1
        if not hollow and not any(fields[at] for at in wanted):
            hollow = f"{raw.name}: line {line}: columns {listed(list(types))} are empty"
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if hollow:
        raise DataError(f"{hollow}; every row needs a user and an item")
    kept = frame.filter(~blank)
    if len(kept) != rows:
        raise DataError(f"{raw.name}: {len(kept):,} rows by one count and {rows:,} by another; is a quote left open?")
    return kept
