"""JSON lines, and lists of a user and its items: row by row in Python, so that each error has its line."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import polars as pl

from palate.data.reading.columns import Roles
from palate.data.reading.files import Raw, lines
from palate.data.reading.frames import Frame
from palate.data.reading.layouts import SAMPLE
from palate.data.reading.tables import Table
from palate.data.reading.values import objects_series, shown
from palate.errors import DataError


def objects(raw: Raw) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line that isn't blank.

    Raises:
        DataError: a line that is no JSON object.
    """
    for number, line in enumerate(lines(raw), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition(":")[0]
            raise DataError(f"{raw.name}: line {number} is no JSON ({reason}): {shown(line.strip())}") from None
        if not isinstance(value, dict):
            raise DataError(
                f"{raw.name}: line {number} is no JSON object but {shown(value)}; "
                'JSON lines have one object a line: {"user": 1, "item": 2}'
            )
        yield number, value


def json_frame(raw: Raw) -> Frame:
    """A JSON lines file; a key that a line lacks is null there.

    Raises:
        DataError: a line that is no JSON object, or no line at all.
    """
    names = list(dict.fromkeys(key for _, found in islice(objects(raw), SAMPLE) for key in found))
    numbers: list[int] = []

    def place(row: int) -> str:
        return f"{raw.name}: line {numbers[row]}"

    def read(wanted: list[str]) -> dict[str, pl.Series]:
        columns: dict[str, list[Any]] = {name: [] for name in wanted}
        once: dict[str, str] = {}
        numbers.clear()
        for number, found in objects(raw):
            numbers.append(number)
            for name, column in columns.items():
                value = found.get(name)
                column.append(once.setdefault(value, value) if isinstance(value, str) else value)
        return {name: objects_series(column) for name, column in columns.items()}

    return Frame(raw.name, names, read, place)


def lists_table(raw: Raw, coded: tuple[pl.DataType, pl.DataType]) -> Table:
    """One user a line and its items after it, oldest first: the place in the list becomes the time.

    Raises:
        DataError: bytes that are not UTF-8; no user with an item.
    """
    users: list[str] = []
    items: list[str] = []
    numbers: list[int] = []
    positions: list[int] = []
    seen: Counter[str] = Counter()
    childless = 0
    for number, line in enumerate(lines(raw), 1):
        user, *found = line.split() or [""]
        if user and not found:
            childless += 1
        users += [user] * len(found)
        items += found
        numbers += [number] * len(found)
        positions += range(seen[user], seen[user] + len(found))
        seen[user] += len(found)
    if not users:
        raise DataError(f"{raw.name}: no line with a user and items, separated by blanks")
    columns = {
        "user": pl.Series(users).cast(coded[0]),
        "item": pl.Series(items).cast(coded[1]),
        "position": pl.Series(positions, dtype=pl.Int64),
    }
    how = "one user a line" + (f"; users without items, left out: {childless:,}" if childless else "")
    return Table(
        raw.name,
        Roles("user", "item", None, "position"),
        columns,
        {},
        lambda row: f"{raw.name}: line {numbers[row]}",
        how,
    )
