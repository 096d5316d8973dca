"""Quotes of delimited text: a quoted field ends where its closing quote is, and a file that breaks this is refused.

The scan looks at the quotes only, so that its cost is small beside that of reading, and nothing in a file without any.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from palate.data.reading.files import Raw
from palate.errors import DataError, option

QUOTE, LINE_FEED, RETURN = ord('"'), ord("\n"), ord("\r")
BLOCK = 1 << 18
"""Number of bytes that are looked at together: it bounds the memory of the scan."""

CLOSED = re.compile(rb'(?:[^"]|"")*"(?!")')
ESCAPED = re.compile(rb'\\([\\"])')

Bytes: TypeAlias = NDArray[np.uint8]


class Fault(NamedTuple):
    """The first place where a file breaks the rules of quotes."""

    kind: str  # "never closed", "goes on" or "inside"
    start: int  # byte of the quote that opens
    end: int  # byte of the quote that closes, or the end of the file


@dataclass
class Scan:
    """The state of a scan after some blocks."""

    fault: Fault | None = None
    opened: int | None = None  # byte of a quote that no block so far closes
    plain: bool = False  # whether the last quotes may stand inside a field that does not begin with one
    notes: tuple[str, ...] = ()
    feeds: list[NDArray[np.int64]] = field(default_factory=list)  # bytes of the line feeds between two quotes


def scan_quotes(raw: Raw, delimiter: str) -> tuple[Raw, Scan]:
    r"""Look at every quote of a file; return the file and what `check_quotes` needs to know of it.

    Where the file keeps the rules only if a backslash before a quote means a doubled one, the file is returned so.
    """
    scan = _scanned(_bytes(raw), ord(delimiter))
    if scan.fault is not None and b'\\"' in (content := raw.bytes()):
        doubled = Raw(raw.name, ESCAPED.sub(lambda match: b'""' if match[1] == b'"' else b"\\", content))
        other = _scanned(_bytes(doubled), ord(delimiter))
        if other.fault is None:
            return doubled, replace(other, notes=("a backslash before a quote is no part of the field",))
    return raw, scan


def check_quotes(
    raw: Raw, scan: Scan, delimiter: str, names: list[str], like_row: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return notes on the quotes, such as on lines inside quoted fields that look like rows.

    names: of the columns, for messages. like_row: whether a line has the shape of a row.

    Raises:
        DataError: a quoted field goes on after its closing quote, or is never closed, or another field has a single
            quote inside.
    """
    data = _bytes(raw)
    if scan.fault is not None:
        raise DataError(_problem(raw.name, data, ord(delimiter), names, scan.fault))
    return (*scan.notes, *_swallowed(data, delimiter, scan.feeds, like_row))


def outside_quotes(content: bytes, old: bytes, new: bytes, quoted: bool) -> bytes:
    """Return the content with another separator; inside quoted fields it stays as it is."""
    if not quoted or b'"' not in content:
        return content.replace(old, new)
    sign = re.escape(old)
    fields = re.compile(rb'(?:\A|(?<=\n)|(?<=%b))("(?:[^"]+|"")*")|%b' % (sign, sign))
    return fields.sub(lambda match: match[1] or new, content)


def _bytes(raw: Raw) -> Bytes:
    """Return the bytes of a file; the system reads those of a file on disk when they are looked at."""
    if isinstance(raw.content, bytes):
        return np.frombuffer(raw.content, dtype=np.uint8)
    return np.asarray(np.memmap(raw.content, dtype=np.uint8, mode="r"))


def _scanned(data: Bytes, delimiter: int) -> Scan:
    scan = Scan()
    for begin in range(0, len(data), BLOCK):
        if _is_fine(data, begin, delimiter, scan):
            continue
        block = data[begin : begin + BLOCK]
        is_quote = block == QUOTE
        marks = np.flatnonzero(is_quote | (block == LINE_FEED))
        _pair(data, marks + begin, is_quote[marks], delimiter, scan)
        if scan.fault is not None:
            return scan
    if scan.opened is not None:
        start = np.array([_field_start(data, scan.opened)])
        kind = "never closed" if _before(data, start, delimiter)[1].all() else "inside"
        scan.fault = Fault(kind, int(start[0]), len(data))
    return scan


def _is_fine(data: Bytes, begin: int, delimiter: int, scan: Scan) -> bool:
    """Return whether each quote of a block begins or ends a field, or is doubled: the usual case, but fast."""
    block = data[begin : begin + BLOCK]
    is_quote = block == QUOTE
    if scan.opened is None and not is_quote.any():
        return True
    if scan.plain or begin == 0 or begin + len(block) + 2 > len(data):
        return False
    before, after, second = (data[begin + shift :][: len(block)] for shift in (-1, 1, 2))
    opening = np.logical_xor.accumulate(is_quote)
    if scan.opened is not None:
        np.logical_not(opening, out=opening)
    feeds = opening & (block == LINE_FEED)
    opening &= is_quote
    closing = is_quote & ~opening
    if (opening & ~((before == delimiter) | (before == LINE_FEED) | (before == QUOTE))).any():
        return False
    line_end = (after == LINE_FEED) | ((after == RETURN) & (second == LINE_FEED))
    if (closing & ~(line_end | (after == delimiter) | (after == QUOTE))).any():
        return False
    if feeds.any():
        scan.feeds.append(np.flatnonzero(feeds) + begin)
    last = begin + len(block) - 1 - int(is_quote[::-1].argmax())
    scan.opened = last if opening[last - begin] else None if is_quote[last - begin] else scan.opened
    return True


