"""Open files, unpack them, and detect their kind by the first bytes; every failure becomes a DataError."""

import codecs
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import polars as pl

from palate.data.reading.charsets import SAMPLE, likely_encoding
from palate.data.reading.foreign import foreign_kind
from palate.errors import DataError, OptionError, option
from palate.system.download import content_of, reason
from palate.system.near_names import did_you_mean

GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
PACKINGS = {".gz": GZIP, ".zst": ZSTD}
ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[{\]]")
HEAD = 1 << 18
"""Number of bytes from which a file's layout is detected."""

POLARS_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError)
"""Errors that polars may raise for a broken file; they become a DataError that says more."""

LATIN_1 = frozenset({"u.item", "u.user", "movies.dat", "users.dat"})
"""Files of the MovieLens data sets that are latin-1 where they are not UTF-8."""

STANDARD_INPUT = "-"
ADDRESS = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Raw:
    """The unpacked bytes of one file: on disk if the file is not packed, else in memory."""

    name: str
    content: Path | bytes

    def open(self) -> BinaryIO:
        """Open the bytes as a binary stream."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    @cached_property
    def head(self) -> bytes:
        """The first bytes, at most `HEAD`."""
        with self.open() as stream:
            return stream.read(HEAD)

    @property
    def is_whole(self) -> bool:
        """True if `head` is the whole file."""
        return len(self.head) < HEAD

    @property
    def tail(self) -> bytes:
        """The last bytes, as many as `head` has."""
        with self.open() as stream:
            stream.seek(-len(self.head), io.SEEK_END)
            return stream.read()

    def bytes(self) -> bytes:
        """Return all bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def unpacked_name(path: Path) -> str:
    """Return the file's name without .gz or .zst."""
    return path.stem if path.suffix.lower() in PACKINGS else path.name


def load(source: str | Path) -> Raw:
    """Open one file, a pipe, an address of the web, or "-" for standard input, and unpack it.

    Raises:
        DataError: the file is missing, unreadable, a folder, empty, not packed as its name or first bytes say, or of a
            kind that Palate doesn't read; the message names the kind.
    """
    path = Path(source)
    content: Path | bytes = path
    if is_address(source):
        path, content = _downloaded(str(source))
    elif str(source) == STANDARD_INPUT and not path.exists():
        path, content = Path("standard input"), sys.stdin.buffer.read()
    try:
        if content is path and path.exists() and not (path.is_file() or path.is_dir()):
            content = path.read_bytes()  # of a pipe, which can be read once only
            path = Path("pipe")
        raw = Raw(path.name, content)
        kind = foreign_kind(raw.head)
        raw = raw if kind else Raw(path.name, _unpack(path, content, raw.head))
        kind = kind or foreign_kind(raw.head)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file{did_you_mean(path.name, _neighbours(path))}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if kind:
        raise DataError(f"{path.name}: this is {kind[0]}; {kind[1]}")
    if not raw.head:
        raise DataError(f"{path.name}: the file is empty; it needs a line for each rating or event")
    return raw


def is_address(source: object) -> bool:
    """Return whether a source is an address of the web."""
    return isinstance(source, str) and ADDRESS.match(source) is not None


def _downloaded(address: str) -> tuple[Path, bytes]:
    try:
        return Path(Path(urlsplit(address).path).name or str(urlsplit(address).hostname)), content_of(address)
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(f"{address} cannot be read: {reason(error)}") from None


def _unpack(path: Path, content: Path | bytes, magic: bytes) -> Path | bytes:
    packing = PACKINGS.get(path.suffix.lower())
    if packing and magic and not magic.startswith(packing):
        raise DataError(f"{path.name}: the name ends in {path.suffix} but the content is not packed so; rename it")
    try:
        if magic.startswith(GZIP):
            with gzip.open(io.BytesIO(content) if isinstance(content, bytes) else content) as stream:
                return stream.read()
        if magic.startswith(ZSTD):
            return "\n".join(pl.read_lines(content)["line"].to_list()).encode()
    except (EOFError, zlib.error, gzip.BadGzipFile, *POLARS_FAILURES) as error:
        if "utf8" in str(error):
            raise DataError(f"{path.name}: the packed text is not UTF-8; unpack it with `zstd -d` first") from None
        raise DataError(f"{path.name}: truncated or damaged ({first_line(error)}); fetch the file again") from None
    return content


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error message."""
    if isinstance(error, pl.exceptions.PanicException):
        return "its parts contradict each other"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _neighbours(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def is_json(raw: Raw) -> bool:
    """Return whether a file has JSON lines or one JSON array, by its name or first bytes."""
    suffix = Path(unpacked_name(Path(raw.name))).suffix.lower()
    return (
        suffix in (".jsonl", ".ndjson", ".json")
        or raw.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")
        or is_array(raw)
    )


def is_array(raw: Raw) -> bool:
    """Return whether a file begins as a JSON array of objects."""
    return ARRAY.match(raw.head) is not None


def as_utf8(raw: Raw, encoding: str | None) -> Raw:
    """Return the text in UTF-8 with line feeds; with `encoding` None it should be UTF-8 already.

    Raises:
        DataError: bytes that the encoding does not have, or a UTF-16 file without a named encoding.
        OptionError: the encoding is unknown.
    """
    named = encoding or ("latin-1" if unpacked_name(Path(raw.name)) in LATIN_1 and not _is_utf8(raw) else None)
    if named is None and raw.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{raw.name}: the text is UTF-16; name the encoding: {option('encoding', 'utf-16')}")
    if named is not None and _codec(named) != "utf-8":
        try:
            raw = Raw(raw.name, raw.bytes().decode(named).encode())
        except UnicodeError as error:
            line = raw.bytes()[: getattr(error, "start", 0)].count(b"\n") + 1
            raise DataError(
                f"{raw.name}: line {line} is not {named} ({first_line(error)}); name another encoding"
            ) from None
    if b"\r" in raw.head and b"\n" not in raw.head:
        raw = Raw(raw.name, raw.bytes().replace(b"\r", b"\n"))
    return raw


def _is_utf8(raw: Raw) -> bool:
    try:
        raw.bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise OptionError(f"encoding is {encoding!r}, which Python does not know: try 'utf-8' or 'latin-1'") from None


def lines(raw: Raw) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 file, each ending in \n if the file's line does.

    Raises:
        DataError: a line that is not UTF-8.
    """
    with raw.open() as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                bad = line[error.start : error.start + 1].hex()
                likely = likely_encoding(line + stream.read(SAMPLE))
                raise DataError(
                    f"{raw.name}: line {number} is not UTF-8 (byte 0x{bad}); "
                    f"name the encoding, e.g. {option('encoding', likely)}"
                ) from None
            yield text[:-2] + "\n" if text.endswith("\r\n") else text
