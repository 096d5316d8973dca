"""Tables of SQLite databases and sheets of Excel workbooks -> Frame."""

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import polars as pl

from palate.data.reading.columns import listed
from palate.data.reading.files import Raw, first_line
from palate.data.reading.frames import Frame, as_frame, row_of
from palate.data.reading.layouts import SAMPLE
from palate.data.reading.values import objects_series
from palate.errors import DataError, UnsupportedError, option
from palate.system.near_names import did_you_mean

SQLITE = b"SQLite format 3\x00"


def sqlite_frame(raw: Raw, table: str | None, without: str | None = None) -> Frame:
    """Return the Frame of a table of a database. table: its name, None if there is only one beside `without`.

    Raises:
        DataError: the file is damaged, or which table to read is unclear.
    """
    try:
        with closing(_connect(raw)) as database:
            kinds = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            tables = [str(name) for (name,) in database.execute(kinds) if name != without]
            chosen = _chosen(raw.name, tables, table)
            nothing = database.execute(f"SELECT * FROM {_quoted(chosen)} LIMIT 0")
            names = [str(column[0]) for column in nothing.description]
    except sqlite3.Error as error:
        raise DataError(f"{raw.name}: the database cannot be read ({error})") from None

    def read(columns: Sequence[str], limit: int = -1) -> dict[str, pl.Series]:
        wanted = ", ".join(map(_quoted, columns)) or "NULL"
        try:
            with closing(_connect(raw)) as database:
                rows = database.execute(f"SELECT {wanted} FROM {_quoted(chosen)} LIMIT {limit}").fetchall()
        except sqlite3.Error as error:
            raise DataError(f"{raw.name}: table {chosen!r} cannot be read ({error})") from None
        return {name: objects_series([row[i] for row in rows]) for i, name in enumerate(columns)}

    where = f"{raw.name}, table {chosen}"
    return Frame(where, names, read, row_of(where), lambda name: read([name], SAMPLE)[name])


def excel_frame(raw: Raw, sheet: str | None, without: str | None = None) -> Frame:
    """Return the Frame of a sheet of a workbook. sheet: its name, None if there is only one beside `without`.

    Raises:
        DataError: the file is damaged, or which sheet to read is unclear.
        UnsupportedError: the library that reads workbooks is not installed.
    """
    try:
        sheets = pl.read_excel(io.BytesIO(raw.bytes()), sheet_id=0, drop_empty_rows=False)
    except ImportError:
        raise UnsupportedError(
            f'{raw.name}: to read a workbook needs fastexcel, which is not installed: pip install "palate[excel]"'
        ) from None
    except Exception as error:  # of the reader, whose errors share no class
        raise DataError(f"{raw.name}: the workbook cannot be read ({first_line(error)})") from None
    chosen = _chosen(raw.name, [name for name, frame in sheets.items() if frame.width and name != without], sheet)
    return as_frame(sheets[chosen], f"{raw.name}, sheet {chosen}")


def _connect(raw: Raw) -> sqlite3.Connection:
    """Open a database to read only."""
    if isinstance(raw.content, Path):
        return sqlite3.connect(f"{raw.content.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    database = sqlite3.connect(":memory:")
    database.deserialize(raw.content)
    return database


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _chosen(where: str, names: list[str], name: str | None) -> str:
    if name is not None and name not in names:
        raise DataError(f"{where}: no table {name!r} among {listed(names)}{did_you_mean(name, names)}")
    if name is None and len(names) != 1:
        if not names:
            raise DataError(f"{where}: it has no table")
        raise DataError(f"{where}: it has the tables {listed(names)}; name one: {option('sheet', names[0])}")
    return names[0] if name is None else name
