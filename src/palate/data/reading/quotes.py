"""Quotes of delimited text: a quoted field ends where its closing quote is, and a file that breaks this is refused.

The scan looks at the quotes only, so that its cost is small beside that of reading, and nothing in a file without any.
"""

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from palate.data.reading.files import Raw

QUOTE, LINE_FEED, RETURN = ord('"'), ord("\n"), ord("\r")
BLOCK = 1 << 19
"""Number of bytes that are looked at together: it bounds the memory of the scan."""

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
    scan = _scanned(bytes_of(raw), ord(delimiter))
    if scan.fault is not None and b'\\"' in (content := raw.bytes()):
        doubled = Raw(raw.name, ESCAPED.sub(lambda match: b'""' if match[1] == b'"' else b"\\", content))
        other = _scanned(bytes_of(doubled), ord(delimiter))
        if other.fault is None:
            return doubled, replace(other, notes=("a backslash before a quote is no part of the field",))
    return raw, scan


def outside_quotes(content: bytes, old: bytes, new: bytes, quoted: bool) -> bytes:
    """Return the content with another separator; inside quoted fields it stays as it is."""
    if not quoted or b'"' not in content:
        return content.replace(old, new)
    sign = re.escape(old)
    fields = re.compile(rb'(?:\A|(?<=\n)|(?<=%b))("(?:[^"]+|"")*")|%b' % (sign, sign))
    return fields.sub(lambda match: match[1] or new, content)


def bytes_of(raw: Raw) -> Bytes:
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
        start = np.array([field_start(data, scan.opened)])
        kind = "never closed" if preceding(data, start, delimiter)[1].all() else "inside"
        scan.fault = Fault(kind, int(start[0]), len(data))
    return scan


def _is_fine(data: Bytes, begin: int, delimiter: int, scan: Scan) -> bool:
    """Return whether each quote of a block begins or ends a field, or is doubled: the usual case, but fast."""
    length = min(BLOCK, len(data) - begin)
    if scan.opened is None and not (data[begin : begin + length] == QUOTE).any():
        return True
    if scan.plain or begin == 0 or begin + length + 2 > len(data):
        return False
    block = data[begin - 1 : begin + length + 2]  # with the byte before and two bytes after
    quotes, feeds = block == QUOTE, block == LINE_FEED
    bounds = quotes | feeds | (block == delimiter)
    is_quote = quotes[1:-2]
    opening = _odd(is_quote)
    if scan.opened is not None:
        np.logical_not(opening, out=opening)
    inside = opening & feeds[1:-2]
    opening &= is_quote
    closing = is_quote ^ opening
    if (opening & ~bounds[:-3]).any():
        return False
    ends = closing & ~bounds[2:-1]
    if ends.any() and (ends & ~((block == RETURN)[2:-1] & feeds[3:])).any():
        return False
    if inside.any():
        scan.feeds.append(np.flatnonzero(inside) + begin)
    last = length - 1 - int(is_quote[::-1].argmax())
    if is_quote[last]:
        scan.opened = begin + last if opening[last] else None
    return True


def _odd(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether the number of marks up to each place is odd, (n,): by 64 places at once."""
    packed = np.packbits(marks, bitorder="little")
    words = np.concatenate([packed, np.zeros(-len(packed) % 8, dtype=np.uint8)]).view("<u8")
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    odd = np.bitwise_xor.accumulate(words >> np.uint64(63))
    words[1:] ^= np.uint64(0) - odd[:-1]
    return np.unpackbits(words.view(np.uint8), count=len(marks), bitorder="little").view(np.bool_)


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
    after_quote, opens = preceding(data, starts, delimiter)
    fine = _fine_after(data, ends, delimiter)
    if scan.plain or not (fine.all() and (after_quote | opens).all()):
        _check_chains(data, starts, ends, (after_quote, opens, fine), delimiter, scan)
    if scan.opened is not None:
        scan.plain |= not any(kind.all() for kind in preceding(data, quotes[-1:], delimiter))


def preceding(data: Bytes, starts: NDArray[np.int64], delimiter: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
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


def field_start(data: Bytes, quote: int) -> int:
    """Return the first quote of the chain of doubled quotes that an opening quote belongs to."""
    while quote > 1 and data[quote - 1] == QUOTE:
        quote = last_of(data, quote - 1, QUOTE)
    return quote


def last_of(data: Bytes, end: int, sign: int) -> int:
    """Return the last byte before `end` that is this sign, -1 if there is none."""
    for stop in range(end, 0, -BLOCK):
        begin = max(stop - BLOCK, 0)
        places = np.flatnonzero(data[begin:stop] == sign)
        if len(places):
            return begin + int(places[-1])
    return -1
