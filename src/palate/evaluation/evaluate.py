"""A trained model and held-out events to a report."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.evaluation import beyond_accuracy as beyond
from palate.evaluation.intervals import HalfWidths, IntervalCoverage, held
from palate.evaluation.ranking_metrics import RANKING_METRICS
from palate.evaluation.rating_metrics import Ratings, calibration, mae, rmse, user_mae, user_rmse
from palate.inference import queries, ranking
from palate.inference.cooccurrence import Alike
from palate.models.contract import PADDING, KnowsSpread, Model, PredictsAtTimes, PredictsRatings, Query
from palate.results import Metrics

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
    full: bool = False,
    half_widths: HalfWidths | None = None,
    newcomers: NDArray[np.bool_] | None = None,
) -> Metrics:
    """What the model makes of `held_out` when `known` is all it may know.

    rmse, mae: of ratings clipped to the known scale, where the model predicts ratings.
    recall@k, ndcg@k: means over people with a relevant held-out item, at most `people` of them, drawn by `seed`; the
    list is the top k of all items but those known of the person. Relevant is an item rated at 0.75 of the scale or
    above, or any item where there are no ratings (`models/liked_history.py`). `people` among the results says how many
    were ranked.
    newcomers: (n_users,), whom the model has learned nothing of: they ask as someone never seen, with their events in
    `known`. What is asked about is predicted at its time, where the model makes something of that.
    full: also all else that `rating_metrics`, `ranking_metrics` and `beyond_accuracy` measure, and with `half_widths`
    how often intervals hold the real rating (`covered@80` of those for 80 %) and how wide they are.
    """
    report: Metrics = {}
    if isinstance(model, PredictsRatings) and held_out.ratings is not None and len(held_out):
        assert known.scale is not None
        predicted = predict(model, known, held_out, newcomers).clip(*known.scale)
        report |= {"rmse": rmse(predicted, held_out.ratings), "mae": mae(predicted, held_out.ratings)}
        if full:
            report |= _more_of_ratings(predicted, held_out.ratings, held_out.users)
        if full and half_widths:
            widths = spread(model, known, held_out, newcomers)
            report |= _of_intervals(held(predicted, held_out.ratings, known.scale, half_widths, widths))
    return report | _evaluate_lists(model, known, relevant(held_out, known.scale), k, people, seed, full, newcomers)


def _more_of_ratings(predicted: Ratings, real: Ratings, users: NDArray[np.int32]) -> Metrics:
    return {
        "user_rmse": user_rmse(predicted, real, users),
        "user_mae": user_mae(predicted, real, users),
        "calibration_error": calibration(predicted, real).error,
    }


def _of_intervals(found: dict[float, IntervalCoverage]) -> Metrics:
    report = {}
    for level, one in found.items():
        report[f"covered@{100 * level:.0f}"], report[f"width@{100 * level:.0f}"] = one.covered, one.width
    return report


def predict(
    model: Model, known: Interactions, pairs: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """The predicted rating of each event of `pairs` -> (n,), not clipped; if given at its time, where that is known and
    the model makes something of it."""
    assert isinstance(model, PredictsRatings)
    at_times = model.predict_at if isinstance(model, PredictsAtTimes) else None

    def ask(query: Query, people: Tensor, items: Tensor, times: Tensor | None) -> Tensor:
        if at_times is None or times is None:
            return model.predict(query, people, items)
        return at_times(query, people, items, times)

    return _of_pairs(model, ask, known, pairs, newcomers)


def spread(
    model: Model, known: Interactions, pairs: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> NDArray[np.float32] | None:
    """The standard deviation of the rating of each event of `pairs` -> (n,), None if the model doesn't know it."""
    return _of_pairs(model, model.spread, known, pairs, newcomers) if isinstance(model, KnowsSpread) else None


