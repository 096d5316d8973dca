"""Messages on the quotes of a file: an error with line and column, or a note on rows that a quoted field holds."""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palate.data.reading.files import Raw
from palate.data.reading.quotes import BLOCK, LINE_FEED, QUOTE, Bytes, Fault, Scan, bytes_of, field_start, last_of
from palate.errors import DataError, option

CLOSED = re.compile(rb'(?:[^"]|"")*"(?!")')


def check_quotes(
    raw: Raw, scan: Scan, delimiter: str, names: list[str], like_row: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return notes on the quotes, such as on lines inside quoted fields that look like rows.

    names: of the columns, for messages. like_row: whether a line has the shape of a row.

    Raises:
        DataError: a quoted field goes on after its closing quote, or is never closed, or another field has a single
            quote inside.
    """
    data = bytes_of(raw)
    if scan.fault is not None:
        raise DataError(_problem(raw.name, data, ord(delimiter), names, scan.fault))
    return (*scan.notes, *_swallowed(data, delimiter, scan.feeds, like_row))


def _plain_text() -> str:
    return f"if quotes are plain text in this file, say {option('quotes', False)}"


def _problem(name: str, data: Bytes, delimiter: int, names: list[str], fault: Fault) -> str:
    start = field_start(data, fault.start)
    line = _line_of(data, start)
    column = f"column {_column(data, start, delimiter, names)!r}"
    text = bytes(data[start if fault.kind != "inside" else _line_start(data, start) :][:60]).decode(errors="replace")
    shown = repr(text.splitlines()[0])
    if fault.kind == "inside":
        return (
            f"{name}: line {line} has an odd number of quotes in {column}, which begins without one: {shown}; "
            f'a field with a quote in it is written "5"" disc", or {_plain_text()}'
        )
    if fault.kind == "never closed":
        return (
            f"{name}: line {line} is not well-formed: the quote that opens {column} is never closed: {shown}; "
            f"close it, or {_plain_text()}"
        )
    last = _line_of(data, fault.end)
    where = "" if last == line else f" in line {last}"
    rest = repr(bytes(data[fault.end + 1 : fault.end + 21]).decode(errors="replace").splitlines()[0])
    return (
        f"{name}: line {line} is not well-formed: {column} goes on after its closing quote{where}, with {rest}: "
        f'{shown}; a field with a quote in it is written "5"" disc", or {_plain_text()}'
    )


def _swallowed(
    data: Bytes, delimiter: str, feeds: list[NDArray[np.int64]], like_row: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return a note on the lines between two quotes that look like rows, if there are any."""
    rows: list[int] = []
    for feed in (int(feed) for block in feeds for feed in block):
        line = _line(data, feed + 1)
        closing = CLOSED.match(line)
        inside = line if closing is None else closing[0]
        whole = closing is None or delimiter.encode() in inside  # a last line holds a row only if it holds a separator
        if whole and like_row(line.decode(errors="replace")):
            rows.append(feed)
    if not rows:
        return ()
    many = "a line that looks like a row is" if len(rows) == 1 else f"{len(rows):,} lines that look like rows are"
    first = _line_of(data, rows[0] + 1)
    return (f"{many} inside quoted fields, the first in line {first}; {_plain_text()}",)


def _line(data: Bytes, start: int) -> bytes:
    """Return the line that starts at a byte, without its line feed."""
    length = 256
    while True:
        text = bytes(data[start : start + length])
        if b"\n" in text or start + length >= len(data):
            return text.partition(b"\n")[0]
        length *= 4


def _count(data: Bytes, end: int, sign: int) -> int:
    """Return how often a sign is among the first `end` bytes."""
    return sum(int(np.count_nonzero(data[begin : min(begin + BLOCK, end)] == sign)) for begin in range(0, end, BLOCK))


def _line_of(data: Bytes, at: int) -> int:
    return _count(data, at, LINE_FEED) + 1


def _line_start(data: Bytes, at: int) -> int:
    return last_of(data, at, LINE_FEED) + 1


def _column(data: Bytes, at: int, delimiter: int, names: list[str]) -> str:
    """Return the name, or the number from 1, of the column that a byte is in."""
    start = _line_start(data, at)
    while start and _count(data, start, QUOTE) % 2:
        start = _line_start(data, start - 1)
    row = data[start:at]
    number = int(np.count_nonzero((row == delimiter) & (np.cumsum(row == QUOTE) % 2 == 0)))
    return names[number] if number < len(names) else str(number + 1)
