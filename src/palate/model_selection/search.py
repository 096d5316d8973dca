"""A split and a time to the best model for it: what fits is tried, the cheapest first, and validation judges.

The best few are blended where that is better beyond chance. The test part is never looked at.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from palate.data.relevance import relevant
from palate.data.split import TEST, VALIDATION, Split
from palate.errors import OptionError, UnsupportedError
from palate.evaluation.by_person import of_lists, squared_errors
from palate.evaluation.evaluate import PEOPLE_RANKED, predict
from palate.evaluation.significance import PerUserMetric, Standing, standings
from palate.model_selection.candidates import Cost, able, costs
from palate.models import name_of
from palate.models.blend import Blend, ListBlend, RatingBlend
from palate.models.contract import Model, PredictsRatings
from palate.models.registry import SINGLE
from palate.training.blend_weights import weigh
from palate.training.fit import Observer
from palate.training.trainer import TrainingRecord, learn

MEASURES: dict[str, str] = {"ratings": "rmse", "lists": "ndcg@10"}
"""What validation judges by, for each thing that a model may be wanted for."""

PEOPLE = {"ratings": 5_000, "lists": PEOPLE_RANKED}
"""Of the validation part as many judge, at most."""

MOST = 4
"""How many of the best models are kept to be blended."""

REFIT = 1.15
"""What a refit takes, as a share of the training: there is a ninth more to learn from."""

SAMPLING = 0.25
"""The share of the time after which no further model's cost is measured."""


BLENDING = 0.15
"""The share of the time that is kept for trying blends."""


@dataclass(frozen=True)
class Trial:
    """One model, and how it did."""

    model: str
    score: float | None = None
    """On the validation part, by the measure of the aim; None where it was not trained."""
    seconds: float | None = None
    note: str = ""
    """What became of it: why it was not trained, or that it is in what was chosen."""


@dataclass(frozen=True)
class SearchResult:
    """What a search found."""

    name: str
    model: Model
    """Trained on the training part alone."""
    learned: TrainingRecord
    tried: list[Trial]
    """The best first, and then those that were not trained."""
    measure: str
    """What `tried` was judged by."""
    sentences: list[str]
    """What was chosen, and why."""
    in_time: bool
    """Whether there is time to train it again."""

    @property
    def notes(self) -> list[str]:
        """All of it for the artifact, without durations."""
        scores = [f"{one.model} {one.score:.4f}" for one in self.tried if one.score is not None]
        others = [one.model for one in self.tried if one.score is None]
        tried = f"{self.measure} on the validation part: {', '.join(scores)}"
        return [*self.sentences, tried + (f"; not tried: {', '.join(others)}" if others else "")]


@dataclass(eq=False)
class Candidate:
    """A model that has been trained."""

    name: str
    model: Model | None
    learned: TrainingRecord
    seconds: float
    measured: PerUserMetric
    score: float


