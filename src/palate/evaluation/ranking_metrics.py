"""How good ranked lists are, a number a person. The whole catalogue competes; no sampled candidates.

hits: (B, k) bool, whether each place of the list, best first, holds an item that the person went for; places that a
short list leaves empty are misses. relevant: (B,) int, how many such items there are, at least 1: of a person with none
there is nothing to measure, and they are not in a mean. A k beyond the catalogue is the catalogue's size, as no list is
longer. Where nothing else is said, definitions are those of trec_eval with binary relevance, which is what Manning,
Raghavan & Schütze, "Introduction to Information Retrieval", 2008, chapter 8, call by the same names.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def recall(hits: Hits, relevant: Counts) -> Values:
    """The share of the relevant items that the list holds -> (B,)."""
    share: Values = hits.sum(axis=1) / relevant
    return share


def precision(hits: Hits, relevant: Counts) -> Values:
    """The share of the k places that hold a relevant item -> (B,). A list that ends early is still divided by k."""
    share: Values = hits.mean(axis=1)
    return share


def hit_rate(hits: Hits, relevant: Counts) -> Values:
    """1 where the list holds any relevant item, else 0 -> (B,). trec_eval calls it success."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def ndcg(hits: Hits, relevant: Counts) -> Values:
    """Sum of 1 / log2(place + 1) over the hits, over the best that a list of k could reach -> (B,).

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with binary gains.
    """
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))  # (k,)
    gained: Values = (hits * discounts).sum(axis=1) / np.cumsum(discounts)[_reachable(hits, relevant) - 1]
    return gained


def average_precision(hits: Hits, relevant: Counts) -> Values:
    """Sum of the precision at the place of each hit, over the hits that a list of k could hold -> (B,).

    MAP is its mean. The denominator is min(relevant, k), so that a perfect list scores 1 at any k; trec_eval's map_cut
    divides by relevant alone, which holds a short list against people who went for much.
    """
    at_each_place = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)  # (B, k)
    found: Values = (hits * at_each_place).sum(axis=1) / _reachable(hits, relevant)
    return found


def reciprocal_rank(hits: Hits, relevant: Counts) -> Values:
    """1 / place of the first hit, 0 without one -> (B,); MRR is its mean. Voorhees, "TREC-8 QA Track Report", 1999."""
    return np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0.0)


def _reachable(hits: Hits, relevant: Counts) -> Counts:
    """How many hits a list of k could hold at most -> (B,)."""
    return np.minimum(relevant, hits.shape[1])


RANKING_METRICS: dict[str, Callable[[Hits, Counts], Values]] = {
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
"""By the names that reports use."""
