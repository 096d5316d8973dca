"""Data sets by name, in the package or downloaded from GroupLens; `load_table` reads them and any other table."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import platformdirs

from palate.data import movielens
from palate.data.interactions import Interactions
from palate.data.read import read
from palate.errors import DownloadError, OptionError
from palate.system.download import download, extract, locked, md5_of, reason
from palate.system.near_names import did_you_mean

BASE = "https://files.grouplens.org/datasets/movielens"
"""Address of the archives; the environment variable PALATE_DATASETS_URL names a mirror."""

DATASET_NAMES = ("movielens-", "ml-")
"""Prefixes of data set names: a source that begins so and is no file is a data set, or one misspelt."""

ASK_FIRST = "research use, not commercial; ask GroupLens before passing it on; cite Harper and Konstan 2015"
SHARE_ALIKE = "research use, not commercial; pass it on under the same terms only; cite Harper and Konstan 2015"


class Files(NamedTuple):
    """Paths of a data set: its ratings, its items and its terms of use, as the publisher wrote them."""

    ratings: Path
    items: Path
    terms: Path


@dataclass(frozen=True)
class Dataset:
    """Facts of a data set, known before it is downloaded."""

    name: str
    title: str
    users: int
    items: int
    """Number of items listed; some may have no rating."""
    ratings: int
    terms: str
    """Terms of use in short; the whole text is the file `Files.terms`."""
    source: str
    """Web page of the publisher."""
    members: tuple[str, str, str]
    """Names of the files of ratings, items and terms."""
    archive: str = ""
    """GroupLens's name of it; empty for a data set inside this package."""
    md5: str = ""
    """MD5 checksum of the archive."""


_PAGE = "https://grouplens.org/datasets/movielens"
_CSV = ("ratings.csv", "movies.csv", "README.txt")

_ALL = (
    Dataset(
        name="movielens-small",
        title="MovieLens small (October 2016)",
        users=671,
        items=9_066,
        ratings=100_004,
        terms=SHARE_ALIKE,
        source=f"{_PAGE}/latest/",
        members=("ratings.parquet", "movies.parquet", "TERMS.txt"),
    ),
    Dataset(
        name="movielens-100k",
        title="MovieLens 100K",
        users=943,
        items=1_682,
        ratings=100_000,
        terms=ASK_FIRST,
        source=f"{_PAGE}/100k/",
        members=("u.data", "u.item", "README"),
        archive="ml-100k",
        md5="0e33842e24a9c977be4e0107933c0723",
    ),
    Dataset(
        name="movielens-1m",
        title="MovieLens 1M",
        users=6_040,
        items=3_883,
        ratings=1_000_209,
        terms=ASK_FIRST,
        source=f"{_PAGE}/1m/",
        members=("ratings.dat", "movies.dat", "README"),
        archive="ml-1m",
        md5="c4d9eecfca2ab87c1945afe126590906",
    ),
    Dataset(
        name="movielens-20m",
        title="MovieLens 20M",
        users=138_493,
        items=27_278,
        ratings=20_000_263,
        terms=ASK_FIRST,
        source=f"{_PAGE}/20m/",
        members=_CSV,
        archive="ml-20m",
        md5="cd245b17a1ae2cc31bb14903e1204af3",
    ),
    Dataset(
        name="movielens-25m",
        title="MovieLens 25M",
        users=162_541,
        items=62_423,
        ratings=25_000_095,
        terms=ASK_FIRST,
        source=f"{_PAGE}/25m/",
        members=_CSV,
        archive="ml-25m",
        md5="6b51fb2759a8657d3bfcbfc42b592ada",
    ),
    Dataset(
        name="movielens-32m",
        title="MovieLens 32M",
        users=200_948,
        items=87_585,
        ratings=32_000_204,
        terms=SHARE_ALIKE,
        source=f"{_PAGE}/32m/",
        members=_CSV,
        archive="ml-32m",
        md5="d472be332d4daa821edc399621853b57",
    ),
)
DATASETS = {dataset.name: dataset for dataset in _ALL}


def names() -> list[str]:
    """Return the names of all data sets, the one inside the package first."""
    return list(DATASETS)


def describe(name: str) -> Dataset:
    """Return the facts of a data set; "ml-100k" means "movielens-100k".

    Raises:
        OptionError: no data set has this name; the message offers near misses.
    """
    full = f"movielens-{name[3:]}" if name.startswith("ml-") else name
    if full in DATASETS:
        return DATASETS[full]
    hint = did_you_mean(full, names(), most=2) or f"; choose from {', '.join(names())}"
    raise OptionError(f"no data set is called {name!r}{hint}")


