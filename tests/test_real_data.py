"""Real tables by the command line, with file names alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.names import WITHOUT_RATINGS

Data = Callable[[str], Path]


def palate(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "palate", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=250, env=environment)


def answer(*arguments: object) -> Any:
    ran = palate(*arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


QUICK = ("--epochs", "1", "--no-baselines", "--device", "cpu")


@pytest.mark.parametrize(
    ("folder", "ratings", "items", "size", "user"),
    [
        ("ml-100k", "u.data", "u.item", "100,000 rows, 943 users, 1,682 items", 196),
        ("ml-1m", "ratings.csv.gz", "movies.dat", "1,000,209 rows, 6,040 users, 3,706 items", 1),
        ("ml-latest-small", "ratings.csv", "movies.csv", "100,836 rows, 610 users, 9,724 items", 1),
        ("amazon-gift-cards", "reviews.jsonl.gz", "products.jsonl.gz", "458 users, 148 items", None),
    ],
)
def test_ratings(
    data_folder: Data, tmp_path: Path, folder: str, ratings: str, items: str, size: str, user: int | None
) -> None:
    data, model = data_folder(folder), tmp_path / "m.palate"
    trained = answer("train", data / ratings, "--items", data / items, "-o", model, *QUICK)
    assert size in trained["notes"][0]
    assert 0 < trained["metrics"]["rmse"] < 1.5
    asked = user if user is not None else answer("info", model) and first_user(model)
    found = answer("recommend", model, "--user", asked, "-k", "10")
    assert found["user"] == asked
    assert len({item["id"] for item in found["items"]}) == 10
    assert all(item["title"] for item in found["items"])


def first_user(model: Path) -> Any:
    import palate as library  # noqa: PLC0415 - the function of this name is the command

    return library.load(model).table.user_ids.id(0)


@pytest.mark.parametrize(
    ("folder", "file", "size"),
    [
        ("lastfm-sequences", "LastFM.txt", "52,551 rows, 1,090 users, 3,646 items"),
        ("gowalla", "train.txt.gz", "810,128 rows, 29,858 users, 40,981 items"),
    ],
)
def test_lists_without_ratings(data_folder: Data, tmp_path: Path, folder: str, file: str, size: str) -> None:
    data, model = data_folder(folder), tmp_path / "m.palate"
    trained = answer("train", data / file, "--format", "lists", "--model", "popularity", "-o", model)
    assert size in trained["notes"][0]
    assert set(trained["metrics"]) == {"recall@10", "ndcg@10", "people"}
    assert trained["metrics"]["recall@10"] > 0
    assert len(answer("recommend", model, "--user", "1")["items"]) == 10

    ran = palate("train", data / file, "--format", "lists", "--model", "neural", "-o", tmp_path / "n.palate", "--json")
    assert (ran.returncode, ran.stdout) == (2, "")
    expected = f"error: model 'neural' learns from ratings, and this table has none: choose --model {WITHOUT_RATINGS}\n"
    assert ran.stderr == expected
