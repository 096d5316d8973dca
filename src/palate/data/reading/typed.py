"""Files whose columns have types -> Frame: Parquet, SQLite, Excel."""

from palate.data.reading.databases import SQLITE, excel_frame, sqlite_frame
from palate.data.reading.files import PARQUET, Raw
from palate.data.reading.foreign import is_workbook
from palate.data.reading.frames import Frame, parquet_frame


def typed_format(raw: Raw) -> str | None:
    """Return the format of a file with types by its first bytes; None for text."""
    if raw.head.startswith(PARQUET):
        return "parquet"
    if raw.head.startswith(SQLITE):
        return "sqlite"
    return "excel" if is_workbook(raw.head) else None


def typed_frame(raw: Raw, format: str, sheet: str | None, without: str | None = None) -> Frame:
    """Return the Frame of a file with types.

    sheet: the table or sheet to read, None for the only one. without: one that holds something else.

    Raises:
        DataError: the file is damaged, or which table to read is unclear.
        UnsupportedError: a library that this needs is not installed.
    """
    if format == "parquet":
        return parquet_frame(raw)
    return (sqlite_frame if format == "sqlite" else excel_frame)(raw, sheet, without)
