"""Test the search as you type."""

import numpy as np
import pytest

from palate.service.search import NameSearch, fold, whole_text

TITLES = ["Amélie (2001)", "Toy Story (1995)", "Toy Story 2 (1999)", "The Story of Us", "WALL·E (2008)", "東京物語"]


@pytest.fixture(scope="module")
def search() -> NameSearch:
    return NameSearch([[title, str(row)] for row, title in enumerate(TITLES)], np.array([5, 9, 9, 20, 1, 1]))


@pytest.mark.parametrize(
    ("text", "rows"),
    {
        "amel": [0],
        "AMÉL": [0],
        "toy": [1, 2],
        "sto": [3, 1, 2],
        "story toy": [1, 2],
        "toy 1999": [2],
        "oy": [],
        "wall": [4],
        "東京": [5],
        "4": [4],
        "": [3, 1, 2, 0, 4, 5],
        "  ": [3, 1, 2, 0, 4, 5],
        "?!": [],
    }.items(),
)
def test_beginnings_of_words_best_known_first(search: NameSearch, text: str, rows: list[int]) -> None:
    assert search.find(text, 10).tolist() == rows


def test_k(search: NameSearch) -> None:
    assert search.find("sto", 2).tolist() == [3, 1]
    assert search.find("", 1).tolist() == [3]


def test_ids_are_found_by_their_own_beginning() -> None:
    search = NameSearch([["user-1"], ["user-12"], ["1"]], np.array([1, 2, 3]), whole_text)
    assert search.find("1", 5).tolist() == [2]
    assert search.find("USER-1", 5).tolist() == [1, 0]


def test_fold() -> None:
    assert fold("Łódź ÉCLAIR ﬁn Straße") == "łodz eclair fin strasse"
