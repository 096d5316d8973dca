"""Metrics of a trained model for each user, so that models can be compared on the same users.

`significance.py` tests the differences.
"""

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.evaluation.evaluate import finite, lists
from palate.evaluation.ranking_metrics import ndcg, recall
from palate.evaluation.significance import PerUserMetric
from palate.models.contract import Model


def squared_errors(predicted: NDArray[np.float32], held_out: Interactions) -> PerUserMetric:
    """Return the squared errors of predicted ratings (n,) for each user with an event in `held_out`, by their row."""
    assert held_out.ratings is not None
    error = finite(predicted, "predicted ratings") - held_out.ratings.astype(np.float64)
    _, of_event = np.unique(held_out.users, return_inverse=True)
    sums = np.bincount(of_event, error**2).astype(np.float64)
    return PerUserMetric(sums[None], np.bincount(of_event).astype(np.float64))


def of_lists(
    model: Model,
    known: Interactions,
    held_out: Interactions,
    newcomers: NDArray[np.bool_],
    *,
    k: int,
    people: int,
    seed: int,
) -> dict[str, PerUserMetric]:
    """Return ndcg@k and recall@k of each user whom `evaluate.evaluate` ranks; {} where there is no such user."""
    ranked = lists(model, known, relevant(held_out, known.usual_scale), k, people, seed, newcomers)
    ones = np.ones(len(ranked.users))
    measures = {f"ndcg@{k}": ndcg, f"recall@{k}": recall} if len(ones) else {}
    return {name: PerUserMetric(metric(ranked.hits, ranked.counts)[None], ones) for name, metric in measures.items()}
