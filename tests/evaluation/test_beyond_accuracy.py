"""Lists of three people over five items, by hand."""

from math import log2, sqrt

import numpy as np
import pytest

from palate.evaluation import beyond_accuracy as beyond
from palate.inference.cooccurrence import ItemCooccurrence
from palate.models.contract import PADDING
from tests import tables

LISTS = np.array([[0, 1, 2], [1, 2, PADDING], [1, PADDING, PADDING]])
EMPTY = np.array([[PADDING, PADDING]])

KNOWN = tables.table([0, 0, 1, 1, 2, 2, 2, 3], [0, 1, 0, 1, 1, 2, 2, 0], all_items=[0, 1, 2, 3, 4])
"""Item 0 is met by 0, 1, 3; item 1 by 0, 1, 2; item 2 by 2, twice; nobody met 3 and 4."""

POPULARITY = KNOWN.item_counts


def test_how_often_each_is_recommended() -> None:
    assert POPULARITY.tolist() == [3, 3, 2, 0, 0]
    assert beyond.counts_of(LISTS, 5).tolist() == [1, 3, 2, 0, 0]


def test_coverage() -> None:
    assert beyond.coverage(beyond.counts_of(LISTS, 5)) == 3 / 5


def test_gini_is_the_mean_difference_over_twice_the_mean() -> None:
    for counts in ([1, 3, 2, 0, 0], [7], [5, 5, 5], [0, 0, 9], np.random.default_rng(0).integers(0, 50, 40).tolist()):
        n, mean = len(counts), np.mean(counts)
        difference = sum(abs(a - b) for a in counts for b in counts) / n**2
        assert beyond.gini(np.array(counts)) == pytest.approx(difference / (2 * mean), abs=1e-12)
    assert beyond.gini(np.array([5, 5, 5])) == 0
    assert beyond.gini(np.array([0, 0, 9])) == pytest.approx(1 - 1 / 3)
    assert np.isnan(beyond.gini(np.zeros(3, dtype=np.int64)))


def test_novelty_is_the_mean_self_information() -> None:
    bits = [-log2(3 / 8), -log2(3 / 8), -log2(2 / 8)]
    expected = [sum(bits) / 3, (bits[1] + bits[2]) / 2, bits[1]]
    assert beyond.novelty(LISTS, POPULARITY).tolist() == pytest.approx(expected)
    assert beyond.novelty(np.array([[3]]), POPULARITY).tolist() == [-log2(1 / 8)], "never met is as if met once"
    assert np.isnan(beyond.novelty(EMPTY, POPULARITY)).all()


def test_popularity_lift_is_of_means_over_people() -> None:
    recommended = beyond.mean_popularity(LISTS, POPULARITY)
    assert recommended.tolist() == pytest.approx([8 / 3, 5 / 2, 3])
    met = np.array([2.0, np.nan, 4.0])
    assert beyond.popularity_lift(recommended, met) == pytest.approx(((8 / 3 + 3) / 2) / ((2 + 4) / 2))
    assert np.isnan(beyond.popularity_lift(recommended, np.full(3, np.nan)))


def test_diversity_is_one_minus_the_mean_cosine() -> None:
    """Cosine of 0 and 1: two met both; of 0 and 2: nobody; of 1 and 2: one. Item 3 is like none."""
    lists = np.array([[0, 1, 2, PADDING], [2, 1, PADDING, PADDING], [3, 0, 1, 4], [1, *[PADDING] * 3]])
    both, one = 2 / (sqrt(3) * sqrt(3)), 1 / (sqrt(3) * sqrt(1))
    found = ItemCooccurrence(KNOWN).diversity(lists)
    assert found[:3].tolist() == pytest.approx([1 - (both + 0 + one) / 3, 1 - one, 1 - both / 6])
    assert np.isnan(found[3])


def test_diversity_as_by_every_pair_of_columns() -> None:
    table = tables.random_table(share=0.3)
    met = np.zeros((table.n_users, table.n_items))
    met[table.users, table.items] = 1
    cosines = met.T @ met / np.sqrt(np.outer(met.sum(0), met.sum(0)))
    draw = np.random.default_rng(0)
    lists = np.array([draw.permutation(table.n_items)[:7] for _ in range(50)])
    expected = [1 - (cosines[np.ix_(items, items)].sum() - 7) / (7 * 6) for items in lists]
    np.testing.assert_allclose(ItemCooccurrence(table).diversity(lists), expected, atol=1e-12)
