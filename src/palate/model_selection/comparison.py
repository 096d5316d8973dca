"""What a comparison of models found, and what that says in plain sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from palate.evaluation.intervals import IntervalCoverage
from palate.evaluation.rating_metrics import Calibration
from palate.evaluation.significance import PerUserMetric, Standing


@dataclass(frozen=True)
class Measure:
    """What models are compared by."""

    name: str
    use: str
    """What a model that is good by it is good for."""
    larger_is_better: bool
    root: bool = False
    """Whether the value is the root of a mean."""
    decides: bool = True
    """Whether a model is chosen by it; else it is only shown."""


def measures_of(k: int) -> list[Measure]:
    """rmse, ndcg@k and recall@k, as `evaluation/evaluate.py` defines them."""
    return [
        Measure("rmse", "predicting ratings", larger_is_better=False, root=True),
        Measure(f"ndcg@{k}", "lists", larger_is_better=True),
        Measure(f"recall@{k}", "lists", larger_is_better=True, decides=False),
    ]


@dataclass(frozen=True)
class MeasuredRun:
    """One model, trained once."""

    seconds: float
    memory: int
    """Bytes that training took at its peak, beyond what was held before."""
    history: list[dict[str, float]]
    """A record per epoch; empty for a model that is solved."""
    half_widths: Mapping[float, float]
    """Of the intervals around predicted ratings, from the validation part; of a model that knows spreads, in those."""
    measured: Mapping[str, PerUserMetric] = field(default_factory=dict)
    """By measure."""
    calibration: Calibration | None = None
    """Predicted against real ratings of the test part, where ratings are predicted."""
    intervals: Mapping[float, IntervalCoverage] = field(default_factory=dict)
    """{level: what the intervals of that level were worth on the test part}."""


@dataclass(frozen=True)
class Compared:
    """One model, over its runs."""

    model: str
    kind: Literal["learned", "solved", "blend"]
    """Learned by gradient descent; a blend may hold members of both kinds."""
    runs: list[MeasuredRun]
    standings: Mapping[str, Standing]
    """By measure; a ranking model has no rmse."""

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    @property
    def memory(self) -> int:
        return max(run.memory for run in self.runs)


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    measures: list[Measure]
    models: list[Compared]
    left_out: dict[str, str]
    """Models that are not in it, and why."""
    facts: Mapping[str, str | int | float]
    """Of the table, the split and the budget."""

    def best_first(self, measure: Measure) -> list[Compared]:
        """The models that have this measure."""
        sign = -1 if measure.larger_is_better else 1
        there = [found for found in self.models if measure.name in found.standings]
        return sorted(there, key=lambda found: sign * found.standings[measure.name].value)

    @property
    def sentences(self) -> list[str]:
        """Which model to use for what, what can't be told apart, and whether learning by gradient descent paid."""
        deciding = [measure for measure in self.measures if measure.decides]
        return [sentence for measure in deciding for sentence in _about(measure, self.best_first(measure))]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        rows = [
            {
                "model": found.model,
                "measures": {name: vars(standing) for name, standing in found.standings.items()},
                "seconds": found.seconds,
                "memory": found.memory,
                "runs": [{"seconds": run.seconds, "history": run.history} for run in found.runs],
                **_of_ratings(found.runs[0]),
            }
            for found in self.models
        ]
        return {"models": rows, "left_out": self.left_out, "facts": self.facts, "sentences": self.sentences}


def _of_ratings(run: MeasuredRun) -> dict[str, Any]:
    if run.calibration is None:
        return {}
    tenths = {name: values.tolist() for name, values in run.calibration._asdict().items()}
    return {"calibration": tenths, "covered": {f"{level:g}": held.covered for level, held in run.intervals.items()}}


def _about(measure: Measure, best_first: list[Compared]) -> list[str]:
    best, one = best_first[0], best_first[0].standings[measure.name]
    said = [f"for {measure.use} use {best.model}: {measure.name} {one.value:.4f}, from {one.low:.4f} to {one.high:.4f}"]
    alike = [found for found in best_first if found.standings[measure.name].group == 1]
    if len(alike) > 1:
        quick, names = min(alike, key=lambda found: found.seconds), ", ".join(found.model for found in alike)
        said.append(f"{names} can't be told apart by it; {quick.model} trains soonest, {quick.seconds:.1f} s")
    learned = [found for found in best_first if found.kind == "learned"]
    solved = [found for found in best_first if found.kind == "solved"]
    if learned and solved:
        said.append(_paid(measure, learned[0], solved))
    return said


def _paid(measure: Measure, learned: Compared, solved: list[Compared]) -> str:
    """Whether the best model that learns by gradient descent earned what it costs: against those solved as soon, of
    which the best, or the quickest that can't be told from it, is its rival."""

    def group(found: Compared) -> int:
        return found.standings[measure.name].group

    soon = [found for found in solved if found.seconds <= learned.seconds]
    if soon:
        rival = min((found for found in soon if group(found) == group(soon[0])), key=lambda found: found.seconds)
        if group(learned) < group(rival):
            verdict = f"and earned it, ahead of {rival.model}"
        else:
            less = "can't be told from it" if group(learned) == group(rival) else "is ahead"
            verdict = f"and did not earn it: {rival.model} {less}"
        verdict += f" by {measure.name}, {learned.seconds:.1f} s of training against {rival.seconds:.1f} s"
    else:
        verdict = f"and is trained before all that are solved, in {learned.seconds:.1f} s"
    if solved[0] not in soon and group(solved[0]) < group(learned):
        verdict += f"; {solved[0].model}, solved in {solved[0].seconds:.1f} s, is ahead of it"
    return f"{learned.model} learns by gradient descent {verdict}"