def fetch(name: str, *, cache: str | Path | None = None, progress: bool = True) -> Files:
    """Return the files of a data set; download them first if needed. An interrupted download is resumed.

    Args:
        name: of the data set, as `names` lists them.
        cache: folder for the files; by default that of the environment variable PALATE_CACHE, else the user's cache
            folder. An archive saved there by hand is used.
        progress: draw a progress bar if stderr is a terminal.

    Raises:
        OptionError: no data set has this name, or PALATE_DATASETS_URL is no web address.
        DownloadError: the data set cannot be downloaded or stored; the message says how to do it by hand.
    """
    dataset = describe(name)
    if not dataset.archive:
        inside = resources.files("palate") / "samples" / dataset.name
        return Files(*(Path(str(inside / member)) for member in dataset.members))
    folder = Path(cache or os.environ.get("PALATE_CACHE") or platformdirs.user_cache_path("palate")).expanduser()
    files = Files(*(folder / dataset.archive / member for member in dataset.members))
    if not _complete(files):
        _fetch_locked(dataset, folder, files, progress=progress)
    return files


def _complete(files: Files) -> bool:
    return all(file.exists() for file in files)


def _fetch_locked(dataset: Dataset, folder: Path, files: Files, *, progress: bool) -> None:
    archive = folder / f"{dataset.archive}.zip"
    url = f"{_base()}/{archive.name}"
    try:
        files.ratings.parent.mkdir(parents=True, exist_ok=True)
        with locked(archive.with_suffix(".lock")):
            if not _complete(files):  # another process may have fetched them while we waited
                _unpack(dataset, url, archive, files, progress=progress)
    except (OSError, HTTPException, BadZipFile, KeyError) as error:
        by_hand = f"by hand: save {url} as {archive}, then try again"
        raise DownloadError(f"{dataset.title} cannot be fetched: {reason(error)}; {by_hand}") from error


def _base() -> str:
    base = os.environ.get("PALATE_DATASETS_URL") or BASE
    if not base.startswith(("https://", "http://")):
        raise OptionError(f"PALATE_DATASETS_URL is {base!r}; it must start with https:// or http://")
    return base.rstrip("/")


def _unpack(dataset: Dataset, url: str, archive: Path, files: Files, *, progress: bool) -> None:
    """Extract the archive saved by hand, which is kept, or the downloaded one, which is removed."""
    part = archive.with_suffix(".zip.part")
    if not archive.exists():
        download(url, part, dataset.md5, show=progress)
    elif (actual := md5_of(archive)) != dataset.md5:
        raise DownloadError(f"{archive} has the MD5 checksum {actual}, not {dataset.md5}: delete it")
    members = {f"{dataset.archive}/{member}": file for member, file in zip(dataset.members, files, strict=True)}
    extract(archive if archive.exists() else part, members)
    part.unlink(missing_ok=True)


def write(
    name: str,
    ratings_path: str | Path,
    items_path: str | Path,
    *,
    cache: str | Path | None = None,
    progress: bool = True,
) -> None:
    """Write a data set as two CSV files: `userId,movieId,rating,timestamp` and `movieId,title,genres`.

    Times are unix seconds, genres are separated by "|". Old files are replaced. cache, progress: as for `fetch`.

    Raises:
        OptionError: no data set has this name, or both paths are the same.
        DownloadError: the data set cannot be downloaded.
        DataError: a file cannot be written.
    """
    ratings_path, items_path = Path(ratings_path), Path(items_path)
    if ratings_path.absolute() == items_path.absolute():
        raise OptionError(f"ratings and items cannot both be written to {ratings_path}: name two files")
    files = fetch(name, cache=cache, progress=progress)
    movielens.write_csv(movielens.ratings(files.ratings), ratings_path)
    movielens.write_csv(movielens.movies(files.items), items_path)


def load_table(source: object, items: object, reading: Mapping[str, Any]) -> Interactions:
    """Return the interactions of a source: a data set by name, else whatever `palate.read` takes.

    A file goes before a data set of the same name. reading: further arguments of `palate.read`.
    """
    if isinstance(source, Interactions):
        return source
    if isinstance(source, str) and source.startswith(DATASET_NAMES) and not Path(source).exists():
        files = fetch(source)
        dataset = describe(source)
        table = read(files.ratings, items=files.items if items is None else items, **reading)
        return replace(table, notes=(*table.notes, f"{dataset.title}: {dataset.terms}"))
    return read(source, items=items, **reading)
