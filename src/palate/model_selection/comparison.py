"""The result of a comparison of models, and what it means in plain sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from palate.evaluation.intervals import IntervalCoverage
from palate.evaluation.rating_metrics import Calibration
from palate.evaluation.significance import PerUserMetric, Standing
from palate.model_selection.verdict import listed


@dataclass(frozen=True)
class Measure:
    """A metric that models are compared by."""

    name: str
    use: str
    """The use of a model that is good by this metric."""
    larger_is_better: bool
    root: bool = False
    """Whether the value is the root of a mean."""
    decides: bool = True
    """Whether a model is chosen by it; otherwise it is only shown."""


def measures_of(k: int) -> list[Measure]:
    """Return the metrics rmse, ndcg@k and recall@k, as `evaluation/evaluate.py` defines them."""
    return [
        Measure("rmse", "predicting ratings", larger_is_better=False, root=True),
        Measure(f"ndcg@{k}", "lists", larger_is_better=True),
        Measure(f"recall@{k}", "lists", larger_is_better=True, decides=False),
    ]


@dataclass(frozen=True)
class MeasuredRun:
    """One training of one model, and its metrics on the test part."""

    seconds: float
    memory: int
    """Bytes that training took at its peak, beyond what was held before."""
    history: list[dict[str, float]]
    """A record per epoch; empty for a model that is solved."""
    half_widths: Mapping[float, float]
    """Of the intervals around predicted ratings, from the validation part; in spreads of a model that knows them."""
    measured: Mapping[str, PerUserMetric] = field(default_factory=dict)
    """The metrics by name, user by user."""
    calibration: Calibration | None = None
    """Predicted and real ratings of the test part, where ratings are predicted."""
    intervals: Mapping[float, IntervalCoverage] = field(default_factory=dict)
    """{level: coverage and width of the intervals of that level on the test part}."""


@dataclass(frozen=True)
class ComparedModel:
    """One model of a comparison, with all its runs."""

    model: str
    kind: Literal["learned", "solved", "blend"]
    """Learned by gradient descent, or solved in one step; a blend may have members of both kinds."""
    runs: list[MeasuredRun]
    standings: Mapping[str, Standing]
    """By the name of the metric; a model that predicts no ratings has no rmse."""

    @property
    def seconds(self) -> float:
        """The median time of a training."""
        return median(run.seconds for run in self.runs)

    @property
    def memory(self) -> int:
        """The largest memory that a training took, in bytes."""
        return max(run.memory for run in self.runs)


@dataclass(frozen=True)
class Comparison:
    """The result of `palate.compare`."""

    measures: list[Measure]
    models: list[ComparedModel]
    left_out: dict[str, str]
    """Models that are not in it, and why."""
    facts: Mapping[str, str | int | float]
    """Facts about the table, the split and the time."""

    def best_first(self, measure: Measure) -> list[ComparedModel]:
        """Return the models that have this metric, the best first."""
        sign = -1 if measure.larger_is_better else 1
        measured = [model for model in self.models if measure.name in model.standings]
        return sorted(measured, key=lambda model: sign * model.standings[measure.name].value)

    @property
    def sentences(self) -> list[str]:
        """The best model for each use, the models that do not differ significantly from it, and whether learning by
        gradient descent was worth its time."""
        deciding = [measure for measure in self.measures if measure.decides]
        return [sentence for measure in deciding for sentence in _sentences(measure, self.best_first(measure))]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        rows = [
            {
                "model": model.model,
                "measures": {name: vars(standing) for name, standing in model.standings.items()},
                "seconds": model.seconds,
                "memory": model.memory,
                "runs": [{"seconds": run.seconds, "history": run.history} for run in model.runs],
                **_of_ratings(model.runs[0]),
            }
            for model in self.models
        ]
        return {"models": rows, "left_out": self.left_out, "facts": self.facts, "sentences": self.sentences}


def _of_ratings(run: MeasuredRun) -> dict[str, Any]:
    if run.calibration is None:
        return {}
    tenths = {name: values.tolist() for name, values in run.calibration._asdict().items()}
    coverage = {f"{level:g}": interval.covered for level, interval in run.intervals.items()}
    return {"calibration": tenths, "covered": coverage}


def _sentences(measure: Measure, best_first: list[ComparedModel]) -> list[str]:
    best = best_first[0]
    standing = best.standings[measure.name]
    interval = f"95 % interval {standing.low:.4f} to {standing.high:.4f}"
    sentences = [f"For {measure.use} use {best.model}: {measure.name} {standing.value:.4f} ({interval})."]
    equal = [model for model in best_first if model.standings[measure.name].group == 1]
    if len(equal) > 1:
        fastest, names = min(equal, key=lambda model: model.seconds), listed([model.model for model in equal])
        trains = f"{fastest.model} trains fastest ({fastest.seconds:.1f} s)"
        sentences.append(f"No significant difference in {measure.name} between {names}; {trains}.")
    learned = [model for model in best_first if model.kind == "learned"]
    solved = [model for model in best_first if model.kind == "solved"]
    if learned and solved:
        sentences.append(_worth_the_time(measure, learned[0], solved))
    return sentences


def _worth_the_time(measure: Measure, learned: ComparedModel, solved: list[ComparedModel]) -> str:
    """Say whether the best model that learns by gradient descent was worth its time.

    Its rival is the best of the solved models that are as fast, or the fastest of those not significantly different
    from that one.
    """

    def group(model: ComparedModel) -> int:
        return model.standings[measure.name].group

    as_fast = [model for model in solved if model.seconds <= learned.seconds]
    if as_fast:
        rivals = [model for model in as_fast if group(model) == group(as_fast[0])]
        rival = min(rivals, key=lambda model: model.seconds)
        times = f"{learned.seconds:.1f} s against {rival.seconds:.1f} s"
        worth = "worth the time" if group(learned) < group(rival) else "not worth the time"
        if group(learned) == group(rival):
            reason = f"no significant difference in {measure.name} from {rival.model}, which is faster"
        else:
            better, worse = (learned, rival) if group(learned) < group(rival) else (rival, learned)
            reason = f"{better.model} has a significantly better {measure.name} than {worse.model}"
        sentence = f"Training {learned.model} by gradient descent was {worth}: {reason} ({times})"
    else:
        sentence = f"{learned.model}, trained by gradient descent in {learned.seconds:.1f} s, is the fastest to train"
    if solved[0] not in as_fast and group(solved[0]) < group(learned):
        sentence += f"; {solved[0].model} is significantly better, and is solved in {solved[0].seconds:.1f} s"
    return f"{sentence}."
