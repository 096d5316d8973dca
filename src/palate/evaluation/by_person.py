"""A trained model and held-out events to what it made of each person, so that models can be compared on them.

`significance.py` says what the differences are worth.
"""

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.evaluation.evaluate import lists, predict
from palate.evaluation.ranking_metrics import ndcg, recall
from palate.evaluation.significance import PerPerson
from palate.models.contract import Model, PredictsRatings
from palate.models.liked_history import relevant


def squared_errors(
    model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_]
) -> PerPerson:
    """Of predicted ratings, clipped to the known scale: of everybody with an event in `held_out`, by their row."""
    assert held_out.ratings is not None
    assert known.scale is not None
    error = predict(model, known, held_out, newcomers).clip(*known.scale) - held_out.ratings.astype(np.float64)
    _, of_event = np.unique(held_out.users, return_inverse=True)
    sums = np.bincount(of_event, error**2).astype(np.float64)
    return PerPerson(sums[None], np.bincount(of_event).astype(np.float64))


def by_person(
    model: Model,
    known: Interactions,
    held_out: Interactions,
    newcomers: NDArray[np.bool_],
    *,
    k: int,
    people: int,
    seed: int,
) -> dict[str, PerPerson]:
    """rmse, ndcg@k and recall@k where there is such, of the people of `evaluate.evaluate`: the same for any model."""
    measured = {}
    if isinstance(model, PredictsRatings) and held_out.ratings is not None:
        measured["rmse"] = squared_errors(model, known, held_out, newcomers)
    found = lists(model, known, relevant(held_out, known.scale), k, people, seed, newcomers)
    if len(found.users):
        ones = np.ones(len(found.users))
        measured[f"ndcg@{k}"] = PerPerson(ndcg(found.hits, found.counts)[None], ones)
        measured[f"recall@{k}"] = PerPerson(recall(found.hits, found.counts)[None], ones)
    return measured
