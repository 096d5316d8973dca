"""Which files of a folder are the ratings, and which the items."""

import re
from pathlib import Path

from palate.errors import DataError

RATINGS = ("ratings.csv", "ratings.parquet", "ratings.dat", "u.data")
ITEMS = ("movies.csv", "movies.parquet", "movies.dat", "u.item")
"""The MovieLens layouts: the n-th ratings file goes with any of the items files, in this order."""

DATA = re.compile(r"\.(csv|tsv|dat|data|txt|json|jsonl|ndjson|parquet|inter)(\.gz|\.zst)?$", re.IGNORECASE)
README = re.compile(r"^(readme|license|terms|changes)\b", re.IGNORECASE)


def look_through(folder: Path) -> tuple[list[Path], Path | None]:
    """The ratings files of a folder, and its items file where it is laid out as MovieLens is.

    Raises:
        DataError: the folder cannot be read, or holds no data file.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from None
    ratings = _first(files, RATINGS)
    if ratings is not None:
        return [ratings], _first(files, ITEMS)
    data = [path for path in files if DATA.search(path.name) and not README.match(path.name)]
    if not data:
        raise DataError(f"{folder}: no data file in the folder (ratings.csv, u.data, *.csv, *.jsonl, *.parquet, …)")
    return data, None


def _first(files: list[Path], names: tuple[str, ...]) -> Path | None:
    packed = [f"{name}{packing}" for name in names for packing in ("", ".gz", ".zst")]
    by_name = {path.name.lower(): path for path in files}
    return next((by_name[name] for name in packed if name in by_name), None)
