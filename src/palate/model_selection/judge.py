"""The metric of models on the validation part, user by user, so that differences can be tested for significance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from palate.data.relevance import relevant
from palate.data.split import TEST, VALIDATION, Split
from palate.errors import OptionError
from palate.evaluation.by_person import of_lists, squared_errors
from palate.evaluation.evaluate import PEOPLE_RANKED, predict
from palate.evaluation.significance import PerUserMetric, Standing, standings
from palate.models.blend import Blend
from palate.models.contract import Model
from palate.training.blend_weights import weigh

MEASURES: dict[str, str] = {"ratings": "rmse", "lists": "ndcg@10"}
"""The metric that models are chosen by, for each aim."""

USERS = {"ratings": 5_000, "lists": PEOPLE_RANKED}
"""Largest number of users of the validation part that a model is measured on."""


class Judge:
    """Measures models on the validation part, for one aim: "ratings" or "lists"."""

    def __init__(self, split: Split, aim: str, seed: int) -> None:
        self.split, self.aim, self.measure, self.seed = split, aim, MEASURES[aim], seed
        held_out = split.validation if aim == "ratings" else relevant(split.validation, split.train.usual_scale)
        users = np.random.default_rng(seed).permutation(np.unique(held_out.users))[: USERS[aim]]
        if len(users) < 2:
            raise OptionError(f"the validation part has {len(users)} users to judge by: raise the validation share")
        self.users = np.sort(users)  # (n,)
        self.first_half = np.isin(self.users, users[: len(users) // 2])  # (n,)
        self.held_out = held_out.where(np.isin(held_out.users, users))

    def __call__(self, model: Model, among: NDArray[np.bool_] | None = None) -> PerUserMetric:
        """Measure a model on all users, or on those marked in `among` (n,)."""
        known, newcomers, held_out = self.split.train, self.split.newcomers, self.held_out
        if among is not None:
            held_out = held_out.where(np.isin(held_out.users, self.users[among]))
        if self.aim == "ratings":
            assert known.scale is not None
            return squared_errors(predict(model, known, held_out, newcomers).clip(*known.scale), held_out)
        return of_lists(model, known, held_out, newcomers, k=10, people=USERS["lists"], seed=self.seed)[self.measure]

    def value(self, measured: PerUserMetric) -> float:
        """Return the metric over all users: RMSE or nDCG@10."""
        mean = float(measured.of_runs().mean())
        return mean**0.5 if self.aim == "ratings" else mean

    def best_first(self, scores: Sequence[float]) -> list[int]:
        """Return the places of the scores, the best first."""
        return sorted(range(len(scores)), key=scores.__getitem__, reverse=self.aim == "lists")

    def standings(self, measured: Sequence[PerUserMetric]) -> list[Standing]:
        """Return the place of each model among the others, in groups that differ significantly."""
        return standings(measured, larger_is_better=self.aim == "lists", root=self.aim == "ratings")

    def of_blend(self, blend: Blend) -> PerUserMetric:
        """Measure a blend on each half of the users, with the weights that the other half chooses."""
        table, part = self.split.table, self.split.part
        shape = 1, len(self.users)
        whole = PerUserMetric(np.empty(shape), np.empty(shape[1]))
        for half in (self.first_half, ~self.first_half):
            hidden = np.isin(table.users, self.users[half]) & (part == VALIDATION)
            weigh(blend, Split(table, np.where(hidden, TEST, part).astype(np.uint8)), self.seed)
            measured = self(blend, half)
            whole.sums[:, half], whole.counts[half] = measured.sums, measured.counts
        return whole
