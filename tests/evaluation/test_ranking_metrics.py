"""Ranked lists, by hand."""

from math import log2

import numpy as np
import pytest

from palate.evaluation.ranking_metrics import ndcg, recall

HITS = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=np.bool_)
RELEVANT = np.array([3, 2, 9, 1, 1])


def test_recall_is_the_share_of_the_relevant_that_was_found() -> None:
    assert recall(HITS, RELEVANT).tolist() == pytest.approx([2 / 3, 0 / 2, 4 / 9, 1 / 1, 1 / 1])


def test_ndcg_discounts_by_place_and_compares_with_the_best_there_could_be() -> None:
    first, second, third, fourth = 1 / log2(2), 1 / log2(3), 1 / log2(4), 1 / log2(5)
    expected = [
        (first + third) / (first + second + third),
        0 / (first + second),
        1,  # nine are relevant, a list of four can't hold more than four
        fourth / first,
        first / first,
    ]
    assert ndcg(HITS, RELEVANT).tolist() == pytest.approx(expected)


def test_a_list_of_one() -> None:
    hits = np.array([[True], [False]])
    assert recall(hits, np.array([4, 1])).tolist() == [0.25, 0]
    assert ndcg(hits, np.array([4, 1])).tolist() == [1, 0]


def test_nobody() -> None:
    nobody = np.empty((0, 3), dtype=np.bool_)
    assert recall(nobody, np.empty(0, dtype=np.int64)).shape == (0,)
    assert ndcg(nobody, np.empty(0, dtype=np.int64)).shape == (0,)
