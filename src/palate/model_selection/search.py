"""A split and a time to the best model for it: models are trained, the cheapest first, and validation chooses.

The best few are blended where a blend is significantly better. The test part is never looked at.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from palate.data.split import Split
from palate.errors import OptionError, UnsupportedError
from palate.evaluation.significance import PerUserMetric
from palate.model_selection.candidates import Cost, costs, eligible, reason_of
from palate.model_selection.judge import MEASURES, Judge
from palate.model_selection.search_result import SearchResult, Trial
from palate.model_selection.verdict import listed
from palate.models import name_of
from palate.models.blend import Blend, ListBlend, RatingBlend
from palate.models.contract import Model, PredictsRatings
from palate.models.registry import SINGLE
from palate.training.blend_weights import weigh
from palate.training.fit import Observer
from palate.training.trainer import TrainingRecord, learn

MOST = 4
"""Number of the best models that are kept to be blended."""

REFIT = 1.15
"""Time of a refit, as a share of the time of training: it learns from a ninth more events."""

SAMPLING = 0.25
"""Share of the time after which no further model's cost is measured."""

BLENDING = 0.15
"""Share of the time that is kept for blends."""


@dataclass(eq=False)
class Candidate:
    """A trained model, and its metric on the validation part."""

    name: str
    model: Model | None
    record: TrainingRecord
    seconds: float
    measured: PerUserMetric
    score: float


