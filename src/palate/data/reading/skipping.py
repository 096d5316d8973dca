"""Rows that break a rule, left out on demand: each is listed with its place and its problem."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from palate.data.reading.files import Raw, lines
from palate.data.reading.frames import OnDemand
from palate.data.reading.layouts import signs_of, split
from palate.data.reading.literals import line_value
from palate.data.reading.quotes import scan_quotes
from palate.data.reading.tables import Table, ids_of, ratings_of, times_of
from palate.data.reading.values import RowsError
from palate.errors import DataError
from palate.options import ReadingOptions
from palate.system.files import written_beside

LONGEST = 1000
"""Number of lines after which a quote that is still open counts as never closed."""


@dataclass(frozen=True)
class Skipped:
    """The rows that are left out, in order: (place, problem, text)."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the rows as a CSV file with the columns place, problem and text.

        Raises:
            OutputError: the file cannot be written.
        """
        with written_beside(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerows([("place", "problem", "text"), *self.rows])


def sound_text(raw: Raw, options: ReadingOptions, skipped: Skipped) -> Raw:
    """Return delimited text with a blank line in place of each that is no row, so that line numbers stay.

    Raises:
        DataError: the first line is no row either.
    """
    texts, bad = _decoded(raw)
    sound = _joined(raw, texts)
    changed, separator, delimiter, quoted = signs_of(sound, options)
    texts = [line.decode() for line in changed.bytes().split(b"\n")]
    number, width = 0, 0
    while number < len(texts):
        n_lines, n_fields, problem = _record(texts, number, delimiter, quoted)
        if n_fields and not width:
            width = n_fields
        if not problem and n_fields not in (0, width):
            problem = f"fields: {n_fields}, where the first line has {width}"
        if not problem and n_fields and not texts[number].strip(delimiter + " \r"):
            problem = "all fields are empty"
        if problem:
            bad[number] = (problem, texts[number])
            texts[number], n_lines = "", 1
        number += n_lines
    if not bad:
        return raw
    for at, (problem, text) in sorted(bad.items()):
        skipped.rows.append((f"{raw.name}: line {at + 1}", problem, text.replace(delimiter, separator)))
    return _joined(raw, [text.replace(delimiter, separator) for text in texts])


def sound_json(raw: Raw, skipped: Skipped) -> Raw:
    """Return JSON lines with a blank line in place of each that is no JSON object."""
    texts, bad = _decoded(raw)
    for number, text in enumerate(texts):
        try:
            problem = "" if not text.strip() or isinstance(line_value(text), dict) else "no JSON object"
        except (ValueError, RecursionError):
            problem = "no JSON"
        if problem:
            bad[number] = (problem, text)
            texts[number] = ""
    skipped.rows.extend((f"{raw.name}: line {at + 1}", *bad[at]) for at in sorted(bad))
    return _joined(raw, texts) if bad else raw


def sound_rows(table: Table, options: ReadingOptions, skipped: Skipped) -> Table:
    """Return the table without the rows whose id, rating or time is invalid."""
    while True:
        try:
            _check(table, options)
        except RowsError as error:
            rows = error.bad.fill_null(False)
            names = [name for name in table.columns if name in table.roles.taken]
            columns = {name: table.columns[name] for name in names}
            for row in rows.arg_true().to_list():
                values = ["" if columns[name][row] is None else str(columns[name][row]) for name in names]
                skipped.rows.append((table.place(row), error.problem, ", ".join(values)))
            table = _without(table, rows)
        else:
            return table


def _check(table: Table, options: ReadingOptions) -> None:
    for kind in ("user", "item"):
        name = getattr(table.roles, kind)
        column = table.columns[name]
        if isinstance(column.dtype, pl.Categorical | pl.String):
            text = column.cast(pl.String)
            bad = ((text == "") | text.str.contains("\0", literal=True)).fill_null(False)
            if bad.any():
                problem = f"column {name!r} is empty or has a null byte"
                raise RowsError(problem, problem, bad)
        ids_of(table, kind)
    ratings_of(table)
    times_of(table, options.time_unit, options.date_format)


def _without(table: Table, bad: pl.Series) -> Table:
    rows = (~bad).arg_true()
    columns = OnDemand([*table.columns], lambda name: table.columns[name].filter(~bad))
    return replace(table, columns=columns, place=lambda row: table.place(rows[row]))


def _decoded(raw: Raw) -> tuple[list[str], dict[int, tuple[str, str]]]:
    """Return the lines, with blank ones in place of those that are no text; and these, by number from 0."""
    texts, bad = [], {}
    for number, line in enumerate(raw.bytes().split(b"\n")):
        try:
            text, problem = line.decode(), "a null byte" if b"\0" in line else ""
        except UnicodeDecodeError as error:
            text, problem = line.decode(errors="replace"), f"not UTF-8 (byte 0x{line[error.start]:02x})"
        if problem:
            bad[number] = (problem, text)
        texts.append("" if problem else text)
    return texts, bad


def _joined(raw: Raw, texts: Sequence[str]) -> Raw:
    return Raw(raw.name, "\n".join(texts).encode())


def _record(texts: Sequence[str], start: int, delimiter: str, quoted: bool) -> tuple[int, int, str]:
    """Return the number of lines and of fields of the record that begins in a line, and the problem with it, if any."""
    text = texts[start].removesuffix("\r")
    if not quoted or '"' not in text:
        return 1, text.count(delimiter) + 1 if text else 0, ""
    for n_lines in range(1, min(LONGEST, len(texts) - start) + 1):
        last = texts[start + n_lines - 1]
        if n_lines > 1 and '"' not in last:
            continue
        record = "\n".join(texts[start : start + n_lines]).removesuffix("\r")
        sound, scan = scan_quotes(Raw("", record.encode()), delimiter)
        fault = scan.fault
        if fault is None:
            return n_lines, _n_fields(split("", iter(lines(sound)), delimiter, True)), ""
        if fault.kind != "never closed":
            return 1, 1, "a quote that does not end a field" if n_lines == 1 else "a quote is never closed"
    return 1, 1, "a quote is never closed"


def _n_fields(rows: Iterator[tuple[int, list[str]]]) -> int:
    try:
        return len(next(rows)[1])
    except DataError:
        return -1
