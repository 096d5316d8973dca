"""Which of several models differ beyond chance: people, and runs, are drawn again and again, the same for every model.

The paired bootstrap: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 16; for comparing
systems on the same test, Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 4_000
"""How often people are drawn again."""

LEVEL = 0.95
"""How sure an interval is."""

TAIL = (1 - LEVEL) / 2
"""What it leaves out at either end."""

BLOCK = 4_000_000
"""Weights of people drawn at once."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PerPerson:
    """What one model made of each of n people, the same people in the same order as its rivals': sums over their
    events, or a value each with a count of 1; a group's value is its sums over its counts."""

    sums: Floats  # (S, n), a row for each run of the model: the same data, another seed
    counts: Floats  # (n,)

    def of_runs(self) -> Floats:
        """The value of each run -> (S,)."""
        values: Floats = self.sums.sum(1) / self.counts.sum()
        return values


@dataclass(frozen=True)
class Standing:
    """How one model stands among its rivals."""

    value: float
    low: float
    high: float  # low to high: the interval of LEVEL over people and runs drawn again
    spread: float  # standard deviation over runs, 0 for one run
    group: int  # 1 for the best and those that can't be told from it, 2 for the next best of the others and so on


def drawn_again(models: Sequence[PerPerson], seed: int = 0) -> Floats:
    """The value of each of M models when people, and each model's runs, are drawn with replacement -> (DRAWS, M)."""
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


def standings(models: Sequence[PerPerson], *, larger_is_better: bool, root: bool = False) -> list[Standing]:
    """One for each model, in the order given. root: the value is the root of the mean, as in RMSE.

    Models are one group where the interval of their difference from the group's best holds 0. The intervals of M - 1
    differences are as wide as it takes for all of them to be right with LEVEL (Bonferroni).
    """
    drawn = drawn_again(models)
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
    tail = TAIL / max(1, len(best_first) - 1)
    groups: dict[int, int] = {}
    while left := [model for model in best_first if model not in groups]:
        low, high = np.quantile(drawn[:, left] - drawn[:, left[:1]], [tail, 1 - tail], axis=0)
        group = max(groups.values(), default=0) + 1
        groups |= {model: group for place, model in enumerate(left) if low[place] <= 0 <= high[place]}
    return groups


def _spread(runs: Floats) -> float:
    return float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0