@dataclass
class ModelSearch:
    """A search under way: the models that have been trained, and those that can't be."""

    split: Split
    aim: str
    end: float
    """The `time.monotonic` by which the refit of the best model should be over."""
    seed: int
    device: torch.device
    observers: Sequence[Observer] = ()
    told: Callable[[str], None] = lambda line: None
    candidates: list[Candidate] = field(default_factory=list)
    """The best first; only the first MOST of them keep their model."""
    reasons: dict[str, str] = field(default_factory=dict)
    """The models that were not trained, and why."""

    def run(self) -> SearchResult:
        """Train the models that fit into the time, the cheapest first, and choose the best one or a blend."""
        began = time.monotonic()
        self.judge = Judge(self.split, self.aim, self.seed)
        self.blending = BLENDING * (self.end - began)
        names, self.reasons = eligible(self.split.train, self.aim)
        until = began + SAMPLING * (self.end - began)
        estimates, unknown = costs(names, self.split.train, self.device, self.seed, until, self.told)
        self.reasons |= unknown
        last = [name for name in names if self.aim == "lists" and issubclass(SINGLE[name], PredictsRatings)]
        turns = sorted(estimates, key=lambda name: (name in last, estimates[name].whole))
        for place, name in enumerate(turns):
            self._try(name, estimates[name], len(turns) - place)
        if not self.candidates:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.reasons.items())
            raise OptionError(f"no model could be trained: {reasons}")
        return self._choose()

    def _try(self, name: str, cost: Cost, turns: int) -> None:
        """Train and measure a model, unless the time that is left is too short for it and for its refit."""
        now = time.monotonic()
        left = self.end - self.blending - now - _refit_seconds(self.candidates[: MOST - 1])
        if self.candidates and cost.least * (1 + REFIT) > left:
            needed = f"training takes about {cost.least:,.0f} s and a refit as long"
            self.reasons[name] = f"{needed}: only {max(0, left):,.0f} s are left"
            return
        self.told(f"training {name}, {turns} models to go")
        cls = SINGLE[name]
        try:
            model = cls.of(cls.Config(), self.split.table).to(self.device)
            deadline = now + max(left / turns, cost.least) / (1 + REFIT)
            record = learn(model, self.split, seed=self.seed, observers=self.observers, deadline=deadline)
            seconds = time.monotonic() - now
            measured = self.judge(model)
        except Exception as error:  # whatever stops one model, the others go on
            self.reasons[name] = reason_of(error)
            return
        self.candidates.append(Candidate(name, model, record, seconds, measured, self.judge.value(measured)))
        order = self.judge.best_first([candidate.score for candidate in self.candidates])
        self.candidates = [self.candidates[place] for place in order]
        for candidate in self.candidates[MOST:]:
            candidate.model = None

    def _choose(self) -> SearchResult:
        """Choose the best model, and blend it with further ones as long as each makes it significantly better."""
        members = self.candidates[:1]
        model, measured = members[0].model, members[0].measured
        assert model is not None
        sentences = [self._best_sentence()]
        seconds = 0.0
        while rest := [candidate for candidate in self.candidates[:MOST] if candidate not in members]:
            began = time.monotonic()
            if began + seconds + _refit_seconds(self.candidates[:MOST]) > self.end:
                sentences.append("There was no time to try a blend with another model.")
                break
            self.told(f"blending {listed([member.name for member in members])} with another model")
            try:
                member, blend, blended = self._best_blend(members, rest)
            except Exception as error:  # the best model alone is still an answer
                sentences.append(f"A blend with another model could not be made: {reason_of(error)}.")
                break
            before, after = self.judge.standings([measured, blended])
            better = after.group < before.group
            names = listed([candidate.name for candidate in (*members, member)])
            verdict = "significantly better" if better else "not significantly better"
            sentences.append(f"A blend of {names} is {verdict}: {self.judge.measure} {after.value:.4f}.")
            if not better:
                break
            members, model, measured = [*members, member], blend, blended
            weigh(blend, self.split, self.seed)
            seconds = time.monotonic() - began
        return self._result(members, model, sentences)

    def _best_blend(
        self, members: Sequence[Candidate], rest: Sequence[Candidate]
    ) -> tuple[Candidate, Blend, PerUserMetric]:
        """Blend the members with each of the rest in turn -> the member that helps most, its blend and their metric."""
        blends = [self._blend([*members, candidate]) for candidate in rest]
        measured = [self.judge.of_blend(blend) for blend in blends]
        best = self.judge.best_first([self.judge.value(metric) for metric in measured])[0]
        return rest[best], blends[best], measured[best]

    def _blend(self, members: Sequence[Candidate]) -> Blend:
        cls: type[Blend] = RatingBlend if self.aim == "ratings" else ListBlend
        names: dict[str, object] = {member.name: {} for member in members}
        config = cls.Config.model_validate({"members": names}).suited(self.split.table)
        with torch.device("meta"):
            blend = cls(config, self.split.table.n_users, self.split.table.n_items)  # type: ignore[arg-type]
        for name, buffer in blend.named_buffers(recurse=False):
            setattr(blend, name, torch.zeros_like(buffer, device=self.device))
        for member in members:
            assert member.model is not None
            blend.members[member.name] = member.model
        return blend

    def _result(self, members: Sequence[Candidate], model: Model, sentences: list[str]) -> SearchResult:
        records = tuple(member.record for member in members)
        record = records[0] if len(records) == 1 else TrainingRecord([], members=records)
        in_time = time.monotonic() + _refit_seconds(members) <= self.end
        if not in_time:
            sentences = [*sentences, "There was no time for a refit on training and validation part together."]
        tried = self._trials([member.name for member in members])
        return SearchResult(name_of(type(model)), model, record, tried, self.judge.measure, sentences, in_time)

    def _best_sentence(self) -> str:
        best = self.candidates[0]
        said = f"Best of {len(self.candidates)} models on the validation part: {best.name}"
        said += f" ({self.judge.measure} {best.score:.4f})"
        if len(self.candidates) == 1:
            return f"{said}."
        standings = self.judge.standings([candidate.measured for candidate in self.candidates])
        rest = zip(self.candidates[1:], standings[1:], strict=True)
        equal = [candidate.name for candidate, standing in rest if standing.group == 1]
        if equal:
            return f"{said}; no significant difference from {listed(equal)}."
        return f"{said}, significantly better than the others."

    def _trials(self, members: Sequence[str]) -> list[Trial]:
        note = "chosen" if len(members) == 1 else "in the blend"
        trained = [
            Trial(
                candidate.name, candidate.score, round(candidate.seconds, 2), note if candidate.name in members else ""
            )
            for candidate in self.candidates
        ]
        return trained + [Trial(name, note=why) for name, why in self.reasons.items()]


def _refit_seconds(models: Sequence[Candidate]) -> float:
    """Return the time that it takes to train models again."""
    return REFIT * sum(candidate.seconds for candidate in models)


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
    """Return the best model for the aim that can be trained until `end`, a `time.monotonic`, its refit included.

    aim: "ratings" or "lists"; None stands for ratings where the table has any.

    Raises:
        OptionError: the aim is unknown, the validation part has no users to judge by, or no model can be trained.
        UnsupportedError: the aim is ratings, and the table has none.
    """
    rated = split.table.ratings is not None
    aim = aim or ("ratings" if rated else "lists")
    if aim not in MEASURES:
        raise OptionError(f"a model can be chosen for {' or '.join(MEASURES)}, not for {aim!r}")
    if aim == "ratings" and not rated:
        raise UnsupportedError("this table has no ratings to predict: choose the best model for lists")
    return ModelSearch(split, aim, end, seed, device, observers, told).run()
