"""Test which models differ beyond chance, by the paired bootstrap over users and runs.

Every draw takes the same users for every model: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters
13 and 16; for comparing systems on the same test, Koehn, "Statistical Significance Tests for Machine Translation
Evaluation", EMNLP 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 4_000
"""Bootstrap draws."""

LEVEL = 0.95
"""Confidence level of an interval."""

TAIL = (1 - LEVEL) / 2
"""Share of draws that an interval cuts off at each end."""

BLOCK = 4_000_000
"""Most weights of users that are drawn at once."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PerUserMetric:
    """A metric of one model for n users; models that are compared have the same users in the same order.

    The value of a group of users is the sum of their sums over the sum of their counts. A metric of one value per user
    has counts of 1.
    """

    sums: Floats  # (S, n) over the events of each user; a row for each run, with the same data and another seed
    counts: Floats  # (n,) events of each user

    def of_runs(self) -> Floats:
        """Return the value of each run over all users -> (S,)."""
        values: Floats = self.sums.sum(1) / self.counts.sum()
        return values


@dataclass(frozen=True)
class Standing:
    """The value of one model, its interval, and its group among the models compared."""

    value: float
    low: float
    high: float  # low to high: the bootstrap interval of LEVEL over users and runs
    spread: float  # standard deviation over runs, 0 for one run
    group: int  # 1 for the best model and those not significantly different from it, 2 for the next best, and so on


def bootstrap(models: Sequence[PerUserMetric], seed: int = 0) -> Floats:
    """Return the value of each of M models over users, and its runs, drawn with replacement -> (DRAWS, M)."""
    draw = np.random.default_rng(seed)
    n = len(models[0].counts)
    values = np.empty((DRAWS, len(models)))
    for start in range(0, DRAWS, max(1, BLOCK // n)):
        stop = min(DRAWS, start + max(1, BLOCK // n))
        people = draw.multinomial(n, np.full(n, 1 / n), size=stop - start).astype(np.float64)  # (b, n)
        for place, model in enumerate(models):
            runs = len(model.sums)
            weights = draw.multinomial(runs, np.full(runs, 1 / runs), size=stop - start) / runs  # (b, S)
            values[start:stop, place] = ((people @ model.sums.T) * weights).sum(1) / (people @ model.counts)
    return values


def standings(models: Sequence[PerUserMetric], *, larger_is_better: bool, root: bool = False) -> list[Standing]:
    """Return the standing of each model, in their order. root: the value is the root of the mean, as in RMSE.

    Models are in one group where the interval of their difference from the group's best contains 0. The intervals of
    the M - 1 differences are widened so that LEVEL is the confidence of all of them together (Bonferroni).
    """
    drawn = bootstrap(models)
    runs = [model.of_runs() for model in models]
    if root:
        drawn, runs = np.sqrt(drawn), [np.sqrt(values) for values in runs]
    means = np.array([values.mean() for values in runs])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL], axis=0)
    groups = _groups(drawn, np.argsort(-means if larger_is_better else means, kind="stable").tolist())
    return [
        Standing(float(means[m]), float(low[m]), float(high[m]), _spread(runs[m]), groups[m])
        for m in range(len(models))
    ]


def _groups(drawn: Floats, best_first: list[int]) -> dict[int, int]:
    """Return the group of each model, from draws (DRAWS, M)."""
    tail = TAIL / max(1, len(best_first) - 1)
    groups: dict[int, int] = {}
    while left := [model for model in best_first if model not in groups]:
        low, high = np.quantile(drawn[:, left] - drawn[:, left[:1]], [tail, 1 - tail], axis=0)
        group = max(groups.values(), default=0) + 1
        groups |= {model: group for place, model in enumerate(left) if not place or low[place] <= 0 <= high[place]}
    return groups


def _spread(runs: Floats) -> float:
    return float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0
