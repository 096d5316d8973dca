"""Evaluate a trained model on held-out events."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.errors import OptionError
from palate.evaluation import beyond_accuracy as beyond
from palate.evaluation.intervals import HalfWidths, IntervalCoverage, interval_coverage
from palate.evaluation.ranking_metrics import RANKING_METRICS
from palate.evaluation.rating_metrics import Ratings, calibration, mae, rmse, user_mae, user_rmse
from palate.inference import queries, ranking
from palate.inference.cooccurrence import ItemCooccurrence
from palate.models.contract import PADDING, KnowsSpread, Model, PredictsAtTimes, PredictsRatings, Query
from palate.results import Metrics

PEOPLE_RANKED = 1_000
"""Most users in the ranking metrics, drawn by the seed; the whole catalogue is ranked for each of them."""


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
    """Measure the model on the events of `held_out`, given the events of `known`.

    The metrics rmse and mae are of ratings cut to the known scale, if the model predicts ratings. A rating is predicted
    for its time, if the model uses times.

    The metrics recall@k and ndcg@k are means over users with a relevant held-out item, at most `people` of them, drawn
    by `seed`; `people` among the results is their number. A list is the top k of all items except the user's known
    ones. An item is relevant if its rating is at 0.75 of the scale or above, and any item is where there are no ratings
    (`data/relevance.py`).

    Args:
        full: also the other metrics of `rating_metrics`, `ranking_metrics` and `beyond_accuracy`.
        half_widths: with `full`, also the coverage of these intervals (`covered@80` for 80 %) and their width.
        newcomers: (n_users,) bool, users that the model has not learned from: they are new users (cold start), scored
            by their events in `known`.

    Raises:
        OptionError: a predicted rating or a score is not finite.
    """
    report: Metrics = {}
    if isinstance(model, PredictsRatings) and held_out.ratings is not None and len(held_out):
        assert known.scale is not None
        predicted = finite(predict(model, known, held_out, newcomers), "predicted ratings").clip(*known.scale)
        report |= {"rmse": rmse(predicted, held_out.ratings), "mae": mae(predicted, held_out.ratings)}
        if full:
            report |= _more_rating_metrics(predicted, held_out.ratings, held_out.users)
        if full and half_widths:
            spreads = spread(model, known, held_out, newcomers)
            coverage = interval_coverage(predicted, held_out.ratings, known.scale, half_widths, spreads)
            report |= _interval_metrics(coverage)
    return report | _evaluate_lists(
        model, known, relevant(held_out, known.usual_scale), k, people, seed, full, newcomers
    )


def finite(values: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """Return the values (n,) of a model.

    Raises:
        OptionError: one of them is infinite or NaN; `what` says what they are.
    """
    if not np.isfinite(values).all():
        raise OptionError(f"the model gives {what} that are not finite numbers: its metrics would mean nothing")
    return values


def _more_rating_metrics(predicted: Ratings, real: Ratings, users: NDArray[np.int32]) -> Metrics:
    return {
        "user_rmse": user_rmse(predicted, real, users),
        "user_mae": user_mae(predicted, real, users),
        "calibration_error": calibration(predicted, real).error,
    }


def _interval_metrics(coverage: dict[float, IntervalCoverage]) -> Metrics:
    report = {}
    for level, measured in coverage.items():
        report[f"covered@{100 * level:.0f}"], report[f"width@{100 * level:.0f}"] = measured.covered, measured.width
    return report


def predict(
    model: Model, known: Interactions, pairs: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Predict the rating of each event of `pairs` -> (n,), not cut to the scale, for its time if the model uses it."""
    assert isinstance(model, PredictsRatings)
    at_times = model.predict_at if isinstance(model, PredictsAtTimes) else None

    def predict_pairs(query: Query, people: Tensor, items: Tensor, times: Tensor | None) -> Tensor:
        if at_times is None or times is None:
            return model.predict(query, people, items)
        return at_times(query, people, items, times)

    return _for_pairs(model, predict_pairs, known, pairs, newcomers)


