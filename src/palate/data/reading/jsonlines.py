"""JSON lines, and lists of a user and its items -> Frame or Table, row by row, so that each error has its line."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import polars as pl

from palate.data.reading.columns import Roles
from palate.data.reading.files import Raw, is_array, lines
from palate.data.reading.frames import Frame
from palate.data.reading.layouts import SAMPLE
from palate.data.reading.literals import line_value
from palate.data.reading.tables import IdTypes, Table
from palate.data.reading.values import objects_series, shown
from palate.errors import DataError

BLANKS = re.compile(r"\s*")


def objects(raw: Raw) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of each line that isn't blank, or of each object in one JSON array.

    Raises:
        DataError: a line, or an element of the array, is no JSON object.
    """
    for number, value in _elements(raw) if is_array(raw) else _values(raw):
        if not isinstance(value, dict):
            raise DataError(
                f"{raw.name}: line {number} is no JSON object but {shown(value)}; "
                'JSON lines have one object a line: {"user": 1, "item": 2}'
            )
        yield number, value


def _values(raw: Raw) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines(raw), 1):
        if line.strip():
            yield number, _value(raw.name, number, line)


def _value(name: str, number: int, line: str) -> Any:
    try:
        return line_value(line)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0]
        raise DataError(f"{name}: line {number} is no JSON ({reason}): {shown(line.strip())}") from None


def _elements(raw: Raw) -> Iterator[tuple[int, Any]]:
    """Yield (line number, element) of one JSON array."""
    text = "".join(lines(raw))
    decoder, at, number = json.JSONDecoder(), text.index("[") + 1, 1
    start = 0
    while True:
        at = _after_blanks(text, at)
        if text[at : at + 1] == "]" and not text[at + 1 :].strip():
            return
        number += text.count("\n", start, at)
        start = at
        try:
            value, at = decoder.raw_decode(text, at)
            at = _after_blanks(text, at)
            if text[at : at + 1] not in (",", "]"):
                raise json.JSONDecodeError("Expecting , or ] after it", text, at)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition(":")[0]
            raise DataError(
                f"{raw.name}: line {number} begins no JSON ({reason}): {shown(text[start : start + 60])}"
            ) from None
        yield number, value
        at += text[at] == ","


def _after_blanks(text: str, at: int) -> int:
    blank = BLANKS.match(text, at)
    return blank.end() if blank else at


def json_frame(raw: Raw, named: Sequence[str] = ()) -> Frame:
    """Return the Frame of a JSON lines file; a key that a line lacks is null there.

    The names are those of the first lines, and of all lines if a key that the caller named is not among them. When the
    columns are read, later keys are added to the names.

    Raises:
        DataError: a line is no JSON object, or the file has no line.
    """
    sample = [record for _, record in islice(objects(raw), SAMPLE)]
    names = list(dict.fromkeys(key for record in sample for key in record))
    if not all(name in names or name.isdecimal() for name in named):
        names = list(dict.fromkeys(key for _, record in objects(raw) for key in record))
    known = set(names)
    numbers: list[int] = []

    def place(row: int) -> str:
        return f"{raw.name}: line {numbers[row]}"

    def read(selected: list[str]) -> dict[str, pl.Series]:
        columns: dict[str, list[Any]] = {name: [] for name in selected}
        texts: dict[str, str] = {}  # equal texts share one object
        numbers.clear()
        for number, record in objects(raw):
            numbers.append(number)
            if not known.issuperset(record):
                names.extend(key for key in record if key not in known)
                known.update(record)
            for name, column in columns.items():
                value = record.get(name)
                column.append(texts.setdefault(value, value) if isinstance(value, str) else value)
        return {name: objects_series(column) for name, column in columns.items()}

    def first(name: str) -> pl.Series:
        return objects_series([record.get(name) for record in sample])

    return Frame(raw.name, names, read, place, first)


def lists_table(raw: Raw, id_types: IdTypes) -> Table:
    """Read lines of a user and its items, oldest first; the position in the list becomes the time.

    Raises:
        DataError: bytes are not UTF-8, or no user has an item.
    """
    users: list[str] = []
    items: list[str] = []
    numbers: list[int] = []
    positions: list[int] = []
    seen: Counter[str] = Counter()
    n_empty = 0
    for number, line in enumerate(lines(raw), 1):
        user, *listed = line.split() or [""]
        if user and not listed:
            n_empty += 1
        users += [user] * len(listed)
        items += listed
        numbers += [number] * len(listed)
        positions += range(seen[user], seen[user] + len(listed))
        seen[user] += len(listed)
    if not users:
        raise DataError(f"{raw.name}: no line with a user and items; each line needs a user and its items, with blanks")
    columns = {
        "user": pl.Series(users).cast(id_types.user),
        "item": pl.Series(items).cast(id_types.item),
        "position": pl.Series(positions, dtype=pl.Int64),
    }
    note = "one user a line" + (f"; users without items, left out: {n_empty:,}" if n_empty else "")
    roles = Roles("user", "item", None, "position")
    return Table(raw.name, roles, columns, {}, lambda row: f"{raw.name}: line {numbers[row]}", {}, note)
