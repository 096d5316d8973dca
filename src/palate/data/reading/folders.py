"""The files of a folder: which hold the ratings, and which the items."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from palate.errors import DataError

RATINGS = ("ratings.csv", "ratings.parquet", "ratings.dat", "u.data")
ITEMS = ("movies.csv", "movies.parquet", "movies.dat", "u.item")
"""Names of the MovieLens files. If a folder has several, the first of each list is used."""

DATA = re.compile(r"\.(csv|tsv|dat|data|txt|json|jsonl|ndjson|parquet|inter)(\.gz|\.zst)?$", re.IGNORECASE)
README = re.compile(r"^(readme|license|terms|changes)\b", re.IGNORECASE)


class SourceFiles(NamedTuple):
    """The files to read."""

    ratings: Sequence[str | Path]
    items: Path | None = None


def files_of(folder: Path) -> SourceFiles:
    """Return the ratings files of a folder, and its items file if it has the file names of MovieLens.

    Raises:
        DataError: the folder cannot be read, or has no data file.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from None
    ratings = _first(files, RATINGS)
    if ratings is not None:
        return SourceFiles([ratings], _first(files, ITEMS))
    data = [path for path in files if DATA.search(path.name) and not README.match(path.name)]
    if not data:
        raise DataError(
            f"{folder}: no data file in the folder; it needs ratings.csv, u.data, *.csv, *.jsonl, *.parquet or the like"
        )
    return SourceFiles(data)


def _first(files: list[Path], names: tuple[str, ...]) -> Path | None:
    packed = [f"{name}{packing}" for name in names for packing in ("", ".gz", ".zst")]
    by_name = {path.name.lower(): path for path in files}
    return next((by_name[name] for name in packed if name in by_name), None)
