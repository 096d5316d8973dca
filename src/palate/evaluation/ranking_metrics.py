"""How good ranked lists are, a number a person. The whole catalogue competes; no sampled candidates.

hits: (B, k) bool, whether each place of the list, best first, holds an item that the person went for;
relevant: (B,) int, how many such items there are, at least 1.
"""

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]


def recall(hits: Hits, relevant: Counts) -> NDArray[np.float64]:
    """The share of the relevant items that the list holds -> (B,)."""
    share: NDArray[np.float64] = hits.sum(axis=1) / relevant
    return share


def ndcg(hits: Hits, relevant: Counts) -> NDArray[np.float64]:
    """Sum of 1 / log2(place + 1) over the hits, over the best that a list of k could reach -> (B,).

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with binary gains.
    """
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))  # (k,)
    ideal = np.cumsum(discounts)[np.minimum(relevant, hits.shape[1]) - 1]
    gained: NDArray[np.float64] = (hits * discounts).sum(axis=1) / ideal
    return gained