class Judge:
    """Measures models on the validation part, person by person."""

    def __init__(self, split: Split, aim: str, seed: int) -> None:
        self.split, self.aim, self.measure, self.seed = split, aim, MEASURES[aim], seed
        held_out = split.validation if aim == "ratings" else relevant(split.validation, split.train.scale)
        people = np.random.default_rng(seed).permutation(np.unique(held_out.users))[: PEOPLE[aim]]
        if len(people) < 2:
            raise OptionError(f"the validation part has {len(people)} people to judge by: raise the validation share")
        self.people = np.sort(people)  # (n,)
        self.first_half = np.isin(self.people, people[: len(people) // 2])  # (n,)
        self.held_out = held_out.where(np.isin(held_out.users, people))

    def __call__(self, model: Model, among: NDArray[np.bool_] | None = None) -> PerUserMetric:
        """Of all the people, or of those among them (n,)."""
        known, newcomers, held_out = self.split.train, self.split.newcomers, self.held_out
        if among is not None:
            held_out = held_out.where(np.isin(held_out.users, self.people[among]))
        if self.aim == "ratings":
            assert known.scale is not None
            return squared_errors(predict(model, known, held_out, newcomers).clip(*known.scale), held_out)
        return of_lists(model, known, held_out, newcomers, k=10, people=PEOPLE["lists"], seed=self.seed)[self.measure]

    def value(self, measured: PerUserMetric) -> float:
        mean = float(measured.of_runs().mean())
        return mean**0.5 if self.aim == "ratings" else mean

    def standings(self, measured: Sequence[PerUserMetric]) -> list[Standing]:
        return standings(measured, larger_is_better=self.aim == "lists", root=self.aim == "ratings")

    def of_blend(self, blend: Blend) -> PerUserMetric:
        """Each half of the people with the weights that the other half chooses."""
        table, part = self.split.table, self.split.part
        shape = 1, len(self.people)
        found = PerUserMetric(np.empty(shape), np.empty(shape[1]))
        for half in (self.first_half, ~self.first_half):
            judges = np.isin(table.users, self.people[half]) & (part == VALIDATION)
            weigh(blend, Split(table, np.where(judges, TEST, part).astype(np.uint8)), self.seed)
            measured = self(blend, half)
            found.sums[:, half], found.counts[half] = measured.sums, measured.counts
        return found


@dataclass
class ModelSearch:
    """Which models have been trained, and what is left of the time."""

    split: Split
    aim: str
    end: float
    """The `time.monotonic` when the best model, too, should have been trained again."""
    seed: int
    device: torch.device
    observers: Sequence[Observer] = ()
    told: Callable[[str], None] = lambda line: None
    candidates: list[Candidate] = field(default_factory=list)
    """The best first; only MOST of them keep their model."""
    reasons: dict[str, str] = field(default_factory=dict)

    def run(self) -> SearchResult:
        began = time.monotonic()
        self.judge = Judge(self.split, self.aim, self.seed)
        self.blending = BLENDING * (self.end - began)
        names, self.reasons = able(self.split.train, self.aim)
        until = began + SAMPLING * (self.end - began)
        found, unknown = costs(names, self.split.train, self.device, self.seed, until, self.told)
        self.reasons |= unknown
        last = [name for name in names if self.aim == "lists" and issubclass(SINGLE[name], PredictsRatings)]
        turns = sorted(found, key=lambda name: (name in last, found[name].whole))
        for place, name in enumerate(turns):
            self._try(name, found[name], len(turns) - place)
        if not self.candidates:
            raise OptionError(f"no model could be trained: {_listed(self.reasons)}")
        return self._chosen()

    def _try(self, name: str, cost: Cost, turns: int) -> None:
        """Train and judge a model, unless what is left of the time is too little for it and for its refit."""
        now = time.monotonic()
        left = self.end - self.blending - now - self._refit(self.candidates[: MOST - 1])
        if self.candidates and cost.least * (1 + REFIT) > left:
            self.reasons[name] = f"about {cost.least:,.0f} s and as much for a refit, with {max(0, left):,.0f} s left"
            return
        self.told(f"{name}, {turns} to go")
        cls = SINGLE[name]
        try:
            model = cls.of(cls.Config(), self.split.table).to(self.device)
            deadline = now + max(left / turns, cost.least) / (1 + REFIT)
            learned = learn(model, self.split, seed=self.seed, observers=self.observers, deadline=deadline)
        except (OptionError, MemoryError, torch.OutOfMemoryError) as error:
            self.reasons[name] = str(error) or "there was not enough memory"
            return
        seconds = time.monotonic() - now
        measured = self.judge(model)
        self.candidates.append(Candidate(name, model, learned, seconds, measured, self.judge.value(measured)))
        self.candidates = [self.candidates[place] for place in self._order([one.score for one in self.candidates])]
        for one in self.candidates[MOST:]:
            one.model = None

    def _chosen(self) -> SearchResult:
        chosen = self.candidates[:1]
        model, measured = chosen[0].model, chosen[0].measured
        assert model is not None
        sentences = [self._first()]
        took = 0.0
        while others := [one for one in self.candidates[:MOST] if one not in chosen]:
            began = time.monotonic()
            if began + took + self._refit(self.candidates[:MOST]) > self.end:
                sentences.append("there was no time to try a blend with another model")
                break
            self.told(f"{_and([one.name for one in chosen])}, blended with another")
            blends = [self._blend([*chosen, one]) for one in others]
            judged = [self.judge.of_blend(blend) for blend in blends]
            best = self._order([self.judge.value(one) for one in judged])[0]
            before, after = self.judge.standings([measured, judged[best]])
            better = after.group < before.group
            names = _and([one.name for one in (*chosen, others[best])])
            sentences.append(
                f"the best blend with one model more, of {names}, is {'better' if better else 'no better'} beyond "
                f"chance: {self.judge.measure} {after.value:.4f}"
            )
            if not better:
                break
            chosen, model, measured = [*chosen, others[best]], blends[best], judged[best]
            weigh(blends[best], self.split, self.seed)
            took = time.monotonic() - began
        members = tuple(one.learned for one in chosen)
        learned = members[0] if len(members) == 1 else TrainingRecord([], members=members)
        in_time = time.monotonic() + self._refit(chosen) <= self.end
        if not in_time:
            sentences.append("there was no time to train it again on training and validation part")
        tried = self._tried([one.name for one in chosen])
        return SearchResult(name_of(type(model)), model, learned, tried, self.judge.measure, sentences, in_time)

    def _refit(self, models: Sequence[Candidate]) -> float:
        """Seconds that it takes to train them again."""
        return REFIT * sum(one.seconds for one in models)

    def _order(self, scores: Sequence[float]) -> list[int]:
        """The places of the scores, the best first."""
        return sorted(range(len(scores)), key=scores.__getitem__, reverse=self.aim == "lists")

    def _blend(self, members: Sequence[Candidate]) -> Blend:
        cls: type[Blend] = RatingBlend if self.aim == "ratings" else ListBlend
        config = cls.Config.model_validate({"members": {one.name: {} for one in members}}).suited(self.split.table)
        with torch.device("meta"):
            blend = cls(config, self.split.table.n_users, self.split.table.n_items)  # type: ignore[arg-type]
        for name, buffer in blend.named_buffers(recurse=False):
            setattr(blend, name, torch.zeros_like(buffer, device=self.device))
        for one in members:
            assert one.model is not None
            blend.members[one.name] = one.model
        return blend

    def _first(self) -> str:
        best, judged = self.candidates[0], f"best of {len(self.candidates)} models on the validation part"
        said = f"{judged}: {best.name}, {self.judge.measure} {best.score:.4f}"
        if len(self.candidates) == 1:
            return said
        groups = [one.group for one in self.judge.standings([one.measured for one in self.candidates])]
        alike = [one.name for one, group in zip(self.candidates[1:], groups[1:], strict=True) if group == 1]
        return said + (f"; {_and(alike)} can't be told from it" if alike else "; the others are behind beyond chance")

    def _tried(self, chosen: Sequence[str]) -> list[Trial]:
        how = "chosen" if len(chosen) == 1 else "in the blend"
        there = [
            Trial(one.name, one.score, round(one.seconds, 2), how if one.name in chosen else "")
            for one in self.candidates
        ]
        return there + [Trial(name, note=why) for name, why in self.reasons.items()]


def search(
    split: Split,
    aim: str | None,
    *,
    end: float,
    seed: int,
    device: torch.device,
    observers: Sequence[Observer] = (),
    told: Callable[[str], None] = lambda line: None,
) -> SearchResult:
    """The best model for the aim that can be found until `end`, a `time.monotonic`, with time left for its refit.

    aim: "ratings" or "lists"; if not said, ratings where the table has any.

    Raises:
        OptionError: an unknown aim, nobody in the validation part to judge by, or no model that can be trained.
        UnsupportedError: ratings are to be predicted, and the table has none.
    """
    rated = split.table.ratings is not None
    aim = aim or ("ratings" if rated else "lists")
    if aim not in MEASURES:
        raise OptionError(f"a model can be wanted for {' or '.join(MEASURES)}, not for {aim!r}")
    if aim == "ratings" and not rated:
        raise UnsupportedError("this table has no ratings to predict: choose the best model for lists")
    return ModelSearch(split, aim, end, seed, device, observers, told).run()


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())
