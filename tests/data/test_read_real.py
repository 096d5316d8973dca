"""Real data sets, where this machine has them: their published counts come out."""

import os
from pathlib import Path
from typing import Any

import pytest

from palate.data.read import read
from palate.errors import DataError

ROOT = Path(os.environ.get("PALATE_DATA") or Path(__file__).parents[2] / "../shared/data")


def real(name: str) -> Path:
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine; set PALATE_DATA to the folder that holds it")
    return path


@pytest.mark.parametrize(
    ("name", "options", "counts", "scale"),
    [
        ("ml-100k/u.data", {}, (943, 1682, 100_000), (1, 5)),
        ("ml-1m/ratings.csv.gz", {}, (6040, 3706, 1_000_209), (1, 5)),
        ("ml-latest-small/ratings.csv", {}, (610, 9724, 100_836), (0.5, 5)),
        ("amazon-gift-cards/reviews.jsonl.gz", {}, (458, 148, 2965), (1, 5)),
        ("gowalla/train.txt.gz", {"format": "lists"}, (29_858, 40_981, 810_128), None),
        ("lastfm-sequences/LastFM.txt", {"format": "lists"}, (1090, 3646, 52_551), None),
        ("amazon-beauty/Beauty.txt", {"format": "lists"}, (22_363, 12_101, 198_502), None),
        ("bing-news/raw_train.txt", {"user": 1, "item": 2, "rating": 3}, (469, 8668, 10_238), (0, 1)),
    ],
)
def test_counts(
    name: str, options: dict[str, Any], counts: tuple[int, int, int], scale: tuple[float, float] | None
) -> None:
    data = read(real(name), **options)
    assert (data.n_users, data.n_items, len(data)) == counts
    assert data.scale == scale
    assert (data.times is None) == name.startswith(("ml-1m", "bing"))


def test_repeated_reviews_are_counted() -> None:
    data = read(real("amazon-gift-cards/reviews.jsonl.gz"))
    assert data.notes[0].startswith(
        "read reviews.jsonl.gz: 2,972 rows, 458 users, 148 items; user=reviewerID, item=asin"
    )
    assert data.notes[1] == "columns not used: summary, reviewText"
    assert data.notes[2] == "7 rows repeat a (user, item) pair: the latest row of each pair is kept"


@pytest.mark.parametrize(
    ("name", "items", "first", "untold"),
    [
        ("ml-100k/u.data", "ml-100k/u.item", ("Toy Story (1995)", None, ["Animation", "Children's", "Comedy"]), 0),
        (
            "ml-1m/ratings.csv.gz",
            "ml-1m/movies.dat",
            ("Toy Story (1995)", None, ["Animation", "Children's", "Comedy"]),
            177,
        ),
        (
            "ml-latest-small/ratings.csv",
            "ml-latest-small/movies.csv",
            ("Toy Story (1995)", None, ["Adventure", "Animation", "Children", "Comedy", "Fantasy"]),
            18,
        ),
    ],
)
def test_catalogues(name: str, items: str, first: tuple[object, ...], untold: int) -> None:
    data = read(real(name), items=real(items))
    assert data.catalogue.frame.row(0) == first
    assert data.catalogue.frame["title"].null_count() == 0
    notes = [note for note in data.notes if "have no ratings and are left out" in note]
    assert notes == (
        [f"{untold} of {9742 if untold == 18 else 3883:,} items in {Path(items).name} have no ratings and are left out"]
        if untold
        else []
    )


def test_accents_survive() -> None:
    titles = read(real("ml-100k")).catalogue.frame["title"].to_list()
    assert "Misérables, Les (1995)" in titles


def test_products() -> None:
    folder = real("amazon-gift-cards")
    data = read(folder / "reviews.jsonl.gz", items=folder / "products.jsonl.gz")
    assert data.catalogue.title(data.item_ids.row("B004LLIKVU")) == "Amazon eGift Card"
    with pytest.raises(DataError, match="has another layout than"):
        read(folder)


@pytest.mark.parametrize("name", ["ml-100k", "ml-1m", "ml-latest-small"])
def test_movielens_folders(name: str) -> None:
    data = read(real(name))
    assert data.catalogue.frame["title"].null_count() < len(data.catalogue)
    assert data.notes[1].startswith("read ")


def test_a_list_file_is_recognised() -> None:
    with pytest.raises(DataError, match="format='lists'"):
        read(real("gowalla/train.txt.gz"))
