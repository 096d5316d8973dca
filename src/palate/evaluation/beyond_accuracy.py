"""Metrics beyond accuracy: coverage of the catalogue, novelty and popularity of the recommended items.

lists: (B, k) int64 item rows, PADDING where a list ends early. Popularity is taken from the known events, so that it is
the same for every model.
"""

import numpy as np
from numpy.typing import NDArray

from palate.models.contract import PADDING

Lists = NDArray[np.int64]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def counts_of(lists: Lists, n_items: int) -> Counts:
    """Count how often each item is recommended -> (n_items,)."""
    return np.bincount(lists[lists != PADDING], minlength=n_items)


def coverage(recommended: Counts) -> float:
    """Return the share of the catalogue that is recommended to at least one user, from counts (n_items,).

    Ge, Delgado-Battenfeld & Jannach, "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity",
    RecSys 2010.
    """
    return float((recommended > 0).mean())


def gini(recommended: Counts) -> float:
    """Return the Gini index of the counts (n_items,): 0 if all are equal, 1 - 1 / n_items if all but one are 0.

    Σ (2 i - n - 1) x_i / (n Σ x_i) over the n counts in ascending order; Fleder & Hosanagar, "Blockbuster Culture's
    Next Rise or Fall", Management Science 2009.
    """
    n = len(recommended)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(recommended) / (n * recommended.sum())) if recommended.any() else float("nan")


def novelty(lists: Lists, popularity: Counts) -> Values:
    """Return the mean over each list of -log2(an item's share of the known events), in bits -> (B,); NaN if empty.

    popularity (n_items,): events of each item; an item without events counts as having one. Zhou, Kuscsik, Liu, Medo,
    Wakeling & Zhang, "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010.
    """
    return _mean(lists, -np.log2(popularity.clip(min=1) / popularity.sum()))


def mean_popularity(lists: Lists, popularity: Counts) -> Values:
    """Return the mean over each list of its items' known events -> (B,), NaN for an empty list."""
    return _mean(lists, popularity.astype(np.float64))


def popularity_lift(recommended: Values, history: Values) -> float:
    """Return the popularity of recommended items over that of the items in the same users' histories: 1 for no lift.

    Both (B,), from `mean_popularity`; users who have only one of the two are left out. Abdollahpouri, Mansoury, Burke &
    Mobasher, "The Unfairness of Popularity Bias in Recommendation", RMSE workshop 2019, whose ΔGAP is this minus 1.
    """
    both = ~np.isnan(recommended) & ~np.isnan(history)
    return float(recommended[both].mean() / history[both].mean()) if both.any() else float("nan")


def _mean(lists: Lists, values: Values) -> Values:
    filled = lists != PADDING
    with np.errstate(invalid="ignore"):
        means: Values = (values[lists] * filled).sum(axis=1) / filled.sum(axis=1)
    return means
