"""A trained model and held-out events to a report."""

import numpy as np
import torch
from numpy.typing import NDArray

from palate import queries, ranking
from palate.data.interactions import Interactions
from palate.evaluation import beyond_accuracy as beyond
from palate.evaluation.intervals import HalfWidths, around
from palate.evaluation.ranking_metrics import RANKING_METRICS
from palate.evaluation.rating_metrics import Ratings, calibration, covered, mae, rmse, user_mae, user_rmse
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
    full: bool = False,
    half_widths: HalfWidths | None = None,
) -> Metrics:
    """What the model makes of `held_out` when `known` is all it may know.

    rmse, mae: of ratings clipped to the known scale, where the model predicts ratings.
    recall@k, ndcg@k: means over people with a relevant held-out item, at most `people` of them, drawn by `seed`; the
    list is the top k of all items but those known of the person. Relevant is an item rated at `LIKED` of the scale or
    above, or any item where there are no ratings. `people` among the results says how many were ranked.
    full: also all else that `rating_metrics`, `ranking_metrics` and `beyond_accuracy` measure, and with `half_widths`
    how often intervals hold the real rating (`covered@80` of those for 80 %) and how wide they are.
    """
    report: Metrics = {}
    if isinstance(model, PredictsRatings) and held_out.ratings is not None and len(held_out):
        assert known.scale is not None
        predicted = predict(model, known, held_out).clip(*known.scale)
        report |= {"rmse": rmse(predicted, held_out.ratings), "mae": mae(predicted, held_out.ratings)}
        if full:
            report |= _more_of_ratings(predicted, held_out.ratings, held_out.users)
            report |= _of_intervals(predicted, held_out.ratings, known.scale, half_widths or {})
    return report | _evaluate_lists(model, known, relevant(held_out, known.scale), k, people, seed, full)


def _more_of_ratings(predicted: Ratings, real: Ratings, users: NDArray[np.int32]) -> Metrics:
    return {
        "user_rmse": user_rmse(predicted, real, users),
        "user_mae": user_mae(predicted, real, users),
        "calibration_error": calibration(predicted, real).error,
    }


def _of_intervals(predicted: Ratings, real: Ratings, scale: tuple[float, float], half_widths: HalfWidths) -> Metrics:
    report = {}
    for level, half_width in half_widths.items():
        low, high = around(predicted, half_width, scale)
        report[f"covered@{100 * level:.0f}"] = covered(low, high, real)
        report[f"width@{100 * level:.0f}"] = float((high - low).mean())
    return report


@torch.inference_mode()
def predict(model: Model, known: Interactions, pairs: Interactions) -> NDArray[np.float32]:
    """The predicted rating of each event of `pairs` -> (n,), not clipped."""
    assert isinstance(model, PredictsRatings)
    model.eval()
    users, of_pair = np.unique(pairs.users.astype(np.int64), return_inverse=True)  # of_pair ascends, as users do
    predicted = np.empty(len(pairs), dtype=np.float32)
    for place, query in queries.in_chunks(known, users, model):
        rows = slice(*np.searchsorted(of_pair, [place.start, place.stop]))
        people = torch.from_numpy(of_pair[rows] - place.start).to(model.device)
        items = torch.from_numpy(pairs.items[rows]).to(model.device, torch.int64)
        predicted[rows] = model.predict(query, people, items).cpu().numpy()
    return predicted


def squared_error(model: Model, known: Interactions, held_out: Interactions) -> float:
    """The mean squared error of ratings as predicted, not clipped: the course's loss."""
    assert held_out.ratings is not None
    return rmse(predict(model, known, held_out), held_out.ratings) ** 2


def relevant(held_out: Interactions, scale: tuple[float, float] | None) -> Interactions:
    """The events of people who liked what they met: see `evaluate`."""
    if held_out.ratings is None or scale is None:
        return held_out
    return held_out.where(held_out.ratings >= scale[0] + LIKED * (scale[1] - scale[0]))


def _evaluate_lists(
    model: Model, known: Interactions, liked: Interactions, k: int, people: int, seed: int, full: bool
) -> Metrics:
    users = np.unique(liked.users).astype(np.int64)
    if people < len(users):
        users = np.sort(np.random.default_rng(seed).choice(users, people, replace=False))
    if not len(users):
        return {}
    accuracy = {name: np.empty(len(users)) for name in (RANKING_METRICS if full else ("recall", "ndcg"))}
    further = _BeyondAccuracy(known, users) if full else None
    for place, rows, _ in ranking.rank_users(model, known, users, k):
        truth = ranking.seen(liked, users[place])  # (b, n_items)
        found = rows.cpu()
        hits = (truth.gather(1, found.clamp(min=0)) & (found != PADDING)).numpy()
        counts = truth.sum(1).numpy()  # items, however often each was met
        for name, values in accuracy.items():
            values[place] = RANKING_METRICS[name](hits, counts)
        if further is not None:
            further.add(place, found.numpy())
    means = {name: float(values.mean()) for name, values in accuracy.items()}
    means |= {} if further is None else further.means()
    return {f"{name}@{k}": value for name, value in means.items()} | {"people": float(len(users))}


class _BeyondAccuracy:
    """What `beyond_accuracy` measures of the lists of user rows (B,), which come chunk by chunk."""

    def __init__(self, known: Interactions, users: NDArray[np.int64]) -> None:
        self._known, self._users, self._alike = known, users, beyond.Alike(known)
        self._recommended = np.zeros(known.n_items, dtype=np.int64)
        self._novelty, self._diversity, self._popularity, self._met = np.empty((4, len(users)))

    def add(self, place: slice, lists: NDArray[np.int64]) -> None:
        popularity = self._known.item_counts
        self._recommended += beyond.counts_of(lists, self._known.n_items)
        self._novelty[place] = beyond.novelty(lists, popularity)
        self._diversity[place] = self._alike.diversity(lists)
        self._popularity[place] = beyond.mean_popularity(lists, popularity)
        met = ranking.seen(self._known, self._users[place])  # (b, n_items)
        self._met[place] = (met.double() @ torch.from_numpy(popularity).double() / met.sum(1)).numpy()

    def means(self) -> Metrics:
        """Without those that can't be told, such as the diversity of lists of one item."""
        found = {
            "coverage": beyond.coverage(self._recommended),
            "gini": beyond.gini(self._recommended),
            "novelty": _mean(self._novelty),
            "popularity_lift": beyond.popularity_lift(self._popularity, self._met),
            "diversity": _mean(self._diversity),
        }
        return {name: value for name, value in found.items() if not np.isnan(value)}


def _mean(values: NDArray[np.float64]) -> float:
    """Of the people for whom there is a value; NaN where there is nobody."""
    there = ~np.isnan(values)
    return float(values[there].mean()) if there.any() else float("nan")
