"""The layout of a text file: its separator, its header and its first rows."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from palate.data.reading.columns import as_number, is_date, known_roles, listed
from palate.data.reading.files import HEAD, Raw, lines
from palate.data.reading.quote_faults import check_quotes
from palate.data.reading.quotes import Scan, outside_quotes, scan_quotes
from palate.errors import DataError, OptionError, option
from palate.options import ReadingOptions

SEPARATORS = ("::", "\t", ";", "|", ",")
TYPED = {"\\t": "\t", "tab": "\t"}
"""Names for a separator that is hard to type in a shell."""

UNUSED = "\x1f\x1e\x1d\x1c\x02\x03"
"""Control characters, one of which replaces a separator of several bytes."""

SAMPLE = 1000
"""Number of rows from which the content of columns is detected."""

MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Layout:
    """The layout of one delimited text file."""

    separator: str  # as in the file
    delimiter: str  # one byte; differs from the separator only if that is longer
    quoted: bool
    header: bool
    names: tuple[str, ...]  # of the header, or '1', '2', … without one
    rows: list[list[str]]  # the first SAMPLE rows of data
    before: int  # lines before the first row of data: the header and blank ones
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.names)

    def values(self, name: str) -> list[str]:
        """Return the first values of a column."""
        column = self.names.index(name)
        return [row[column] for row in self.rows if column < len(row)]


def lay_out(
    raw: Raw, options: ReadingOptions, named: Sequence[str] = (), has_header: bool | None = None
) -> tuple[Raw, Layout]:
    """Detect the layout of a UTF-8 text file; return the file with a one-byte delimiter, and the layout.

    Args:
        options: the separator, or None to detect it from the content; and whether fields may be in quotes.
        named: columns that the caller named or numbered; a first row with such a name is a header.
        has_header: None to detect it from the content.

    Raises:
        DataError: the file has one column only, a header and no rows, broken quotes, or bytes that are no text.
        OptionError: the separator is impossible.
    """
    first = _sample(raw)[0]
    raw, separator, delimiter, quoted = signs_of(raw, options)
    raw, scan = scan_quotes(raw, delimiter) if quoted else (raw, Scan())
    numbered = _first_records(raw, delimiter, quoted)
    rows = [fields for _, fields in numbered]
    _check_width(raw.name, len(rows[0]), separator, first)
    header = _has_header(raw.name, rows, named) if has_header is None else has_header
    names = tuple(name.strip() for name in rows[0]) if header else tuple(map(str, range(1, len(rows[0]) + 1)))
    unknown = header and not known_roles(names) and not any(name in names for name in named)
    guess = (f"the first line is read as a header: {listed(names)}",) if unknown else ()
    notes = guess + check_quotes(raw, scan, delimiter, list(names), _shape(rows[header:], delimiter))
    if header and len(rows) == 1:
        raise DataError(
            f"{raw.name}: the file has a header and no rows; it needs a line for each rating or event"
            if raw.is_whole
            else f"{raw.name}: line 2 does not end within {HEAD:,} bytes; is a quote left open?"
        )
    first_line, _ = numbered[header]
    layout = Layout(separator, delimiter, quoted, header, names, rows[header:], first_line - 1, notes)
    return raw, layout


class Signs(NamedTuple):
    """The signs between and around the fields of a file."""

    raw: Raw  # with the delimiter in place of the separator
    separator: str
    delimiter: str
    quoted: bool


def signs_of(raw: Raw, options: ReadingOptions) -> Signs:
    """Return the separator of a text file, and the file with a one-byte delimiter in its place.

    Raises:
        DataError: the file has one column only, or bytes that are no text.
        OptionError: the separator is impossible.
    """
    sample = _sample(raw)
    if any("\0" in line for line in sample):
        raise DataError(
            f"{raw.name}: the file has null bytes; if it is not UTF-8, say {option('encoding', 'utf-16')} or another"
        )
    separator = TYPED.get(options.separator, options.separator) if options.separator else _separator(raw.name, sample)
    if separator in ('"', "\n", "\r"):
        raise OptionError(f"separator is {separator!r}; it cannot be a quote or a line end")
    quoted = options.quotes and separator != "::"
    return Signs(*_one_byte(raw, separator, quoted), quoted)


def _shape(rows: Sequence[Sequence[str]], delimiter: str) -> Callable[[str], bool]:
    """Return a function that says whether a line has as many fields as the rows, and numbers where they have some."""
    width = max(map(len, rows), default=0)
    full = [row for row in rows if len(row) == width]
    numbers = [column for column in range(width) if all(as_number(row[column]) is not None for row in full)]

    def like_row(line: str) -> bool:
        fields = line.split(delimiter)
        return len(fields) == width and all(as_number(fields[column]) is not None for column in numbers)

    return like_row


def _check_width(name: str, width: int, separator: str, line: str) -> None:
    if width > MOST_COLUMNS:
        raise DataError(
            f"{name}: {width:,} columns with the separator {separator!r}, above {MOST_COLUMNS:,}; name another one"
        )
    if width < 2:
        raise DataError(
            f"{name}: the separator {separator!r} is not in the first line {line.strip()[:60]!r}; name another one"
        )


def split(
    name: str, text: Sequence[str] | Iterator[str], delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number from 1, fields) of each record; blank lines are left out.

    Raises:
        DataError: a quote is never closed, or a carriage return is inside a line.
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
    """Yield (line number, fields) of every row of data: slow, for locating errors.

    Raises:
        DataError: a row has too many or too few fields; the message names the first such line.
    """
    rows = split(raw.name, lines(raw), layout.delimiter, layout.quoted)
    if layout.header:
        next(rows)
    for line, fields in rows:
        if len(fields) != layout.width:
            raise DataError(
                f"{raw.name}: line {line} has {len(fields)} fields where the first has {layout.width} "
                f"(separator {layout.separator!r}); correct it, or quote fields that contain the separator"
            )
        yield line, fields


def _sample(raw: Raw) -> list[str]:
    """Return the first lines, whole ones only."""
    head = raw.head if raw.is_whole else raw.head[: raw.head.rfind(b"\n") + 1 or None]
    sample = list(lines(Raw(raw.name, head)))
    if not any(line.strip() for line in sample):
        raise DataError(f"{raw.name}: nothing but blank lines; the file needs a line for each rating or event")
    return sample


def _first_records(raw: Raw, delimiter: str, quoted: bool) -> list[tuple[int, list[str]]]:
    """Return the first row and up to SAMPLE more. Errors after it are left to the reading of the whole file, since the
    sample may end inside a quoted field."""
    first: list[tuple[int, list[str]]] = []
    try:
        first.extend(islice(split(raw.name, _sample(raw), delimiter, quoted), SAMPLE + 1))
    except DataError:
        if not first:
            raise
    return first


def _separator(name: str, sample: Sequence[str]) -> str:
    filled = [line for line in sample[:SAMPLE] if line.strip()]
    fits = {sign: _fit(filled, sign) for sign in SEPARATORS}
    best = max(SEPARATORS, key=lambda sign: fits[sign])
    if fits[best].width > 1:
        return _widened(best, filled)
    words = len(filled[0].split())
    if words > 1:
        raise DataError(
            f"{name}: the first line {filled[0].strip()[:60]!r} has no separator but blanks; if each line is a user "
            f"and its items, say {option('format', 'lists')}, else {option('separator', ' ')}"
        )
    raise DataError(
        f"{name}: one column only, {filled[0].strip()[:60]!r} in the first line; a table needs users and items"
    )


def _widened(sign: str, filled: Sequence[str]) -> str:
    """Return a separator with the blank or the second tab that follows it everywhere."""
    longer = sign * 2 if sign == "\t" else sign + " "
    parts = len(longer) // len(sign) if sign == "\t" else 1
    return longer if all(line.count(sign) == parts * line.count(longer) for line in filled) else sign


class Fit(NamedTuple):
    """The fit of a separator to the first rows; fits are compared field by field."""

    share: float  # of the rows that have as many fields as the first
    width: int  # number of fields in the first row


def _fit(filled: Sequence[str], sign: str) -> Fit:
    """Return the fit of a separator; its share is 0 if the first row has one field."""
    delimiter = UNUSED[0] if len(sign) > 1 else sign
    text = [line.replace(sign, delimiter) for line in filled]
    try:
        widths = [len(fields) for _, fields in split("", text, delimiter, sign != "::")]
    except DataError:
        widths = [line.count(sign) + 1 for line in filled]
    if not widths or widths[0] == 1:
        return Fit(0.0, 1)
    return Fit(round(widths.count(widths[0]) / len(widths), 2), widths[0])


def _one_byte(raw: Raw, separator: str, quoted: bool) -> tuple[Raw, str, str]:
    if len(separator.encode()) == 1:
        return raw, separator, separator
    content = raw.bytes()
    free = next((sign for sign in UNUSED if sign.encode() not in content), None)
    if free is None:
        raise DataError(f"{raw.name}: control characters keep the separator {separator!r} from being read; remove them")
    return Raw(raw.name, outside_quotes(content, separator.encode(), free.encode(), quoted)), separator, free


def _has_header(where: str, rows: Sequence[Sequence[str]], named: Sequence[str]) -> bool:
    """Return whether the first row is a header. named: the columns that the caller named or numbered.

    A row with a number is data, unless it names a user and an item too. Where the caller gives numbers of columns,
    a word that happens to be a common name is no sign of a header.
    """
    first = [field.strip() for field in rows[0]]
    known = known_roles(first)
    if any(name in first and not name.isdecimal() for name in named) or {"user", "item"} <= known:
        return True
    if any(as_number(field) is not None for field in first):
        return False
    numbered = len(named) > 1 and all(map(str.isdecimal, named))
    if known and not numbered:
        return True
    if any(all(as_number(row[i]) is not None for row in rows[1:] if i < len(row)) for i in range(len(first))):
        return True
    if len(named) < 2 and not any(is_date(field) for field in first):
        raise DataError(
            f"{where}: is the first line, {listed(first)}, a header or data? Name the columns if it is a header "
            f"({option('user', first[0])}, {option('item', first[1])}), number them if not "
            f"({option('user', 1)}, {option('item', 2)})"
        )
    return False
