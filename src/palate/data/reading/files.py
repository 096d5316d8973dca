"""Files found, unpacked and told apart by their first bytes; everything that goes wrong becomes a DataError."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import polars as pl

from palate.data.vocabulary import did_you_mean
from palate.errors import DataError, OptionError

GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
PACKINGS = {".gz": GZIP, ".zst": ZSTD}
HEAD = 1 << 18
"""How many bytes are looked at to tell a file's layout."""

POLARS_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError)
"""What polars may raise over a broken file; always turned into a DataError that says more."""

LATIN_1 = frozenset({"u.item", "u.user", "movies.dat", "users.dat"})
"""Files of the MovieLens sets that are latin-1; nothing inside them says so."""


@dataclass(frozen=True)
class Raw:
    """The unpacked bytes of one file: still on disk where they lie there plainly, else in memory."""

    name: str
    content: Path | bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    @cached_property
    def head(self) -> bytes:
        with self.open() as stream:
            return stream.read(HEAD)

    @property
    def is_whole(self) -> bool:
        """Whether `head` is the whole file."""
        return len(self.head) < HEAD

    @property
    def tail(self) -> bytes:
        """The last bytes, as many as `head` has."""
        with self.open() as stream:
            stream.seek(-len(self.head), io.SEEK_END)
            return stream.read()

    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def unpacked_name(path: Path) -> str:
    """The file's name without .gz or .zst."""
    return path.stem if path.suffix.lower() in PACKINGS else path.name


def load(path: Path) -> Raw:
    """One file, unpacked.

    Raises:
        DataError: it is missing, unreadable, a folder, empty, or not the packing that its name or bytes announce.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        raw = Raw(path.name, _unpack(path, magic))
        empty = not raw.head
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file{did_you_mean(path.name, _neighbours(path))}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if empty:
        raise DataError(f"{path.name}: the file is empty")
    return raw


def _unpack(path: Path, magic: bytes) -> Path | bytes:
    wanted = PACKINGS.get(path.suffix.lower())
    if wanted and magic and not magic.startswith(wanted):
        raise DataError(f"{path.name}: the name ends in {path.suffix} but the content is not packed so; rename it")
    try:
        if magic.startswith(GZIP):
            with gzip.open(path) as stream:
                return stream.read()
        if magic.startswith(ZSTD):
            return "\n".join(pl.read_lines(path)["line"].to_list()).encode()
    except (EOFError, zlib.error, gzip.BadGzipFile, *POLARS_FAILURES) as error:
        if "utf8" in str(error):
            raise DataError(f"{path.name}: not UTF-8 text inside; unpack it with `zstd -d` first") from None
        raise DataError(f"{path.name}: truncated or damaged ({first_line(error)})") from None
    return path


def first_line(error: BaseException) -> str:
    """The first line of a foreign error, for use inside our own."""
    if isinstance(error, pl.exceptions.PanicException):
        return "its parts contradict each other"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _neighbours(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def is_json(raw: Raw) -> bool:
    """Whether this is JSON lines, by name or first byte."""
    suffix = Path(unpacked_name(Path(raw.name))).suffix.lower()
    return suffix in (".jsonl", ".ndjson", ".json") or raw.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def as_utf8(raw: Raw, encoding: str | None) -> Raw:
    """The same text in UTF-8 with line feeds; `encoding` None means that it should be so already.

    Raises:
        DataError: bytes that the encoding does not have, or a UTF-16 file without its encoding named.
        OptionError: no such encoding.
    """
    named = encoding or ("latin-1" if unpacked_name(Path(raw.name)) in LATIN_1 else None)
    if named is None and raw.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{raw.name}: UTF-16 text; name it: encoding='utf-16' (--encoding utf-16)")
    if named is not None and _codec(named) != "utf-8":
        try:
            raw = Raw(raw.name, raw.bytes().decode(named).encode())
        except UnicodeError as error:
            line = raw.bytes()[: getattr(error, "start", 0)].count(b"\n") + 1
            raise DataError(f"{raw.name}: line {line} is not {named} ({first_line(error)})") from None
    if b"\r" in raw.head and b"\n" not in raw.head:
        raw = Raw(raw.name, raw.bytes().replace(b"\r", b"\n"))
    return raw


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise OptionError(f"encoding is {encoding!r}, which Python does not know; 'utf-8' or 'latin-1', say") from None


def lines(raw: Raw) -> Iterator[str]:
    r"""The lines of a UTF-8 file, each ending in \n where the file's does.

    Raises:
        DataError: a line that is not UTF-8.
    """
    with raw.open() as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                bad = line[error.start : error.start + 1].hex()
                raise DataError(
                    f"{raw.name}: line {number} is not UTF-8 (byte 0x{bad}); "
                    "name the encoding, e.g. encoding='latin-1' (--encoding latin-1)"
                ) from None
            yield text[:-2] + "\n" if text.endswith("\r\n") else text
