"""How a text file is laid out: its separator, its header, its first rows."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from palate.data.reading.columns import as_number, is_date, is_known, listed
from palate.data.reading.files import Raw, lines, unpacked_name
from palate.errors import DataError, OptionError

SEPARATORS = ("::", "\t", ";", "|", ",")
TYPED = {"\\t": "\t", "tab": "\t"}
"""How a person types a separator that a shell would swallow."""

UNUSED = "\x1f\x1e\x1d\x1c\x02\x03"
"""Control characters, one of which stands in for a separator of several bytes."""

SAMPLE = 1000
"""Rows looked at to tell what a column holds."""

MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Layout:
    """One delimited text file."""

    separator: str  # as in the file
    delimiter: str  # one byte; another than the separator only where that is longer
    quoted: bool
    header: bool
    names: tuple[str, ...]  # of the header, or '1', '2', … without one
    rows: list[list[str]]  # the first SAMPLE rows of data
    before: int  # lines before the first row of data: the header and blank ones

    @property
    def width(self) -> int:
        return len(self.names)

    def values(self, name: str) -> list[str]:
        """The first values of a column."""
        at = self.names.index(name)
        return [row[at] for row in self.rows if at < len(row)]


def lay_out(
    raw: Raw, separator: str | None, named: Sequence[str] = (), has_header: bool | None = None
) -> tuple[Raw, Layout]:
    """The layout of a UTF-8 text file, and the file with a one-byte delimiter.

    Args:
        separator: None to tell it by content.
        named: columns that the caller named or numbered; a first row with such a name is a header.
        has_header: None to tell it by content.

    Raises:
        DataError: there is only one column, or a header and no row, or the bytes are no text.
        OptionError: an impossible separator.
    """
    sample = _sample(raw)
    if any("\0" in line for line in sample):
        raise DataError(f"{raw.name}: null bytes in it; no UTF-8 text? (encoding='utf-16' or another, say)")
    found = TYPED.get(separator, separator) if separator else _separator(raw.name, sample)
    if found in ('"', "\n", "\r"):
        raise OptionError(f"separator is {found!r}; it cannot be a quote or a line end")
    quoted = found != "::" and unpacked_name(Path(raw.name)) != "u.item"
    raw, delimiter = _one_byte(raw, found)
    numbered = _first_records(raw, delimiter, quoted)
    rows = [fields for _, fields in numbered]
    if len(rows[0]) > MOST_COLUMNS:
        raise DataError(f"{raw.name}: {len(rows[0]):,} columns by the separator {found!r}; name another one")
    if len(rows[0]) < 2:
        raise DataError(f"{raw.name}: the separator {found!r} is not in the first line {sample[0].strip()[:60]!r}")
    header = _has_header(raw.name, rows, named) if has_header is None else has_header
    if header and len(rows) == 1:
        raise DataError(
            f"{raw.name}: a header and no rows" if raw.is_whole else f"{raw.name}: line 2 has no end in sight"
        )
    width = range(1, len(rows[0]) + 1)
    names = tuple(name.strip() for name in rows[0]) if header else tuple(map(str, width))
    return raw, Layout(found, delimiter, quoted, header, names, rows[header:], numbered[header][0] - 1)


def split(
    name: str, text: Sequence[str] | Iterator[str], delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, fields) of each record; blank lines are none.

    Raises:
        DataError: a quote that never closes, a stray carriage return.
    """
    reader = csv.reader(
        iter(text), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{name}: line {line} is not well-formed ({error}); is a quote left open?") from None


def records(raw: Raw, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of every row of data: slow, for finding where something is wrong.

    Raises:
        DataError: at the first row with too many or too few fields.
    """
    rows = split(raw.name, lines(raw), layout.delimiter, layout.quoted)
    if layout.header:
        next(rows)
    for line, fields in rows:
        if len(fields) != layout.width:
            raise DataError(
                f"{raw.name}: line {line} has {len(fields)} fields where the first has {layout.width} "
                f"(separator {layout.separator!r}); mend it, or quote fields that hold the separator"
            )
        yield line, fields


def _sample(raw: Raw) -> list[str]:
    """The first lines, whole ones only."""
    found = list(lines(Raw(raw.name, raw.head[: raw.head.rfind(b"\n") + 1 or None] if not raw.is_whole else raw.head)))
    if not any(line.strip() for line in found):
        raise DataError(f"{raw.name}: nothing but blank lines")
    return found


def _first_records(raw: Raw, delimiter: str, quoted: bool) -> list[tuple[int, list[str]]]:
    """The first row and up to SAMPLE more; the sample may end inside a quoted field, so faults wait for the reading."""
    found: list[tuple[int, list[str]]] = []
    try:
        found.extend(islice(split(raw.name, _sample(raw), delimiter, quoted), SAMPLE + 1))
    except DataError:
        if not found:
            raise
    return found


def _separator(name: str, sample: Sequence[str]) -> str:
    filled = [line for line in sample[:SAMPLE] if line.strip()]
    shares = {sign: _share(filled, sign) for sign in SEPARATORS}
    best = max(SEPARATORS, key=lambda sign: shares[sign])
    if shares[best] > (0.0, 1):
        return best
    words = len(filled[0].split())
    if words > 1:
        raise DataError(
            f"{name}: no separator but blanks in the first line {filled[0].strip()[:60]!r}; if each line is a user "
            "and its items, say format='lists' (--format lists), else separator=' ' (--separator ' ')"
        )
    raise DataError(
        f"{name}: one column only, {filled[0].strip()[:60]!r} in the first line; a user and an item make two"
    )


def _share(filled: Sequence[str], sign: str) -> tuple[float, int]:
    """(share of the rows with as many fields as the first, that number); (0, 1) where the first line is not split."""
    delimiter = UNUSED[0] if len(sign) > 1 else sign
    text = [line.replace(sign, delimiter) for line in filled]
    try:
        widths = [len(fields) for _, fields in split("", text, delimiter, sign != "::")]
    except DataError:
        widths = [line.count(sign) + 1 for line in filled]
    if not widths or widths[0] == 1:
        return 0.0, 1
    return round(widths.count(widths[0]) / len(widths), 2), widths[0]


def _one_byte(raw: Raw, separator: str) -> tuple[Raw, str]:
    if len(separator.encode()) == 1:
        return raw, separator
    content = raw.bytes()
    free = next((sign for sign in UNUSED if sign.encode() not in content), None)
    if free is None:
        raise DataError(f"{raw.name}: control characters everywhere; no text with the separator {separator!r}?")
    return Raw(raw.name, content.replace(separator.encode(), free.encode())), free


def _has_header(name: str, rows: Sequence[Sequence[str]], named: Sequence[str]) -> bool:
    """Whether the first row is one; `named` are the columns that the caller named or numbered."""
    first = [field.strip() for field in rows[0]]
    if any(each in first and not each.isdecimal() for each in named) or any(map(is_known, first)):
        return True
    if any(as_number(field) is not None for field in first):
        return False
    if any(all(as_number(row[at]) is not None for row in rows[1:] if at < len(row)) for at in range(len(first))):
        return True
    if len(named) < 2 and not any(is_date(field) for field in first):
        raise DataError(
            f"{name}: is the first line, {listed(first)}, a header or data? Name the columns if it is a header "
            f"(user={first[0]!r}, item={first[1]!r}), number them if not (user=1, item=2)"
        )
    return False
