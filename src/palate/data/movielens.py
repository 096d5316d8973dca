"""The MovieLens files of every edition -> two tables: ratings and movies, with the same columns each."""

from pathlib import Path

import polars as pl

from palate.data.reading.categories import NO_GENRES
from palate.data.reading.items import GENRES
from palate.errors import DataError
from palate.system.download import beside, reason

RATINGS = ["userId", "movieId", "rating", "timestamp"]
MOVIES = ["movieId", "title", "genres"]
FLAGS = [NO_GENRES, *GENRES[1:]]
"""The genres of the 19 flags of u.item, in order."""


def ratings(path: Path) -> pl.LazyFrame:
    """Return a file of ratings with the columns `RATINGS`."""
    match path.suffix:
        case ".parquet":
            return pl.scan_parquet(path)
        case ".csv":
            return pl.scan_csv(path, infer_schema=False)
        case ".data":
            return _latin_1(path, "\t", RATINGS)
        case _:
            return _latin_1(path, "::", RATINGS)


def movies(path: Path) -> pl.LazyFrame:
    """Return a file of items with the columns `MOVIES`; genres are separated by "|"."""
    match path.suffix:
        case ".parquet":
            return pl.scan_parquet(path)
        case ".csv":
            return pl.scan_csv(path, infer_schema=False)
        case ".item":
            flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in FLAGS]
            genres = pl.concat_str(flags, separator="|", ignore_nulls=True).alias("genres")
            table = _latin_1(path, "|", ["movieId", "title", "released", "video", "page", *FLAGS])
            return table.select("movieId", "title", genres)
        case _:
            return _latin_1(path, "::", MOVIES)


def write_csv(table: pl.LazyFrame, path: Path) -> None:
    """Write a table as a CSV file, whole or not at all; an old file is replaced.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path) as part:
            part.touch(exist_ok=False)  # for an OSError that says what is wrong with the place
            table.sink_csv(part)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be written: {reason(error)}") from error


def _latin_1(path: Path, separator: str, columns: list[str]) -> pl.LazyFrame:
    """Read a latin-1 table without a header, as GroupLens wrote them up to 2003; all columns as text."""
    text = path.read_text(encoding="latin-1").replace(separator, "\t")
    return pl.read_csv(
        text.encode(), separator="\t", has_header=False, new_columns=columns, quote_char=None, infer_schema=False
    ).lazy()
