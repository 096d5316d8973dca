"""Ranked lists beyond accuracy: how much of the catalogue they use, how well known their items are and how alike.

lists: (B, k) int64 item rows, PADDING where a list ends early. What an item's popularity is, and which items are alike,
is taken from the known events, so that it is the same for every model.
"""

import numpy as np
from numpy.typing import NDArray

from palate.models.contract import PADDING

Lists = NDArray[np.int64]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def counts_of(lists: Lists, n_items: int) -> Counts:
    """How often each item is recommended -> (n_items,)."""
    return np.bincount(lists[lists != PADDING], minlength=n_items)


def coverage(recommended: Counts) -> float:
    """The share of the catalogue that is recommended to anyone, from counts (n_items,).

    Ge, Delgado-Battenfeld & Jannach, "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity",
    RecSys 2010.
    """
    return float((recommended > 0).mean())


def gini(recommended: Counts) -> float:
    """How unequal the counts (n_items,) are: 0 where all items come up alike, 1 - 1 / n_items where only one does.

    Σ (2 i - n - 1) x_i / (n Σ x_i) over the n counts in ascending order; Fleder & Hosanagar, "Blockbuster Culture's
    Next Rise or Fall", Management Science 2009.
    """
    n = len(recommended)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(recommended) / (n * recommended.sum())) if recommended.any() else float("nan")


def novelty(lists: Lists, popularity: Counts) -> Values:
    """The mean over a list of -log2(an item's share of the known events), in bits -> (B,), NaN for an empty list.

    popularity (n_items,): events of each item; one that has none counts as having one. Zhou, Kuscsik, Liu, Medo,
    Wakeling & Zhang, "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010.
    """
    return _mean(lists, -np.log2(popularity.clip(min=1) / popularity.sum()))


def mean_popularity(lists: Lists, popularity: Counts) -> Values:
    """The mean over a list of its items' known events -> (B,), NaN for an empty list."""
    return _mean(lists, popularity.astype(np.float64))


def popularity_lift(recommended: Values, met: Values) -> float:
    """How many times as popular recommended items are as those that the same people met: 1 for no lift.

    Both (B,), of `mean_popularity`; people who have only one of the two are left out. Abdollahpouri, Mansoury, Burke &
    Mobasher, "The Unfairness of Popularity Bias in Recommendation", RMSE workshop 2019, whose ΔGAP is this minus 1.
    """
    both = ~np.isnan(recommended) & ~np.isnan(met)
    return float(recommended[both].mean() / met[both].mean()) if both.any() else float("nan")


def _mean(lists: Lists, values: Values) -> Values:
    there = lists != PADDING
    with np.errstate(invalid="ignore"):
        means: Values = (values[lists] * there).sum(axis=1) / there.sum(axis=1)
    return means