def spread(
    model: Model, known: Interactions, pairs: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> NDArray[np.float32] | None:
    """Return the standard deviation of the rating of each event of `pairs` -> (n,), None if the model has none."""
    return _for_pairs(model, model.spread, known, pairs, newcomers) if isinstance(model, KnowsSpread) else None


@torch.inference_mode()
def _for_pairs(
    model: Model,
    function: Callable[[Query, Tensor, Tensor, Tensor | None], Tensor],
    known: Interactions,
    pairs: Interactions,
    newcomers: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:
    """Call function(query, people (N,), items (N,), times (N,) or None) for all events, in chunks of users -> (n,)."""
    model.eval()
    users, of_pair = np.unique(pairs.users.astype(np.int64), return_inverse=True)  # of_pair ascends, as users do
    values = np.empty(len(pairs), dtype=np.float32)
    for place, query in queries.in_chunks(known, users, model, newcomers=newcomers):
        rows = slice(*np.searchsorted(of_pair, [place.start, place.stop]))
        people = torch.from_numpy(of_pair[rows] - place.start).to(model.device)
        items = torch.from_numpy(pairs.items[rows]).to(model.device, torch.int64)
        times = None if pairs.times is None else torch.from_numpy(pairs.times[rows]).to(model.device)
        values[rows] = function(query, people, items, times).cpu().numpy()
    return values


def squared_error(
    model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_] | None = None
) -> float:
    """Return the mean squared error of predicted ratings, not cut to the scale: the course's loss."""
    assert held_out.ratings is not None
    return rmse(predict(model, known, held_out, newcomers), held_out.ratings) ** 2


@dataclass(frozen=True)
class TopNLists:
    """The top-N lists of n users, and their hits."""

    users: NDArray[np.int64]  # (n,) user rows
    items: NDArray[np.int64]  # (n, k) item rows, best first, PADDING where fewer than k are left
    hits: NDArray[np.bool_]  # (n, k) whether each place holds a relevant item
    counts: NDArray[np.int64]  # (n,) relevant items of each user, at least 1


def lists(
    model: Model,
    known: Interactions,
    liked: Interactions,
    k: int,
    people: int,
    seed: int,
    newcomers: NDArray[np.bool_] | None = None,
) -> TopNLists:
    """Return the top k of all items, without known ones, for each user with a relevant item in `liked`.

    At most `people` users are ranked; the seed draws them, the same for every model.
    """
    users = np.unique(liked.users).astype(np.int64)
    if people < len(users):
        users = np.sort(np.random.default_rng(seed).choice(users, people, replace=False))
    shape = len(users), min(k, known.n_items)
    result = TopNLists(users, np.zeros(shape, np.int64), np.zeros(shape, np.bool_), np.zeros(len(users), np.int64))
    for place, rows, scores in ranking.rank_users(model, known, users, k, newcomers=newcomers):
        truth, items = ranking.seen(liked, users[place]), rows.cpu()  # (b, n_items), (b, k)
        finite(scores.cpu()[items != PADDING].numpy(), "scores")
        result.items[place] = items.numpy()
        result.hits[place] = (truth.gather(1, items.clamp(min=0)) & (items != PADDING)).numpy()
        result.counts[place] = truth.sum(1).numpy()  # different items
    return result


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
    ranked = lists(model, known, liked, k, people, seed, newcomers)
    if not len(ranked.users):
        return {}
    names = RANKING_METRICS if full else ("recall", "ndcg")
    means = {name: float(RANKING_METRICS[name](ranked.hits, ranked.counts).mean()) for name in names}
    means |= _beyond_accuracy(ranked, known) if full else {}
    return {f"{name}@{k}": value for name, value in means.items()} | {"people": float(len(ranked.users))}


def _beyond_accuracy(ranked: TopNLists, known: Interactions) -> Metrics:
    """Return the metrics beyond accuracy without undefined ones, such as the diversity of lists of one item."""
    popularity, cooccurrence = known.item_counts, ItemCooccurrence(known)
    recommended = beyond.counts_of(ranked.items, known.n_items)
    diversity, history = np.empty((2, len(ranked.users)))
    for start in range(0, len(ranked.users), PEOPLE_RANKED):
        place = slice(start, start + PEOPLE_RANKED)
        diversity[place] = cooccurrence.diversity(ranked.items[place])
        seen = ranking.seen(known, ranked.users[place])  # (b, n_items)
        history[place] = (seen.double() @ torch.from_numpy(popularity).double() / seen.sum(1)).numpy()
    means = {
        "coverage": beyond.coverage(recommended),
        "gini": beyond.gini(recommended),
        "novelty": _mean(beyond.novelty(ranked.items, popularity)),
        "popularity_lift": beyond.popularity_lift(beyond.mean_popularity(ranked.items, popularity), history),
        "diversity": _mean(diversity),
    }
    return {name: value for name, value in means.items() if not np.isnan(value)}


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of the values that are not NaN, and NaN if all are."""
    known = ~np.isnan(values)
    return float(values[known].mean()) if known.any() else float("nan")
