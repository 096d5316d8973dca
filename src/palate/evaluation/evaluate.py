"""A trained model and held-out events to a report."""

import numpy as np
import torch
from numpy.typing import NDArray

from palate import queries, ranking
from palate.data.interactions import Interactions
from palate.evaluation.ranking_metrics import ndcg, recall
from palate.evaluation.rating_metrics import mae, rmse
from palate.models.contract import PADDING, Model, PredictsRatings

Metrics = dict[str, float]

LIKED = 0.75
"""A rated item counts as relevant from this share of the rating scale on: 4 of 1 to 5."""


PEOPLE_RANKED = 1_000
"""Ranking metrics are of at most so many people, drawn by the seed; each of them ranks the whole catalogue."""


def evaluate(
    model: Model,
    known: Interactions,
    held_out: Interactions,
    *,
    k: int = 10,
    people: int = PEOPLE_RANKED,
    seed: int = 0,
    newcomers: NDArray[np.bool_] | None = None,
) -> Metrics:
    """What the model makes of `held_out` when `known` is all it may know.

    rmse, mae: of ratings clipped to the known scale, where the model predicts ratings.
    recall@k, ndcg@k: means over people with a relevant held-out item, at most `people` of them, drawn by `seed`; the
    list is the top k of all items but those known of the person. Relevant is an item rated at `LIKED` of the scale or
    above, or any item where there are no ratings. `people` among the results says how many were ranked.
    newcomers: (n_users,), whom the model has learned nothing of: they ask as someone never seen, with their events in
    `known`.
    """
    report: Metrics = {}
    if isinstance(model, PredictsRatings) and held_out.ratings is not None and len(held_out):
        assert known.scale is not None
        predicted = predict(model, known, held_out, newcomers).clip(*known.scale)
        report |= {"rmse": rmse(predicted, held_out.ratings), "mae": mae(predicted, held_out.ratings)}
    return report | _evaluate_lists(model, known, relevant(held_out, known.scale), k, people, seed, newcomers)


@torch.inference_mode()
def predict(
    model: Model, known: Interactions, pairs: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """The predicted rating of each event of `pairs` -> (n,), not clipped."""
    assert isinstance(model, PredictsRatings)
    model.eval()
    users, of_pair = np.unique(pairs.users.astype(np.int64), return_inverse=True)  # of_pair ascends, as users do
    predicted = np.empty(len(pairs), dtype=np.float32)
    for place, query in queries.in_chunks(known, users, model, newcomers=newcomers):
        rows = slice(*np.searchsorted(of_pair, [place.start, place.stop]))
        people = torch.from_numpy(of_pair[rows] - place.start).to(model.device)
        items = torch.from_numpy(pairs.items[rows]).to(model.device, torch.int64)
        predicted[rows] = model.predict(query, people, items).cpu().numpy()
    return predicted


def squared_error(
    model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> float:
    """The mean squared error of ratings as predicted, not clipped: the course's loss."""
    assert held_out.ratings is not None
    return rmse(predict(model, known, held_out, newcomers), held_out.ratings) ** 2


def relevant(held_out: Interactions, scale: tuple[float, float] | None) -> Interactions:
    """The events of people who liked what they met: see `evaluate`."""
    if held_out.ratings is None or scale is None:
        return held_out
    return held_out.where(held_out.ratings >= scale[0] + LIKED * (scale[1] - scale[0]))


def _evaluate_lists(
    model: Model,
    known: Interactions,
    liked: Interactions,
    k: int,
    people: int,
    seed: int,
    newcomers: NDArray[np.bool_] | None,
) -> Metrics:
    users = np.unique(liked.users).astype(np.int64)
    if people < len(users):
        users = np.sort(np.random.default_rng(seed).choice(users, people, replace=False))
    if not len(users):
        return {}
    hits = np.zeros((len(users), min(k, known.n_items)), dtype=np.bool_)
    counts = np.zeros(len(users), dtype=np.int64)
    for place, rows, _ in ranking.rank_users(model, known, users, k, newcomers=newcomers):
        truth = ranking.seen(liked, users[place])  # (b, n_items)
        found = rows.cpu()
        hits[place] = (truth.gather(1, found.clamp(min=0)) & (found != PADDING)).numpy()
        counts[place] = truth.sum(1).numpy()  # items, however often each was met
    return {
        f"recall@{k}": float(recall(hits, counts).mean()),
        f"ndcg@{k}": float(ndcg(hits, counts).mean()),
        "people": float(len(users)),
    }
