"""A trained model and held-out events to what it made of each person, so that models can be compared on them.

`significance.py` says what the differences are worth.
"""

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.evaluation.evaluate import lists
from palate.evaluation.ranking_metrics import ndcg, recall
from palate.evaluation.rating_metrics import Ratings
from palate.evaluation.significance import PerPerson
from palate.models.contract import Model


def squared_errors(predicted: Ratings, held_out: Interactions) -> PerPerson:
    """Of the predicted rating of each event (n,): of everybody with an event in `held_out`, by their row."""
    assert held_out.ratings is not None
    error = predicted - held_out.ratings.astype(np.float64)
    _, of_event = np.unique(held_out.users, return_inverse=True)
    sums = np.bincount(of_event, error**2).astype(np.float64)
    return PerPerson(sums[None], np.bincount(of_event).astype(np.float64))


def of_lists(
    model: Model,
    known: Interactions,
    held_out: Interactions,
    newcomers: NDArray[np.bool_],
    *,
    k: int,
    people: int,
    seed: int,
) -> dict[str, PerPerson]:
    """ndcg@k and recall@k of the people of `evaluate.evaluate`, the same for any model; none where there is nobody."""
    found = lists(model, known, relevant(held_out, known.scale), k, people, seed, newcomers)
    ones = np.ones(len(found.users))
    measures = {f"ndcg@{k}": ndcg, f"recall@{k}": recall} if len(ones) else {}
    return {name: PerPerson(of(found.hits, found.counts)[None], ones) for name, of in measures.items()}
