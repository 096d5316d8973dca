"""Ranking metrics of top-N lists, a number per user. Lists are drawn from the whole catalogue, not from a sample.

hits: (B, k) bool, whether each place of the list, best first, holds a relevant item; the empty places of a short list
are misses. relevant: (B,) int, the number of relevant items of each user, at least 1: users without one can't be
measured and are not in a mean. A k above the catalogue's size counts as that size. Unless stated otherwise, definitions
are those of trec_eval with binary relevance, and of Manning, Raghavan & Schütze, "Introduction to Information
Retrieval", 2008, chapter 8.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def recall(hits: Hits, relevant: Counts) -> Values:
    """Return the share of the relevant items that the list holds -> (B,)."""
    share: Values = hits.sum(axis=1) / relevant
    return share


def precision(hits: Hits, relevant: Counts) -> Values:
    """Return the share of the k places that hold a relevant item -> (B,); a short list is still divided by k."""
    share: Values = hits.mean(axis=1)
    return share


def hit_rate(hits: Hits, relevant: Counts) -> Values:
    """Return 1 where the list holds a relevant item, else 0 -> (B,). trec_eval calls it success."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def ndcg(hits: Hits, relevant: Counts) -> Values:
    """Return the sum of 1 / log2(place + 1) over the hits, divided by the largest sum of a list of k -> (B,).

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with binary gains.
    """
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))  # (k,)
    gained: Values = (hits * discounts).sum(axis=1) / np.cumsum(discounts)[_reachable(hits, relevant) - 1]
    return gained


def average_precision(hits: Hits, relevant: Counts) -> Values:
    """Return the sum of the precision at the place of each hit, divided by the most hits of a list of k -> (B,).

    MAP is its mean. The denominator is min(relevant, k), so that a perfect list scores 1 at any k; trec_eval's map_cut
    divides by relevant alone, so that a user with more than k relevant items can't reach 1.
    """
    at_each_place = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)  # (B, k)
    averages: Values = (hits * at_each_place).sum(axis=1) / _reachable(hits, relevant)
    return averages


def reciprocal_rank(hits: Hits, relevant: Counts) -> Values:
    """Return 1 / place of the first hit, 0 without a hit -> (B,); MRR is its mean.

    Voorhees, "TREC-8 QA Track Report", 1999.
    """
    return np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0.0)


def _reachable(hits: Hits, relevant: Counts) -> Counts:
    """Return the most hits that a list of k can hold -> (B,)."""
    return np.minimum(relevant, hits.shape[1])


RANKING_METRICS: dict[str, Callable[[Hits, Counts], Values]] = {
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
"""The ranking metrics, by their names in reports."""