@torch.inference_mode()
def _of_pairs(
    model: Model,
    ask: Callable[[Query, Tensor, Tensor, Tensor | None], Tensor],
    known: Interactions,
    pairs: Interactions,
    newcomers: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:
    """ask(query, people (N,), items (N,), times (N,) if there are any) of all events, some people at a time -> (n,)"""
    model.eval()
    users, of_pair = np.unique(pairs.users.astype(np.int64), return_inverse=True)  # of_pair ascends, as users do
    found = np.empty(len(pairs), dtype=np.float32)
    for place, query in queries.in_chunks(known, users, model, newcomers=newcomers):
        rows = slice(*np.searchsorted(of_pair, [place.start, place.stop]))
        people = torch.from_numpy(of_pair[rows] - place.start).to(model.device)
        items = torch.from_numpy(pairs.items[rows]).to(model.device, torch.int64)
        times = None if pairs.times is None else torch.from_numpy(pairs.times[rows]).to(model.device)
        found[rows] = ask(query, people, items, times).cpu().numpy()
    return found


def squared_error(
    model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> float:
    """The mean squared error of ratings as predicted, not clipped: the course's loss."""
    assert held_out.ratings is not None
    return rmse(predict(model, known, held_out, newcomers), held_out.ratings) ** 2


@dataclass(frozen=True)
class Lists:
    """The lists of n people, and what they hold of what those went for."""

    users: NDArray[np.int64]  # (n,) user rows
    items: NDArray[np.int64]  # (n, k) item rows, best first, PADDING where fewer than k are left
    hits: NDArray[np.bool_]  # (n, k) whether each place holds a relevant item
    counts: NDArray[np.int64]  # (n,) relevant items of each, at least 1


def lists(
    model: Model,
    known: Interactions,
    liked: Interactions,
    k: int,
    people: int,
    seed: int,
    newcomers: NDArray[np.bool_] | None = None,
) -> Lists:
    """The top k of all items but those known of each person who has a relevant item in `liked`: at most `people` of
    them, drawn by the seed, the same for every model."""
    users = np.unique(liked.users).astype(np.int64)
    if people < len(users):
        users = np.sort(np.random.default_rng(seed).choice(users, people, replace=False))
    shape = len(users), min(k, known.n_items)
    found = Lists(users, np.zeros(shape, np.int64), np.zeros(shape, np.bool_), np.zeros(len(users), np.int64))
    for place, rows, _ in ranking.rank_users(model, known, users, k, newcomers=newcomers):
        truth, items = ranking.seen(liked, users[place]), rows.cpu()  # (b, n_items), (b, k)
        found.items[place] = items.numpy()
        found.hits[place] = (truth.gather(1, items.clamp(min=0)) & (items != PADDING)).numpy()
        found.counts[place] = truth.sum(1).numpy()  # items, however often each was met
    return found


def _evaluate_lists(
    model: Model,
    known: Interactions,
    liked: Interactions,
    k: int,
    people: int,
    seed: int,
    full: bool,
    newcomers: NDArray[np.bool_] | None,
) -> Metrics:
    found = lists(model, known, liked, k, people, seed, newcomers)
    if not len(found.users):
        return {}
    names = RANKING_METRICS if full else ("recall", "ndcg")
    means = {name: float(RANKING_METRICS[name](found.hits, found.counts).mean()) for name in names}
    means |= _beyond_accuracy(found, known) if full else {}
    return {f"{name}@{k}": value for name, value in means.items()} | {"people": float(len(found.users))}


def _beyond_accuracy(found: Lists, known: Interactions) -> Metrics:
    """Without those that can't be told, such as the diversity of lists of one item."""
    popularity, alike = known.item_counts, Alike(known)
    recommended = beyond.counts_of(found.items, known.n_items)
    diversity, met = np.empty((2, len(found.users)))
    for start in range(0, len(found.users), PEOPLE_RANKED):
        place = slice(start, start + PEOPLE_RANKED)
        diversity[place] = alike.diversity(found.items[place])
        seen = ranking.seen(known, found.users[place])  # (b, n_items)
        met[place] = (seen.double() @ torch.from_numpy(popularity).double() / seen.sum(1)).numpy()
    means = {
        "coverage": beyond.coverage(recommended),
        "gini": beyond.gini(recommended),
        "novelty": _mean(beyond.novelty(found.items, popularity)),
        "popularity_lift": beyond.popularity_lift(beyond.mean_popularity(found.items, popularity), met),
        "diversity": _mean(diversity),
    }
    return {name: value for name, value in means.items() if not np.isnan(value)}


def _mean(values: NDArray[np.float64]) -> float:
    """Of the people for whom there is a value; NaN where there is nobody."""
    there = ~np.isnan(values)
    return float(values[there].mean()) if there.any() else float("nan")