def _pair(data: Bytes, marks: NDArray[np.int64], is_quote: NDArray[np.bool_], delimiter: int, scan: Scan) -> None:
    """Pair the quotes of one block, opening and closing, and check what stands before and after each pair.

    marks: bytes of the quotes and line feeds, ascending. is_quote: which of them are quotes.
    """
    quotes = marks[is_quote]
    before = np.cumsum(is_quote) + (scan.opened is not None)
    if scan.opened is not None:
        quotes = np.concatenate([[scan.opened], quotes])
    feeds = ~is_quote & (before % 2 == 1)
    closed = len(quotes) // 2 * 2
    scan.opened = int(quotes[-1]) if closed < len(quotes) else None
    starts, ends = quotes[:closed:2], quotes[1:closed:2]
    if feeds.any():
        scan.feeds.append(marks[feeds])
    after_quote, opens = _before(data, starts, delimiter)
    fine = _fine_after(data, ends, delimiter)
    if scan.plain or not (fine.all() and (after_quote | opens).all()):
        _check_chains(data, starts, ends, (after_quote, opens, fine), delimiter, scan)
    if scan.opened is not None:
        scan.plain |= not any(kind.all() for kind in _before(data, quotes[-1:], delimiter))


def _before(data: Bytes, starts: NDArray[np.int64], delimiter: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each opening quote comes right after a closing one, and whether it begins a field."""
    previous = data[np.maximum(starts - 1, 0)]
    first = 3 if bytes(data[:3]) == b"\xef\xbb\xbf" else 0
    opens = (previous == delimiter) | (previous == LINE_FEED) | (starts == first)
    return (previous == QUOTE) & (starts > 0), opens


def _fine_after(data: Bytes, ends: NDArray[np.int64], delimiter: int) -> NDArray[np.bool_]:
    """Return whether a field ends, or a doubled quote goes on, after each closing quote."""
    last = len(data) - 1
    following = data[np.minimum(ends + 1, last)]
    returned = following == RETURN
    fine: NDArray[np.bool_] = (
        (following == delimiter) | (following == LINE_FEED) | (following == QUOTE) | (ends == last)
    )
    if returned.any():
        at = ends[returned] + 2
        fine[returned] = (at > last) | (data[np.minimum(at, last)] == LINE_FEED)
    return fine


def _check_chains(
    data: Bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    checks: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    delimiter: int,
    scan: Scan,
) -> None:
    """Find the first fault among pairs of which some stand inside a field that does not begin with a quote.

    Pairs without a gap are one chain. A chain that begins a field must end it; another one is plain text, and must not
    hold a separator or a line end.
    """
    after_quote, opens, fine = checks
    if len(starts):
        numbers = np.arange(len(starts))
        first = np.maximum.accumulate(np.where(after_quote, -1, numbers))  # of each chain; -1 if in a block before
        plain = np.where(first < 0, scan.plain, ~opens[np.maximum(first, 0)])
        signs = data[starts[0] : ends[-1]]
        bounds = np.flatnonzero((signs == delimiter) | (signs == LINE_FEED)) + starts[0]
        bad = np.where(plain, np.searchsorted(bounds, starts) < np.searchsorted(bounds, ends), ~fine)
        if bad.any():
            pair = int(bad.argmax())
            scan.fault = Fault("inside" if plain[pair] else "goes on", int(starts[pair]), int(ends[pair]))
        scan.plain = bool(plain[-1])


def _plain_text() -> str:
    return f"if quotes are plain text in this file, say {option('quotes', False)}"


def _problem(name: str, data: Bytes, delimiter: int, names: list[str], fault: Fault) -> str:
    start = _field_start(data, fault.start)
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


def _field_start(data: Bytes, quote: int) -> int:
    """Return the first quote of the chain of doubled quotes that an opening quote belongs to."""
    while quote > 1 and data[quote - 1] == QUOTE:
        quote = _last(data, quote - 1, QUOTE)
    return quote


def _last(data: Bytes, end: int, sign: int) -> int:
    """Return the last byte before `end` that is this sign, -1 if there is none."""
    for stop in range(end, 0, -BLOCK):
        begin = max(stop - BLOCK, 0)
        places = np.flatnonzero(data[begin:stop] == sign)
        if len(places):
            return begin + int(places[-1])
    return -1


def _count(data: Bytes, end: int, sign: int) -> int:
    """Return how often a sign is among the first `end` bytes."""
    return sum(int(np.count_nonzero(data[begin : min(begin + BLOCK, end)] == sign)) for begin in range(0, end, BLOCK))


def _line_of(data: Bytes, at: int) -> int:
    return _count(data, at, LINE_FEED) + 1


def _line_start(data: Bytes, at: int) -> int:
    return _last(data, at, LINE_FEED) + 1


def _column(data: Bytes, at: int, delimiter: int, names: list[str]) -> str:
    """Return the name, or the number from 1, of the column that a byte is in."""
    start = _line_start(data, at)
    while start and _count(data, start, QUOTE) % 2:
        start = _line_start(data, start - 1)
    row = data[start:at]
    number = int(np.count_nonzero((row == delimiter) & (np.cumsum(row == QUOTE) % 2 == 0)))
    return names[number] if number < len(names) else str(number + 1)
