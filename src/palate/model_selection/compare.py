"""Compare models on one split within one time: which is best, and which differ significantly."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np
import torch

from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.datasets import load_table
from palate.errors import OptionError, UnsupportedError, at_least
from palate.evaluation.by_person import of_lists, squared_errors
from palate.evaluation.calibrate import half_widths_of
from palate.evaluation.evaluate import PEOPLE_RANKED, predict, spread
from palate.evaluation.intervals import HalfWidths, interval_coverage
from palate.evaluation.rating_metrics import calibration
from palate.evaluation.significance import PerUserMetric, Standing, standings
from palate.model_selection.candidates import reason_of
from palate.model_selection.comparison import ComparedModel, Comparison, Measure, MeasuredRun, measures_of
from palate.model_selection.report import check_report, write_report
from palate.models import MODELS, check_ratings, current_name, find
from palate.models.blend import Blend
from palate.models.contract import LearnedModel, Model, PredictsRatings
from palate.options import CompareGroup, CompareKeywords, CompareOptions, ComparisonOptions
from palate.system import devices
from palate.system.keywords import collect, takes
from palate.system.memory import Peak
from palate.training.fit import Observer
from palate.training.trainer import learn
from palate.training.trainer import refit as learn_again


@takes(CompareOptions)
def compare(
    source: object,
    *groups: CompareGroup,
    items: object = None,
    people: int = PEOPLE_RANKED,
    title: str = "",
    observers: Sequence[Observer] = (),
    told: Callable[[str], None] = lambda line: None,
    **keywords: Unpack[CompareKeywords],
) -> Comparison:
    """Train models on one part of a table, and measure them on the same users' held-out events.

    source, items: a table as `palate.read` takes it, or the name of a data set. groups: options as dataclasses of
    `palate.options`, where keywords are not enough. people: largest number of users whose lists are measured. title:
    what the report calls the table. observers: follow each training. told: is called with a line at each training.

    Every model learns from the training part; the validation part chooses the epoch of those that have epochs. Each
    training gets an equal share of the time that is left; a model whose turn never comes is left out. A model whose
    second seed gives the same figures as the first is not trained a third time.

    A model that fails, or whose figures are not finite, is left out with the reason.

    Raises:
        OptionError: an option is unknown or out of its bounds, or every model failed.
        UnsupportedError: none of the models can learn from this table, or the split needs times and it has none.
        OutputError: the report can't be written.
    """
    options = collect(CompareOptions, groups, keywords)
    comparison, split, seed = options.comparison, options.split, options.run.seed
    people = at_least(people, 1, "people")
    if not split.test > 0:
        raise OptionError("a comparison needs a test part: test must be above 0")
    if comparison.report is not None:
        check_report(Path(comparison.report))
    device = devices.pick(options.run.device)
    table = load_table(source, items, vars(options.reading))
    left_out: dict[str, str] = {}
    names = _trainable(comparison.models, table, left_out)
    parts = splits.divide(table, split.split, test=split.test, validation=split.validation, seed=seed)
    runs = Trainings(parts, comparison, people, seed, device, observers, told, left_out).run(names)

    facts = {"events": len(table), "users": table.n_users, "items": table.n_items, "fingerprint": table.fingerprint}
    facts |= {**vars(split), "hash": parts.hash, "seed": seed}
    facts |= {name: getattr(comparison, name) for name in ("seeds", "minutes", "k", "refit")}
    result = _ranked(runs, measures_of(comparison.k), left_out, facts)
    if comparison.report is not None:
        named = Path(source).name if isinstance(source, str | Path) else "A table"
        write_report(result, Path(comparison.report), title=title or named)
    return result


def _trainable(names: Sequence[str] | None, table: Interactions, left_out: dict[str, str]) -> list[str]:
    """Return the models that can learn from the table, and add the others to left_out."""
    trainable = []
    for name in dict.fromkeys(MODELS if names is None else map(current_name, names)):
        try:
            check_ratings(find(name), table)
            trainable.append(name)
        except UnsupportedError:
            left_out[name] = "it learns from ratings, and this table has none"
    if not trainable:
        raise UnsupportedError("every one of these models learns from ratings, and this table has none")
    return trainable


@dataclass(frozen=True)
class Trainings:
    """The trainings of a comparison, one after the other until its time is over."""

    parts: Split
    options: ComparisonOptions
    people: int
    seed: int
    device: torch.device
    observers: Sequence[Observer]
    told: Callable[[str], None]
    left_out: dict[str, str]
    """Models without a run, and why."""

    def run(self, names: Sequence[str]) -> dict[str, list[MeasuredRun]]:
        """Train each model with each seed in turn -> the runs of those that are not left out."""
        seeds, minutes = self.options.seeds, self.options.minutes
        runs: dict[str, list[MeasuredRun]] = {name: [] for name in names}
        turns = [(name, number) for number in range(seeds) for name in names]
        end = time.monotonic() + 60 * minutes
        for place, (name, number) in enumerate(turns):
            now = time.monotonic()
            if name in self.left_out or _same_figures(runs[name]) or now >= end:
                continue
            spent = f"{now - end + 60 * minutes:.0f} s of at most {60 * minutes:.0f} s"
            self.told(f"{name}, run {number + 1} of at most {seeds} (training {place + 1} of {len(turns)}, {spent})")
            try:
                model, run = self._train(name, self.seed + number, now + (end - now) / (len(turns) - place))
                runs[name].append(replace(run, **self._measured(model, run.half_widths)))
            except Exception as error:  # whatever stops one model, the others go on
                self.left_out[name] = reason_of(error)
        for name in names:
            if not runs[name]:
                self.left_out.setdefault(name, f"{minutes:g} minutes were over before its turn")
        kept = {name: runs[name] for name in names if name not in self.left_out}
        if not kept:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.left_out.items())
            raise OptionError(f"no model could be compared: {reasons}")
        return kept

    def _train(self, name: str, seed: int, deadline: float) -> tuple[Model, MeasuredRun]:
        """Train a model once -> the model, and the run without what is measured on the test part."""
        cls = find(name)
        model = cls.of(cls.Config(), self.parts.table).to(self.device)
        began = time.perf_counter()
        with Peak() as peak:
            record = learn(model, self.parts, seed=seed, observers=self.observers, deadline=deadline)
            half_widths = half_widths_of(model, self.parts)
            if self.options.refit:
                model = learn_again(model, self.parts, record, seed=seed, observers=self.observers)
        return model, MeasuredRun(time.perf_counter() - began, peak.bytes, record.history, half_widths)

    def _measured(self, model: Model, half_widths: HalfWidths) -> dict[str, Any]:
        """Measure a model on the test part -> the fields of `MeasuredRun` that say how good it is."""
        parts = replace(self.parts, refitted=self.options.refit)
        known, test = parts.shown, parts.test
        asked = known, test, parts.newcomers
        measured = of_lists(model, *asked, k=self.options.k, people=self.people, seed=self.seed)
        if not isinstance(model, PredictsRatings) or test.ratings is None or known.scale is None:
            return {"measured": measured}
        predicted = predict(model, *asked).clip(*known.scale)
        return {
            "measured": {"rmse": squared_errors(predicted, test), **measured},
            "calibration": calibration(predicted, test.ratings),
            "intervals": interval_coverage(predicted, test.ratings, known.scale, half_widths, spread(model, *asked)),
        }


def _kind(name: str) -> Literal["learned", "solved", "blend"]:
    model = find(name)
    if issubclass(model, Blend):
        return "blend"
    return "learned" if issubclass(model, LearnedModel) else "solved"


def _same_figures(runs: list[MeasuredRun]) -> bool:
    """Return whether the second run, of another seed, measures as the first: then the model draws nothing at random."""
    return len(runs) > 1 and all(
        np.array_equal(runs[0].measured[name].sums, runs[1].measured[name].sums) for name in runs[0].measured
    )


def _ranked(
    runs: Mapping[str, list[MeasuredRun]], measures: list[Measure], left_out: dict[str, str], facts: Mapping[str, Any]
) -> Comparison:
    """Rank the models by each measure, in groups that differ significantly."""
    ranked: dict[str, dict[str, Standing]] = {name: {} for name in runs}
    for measure in measures:
        values = {name: _over_runs(own, measure.name) for name, own in runs.items() if measure.name in own[0].measured}
        if values:
            order = standings(list(values.values()), larger_is_better=measure.larger_is_better, root=measure.root)
            for name, standing in zip(values, order, strict=True):
                ranked[name][measure.name] = standing
    compared = [ComparedModel(name, _kind(name), own, ranked[name]) for name, own in runs.items()]
    shown = [measure for measure in measures if any(measure.name in model.standings for model in compared)]
    return Comparison(shown, compared, left_out, facts)


def _over_runs(runs: list[MeasuredRun], measure: str) -> PerUserMetric:
    """Stack what each run measured of the same users."""
    return PerUserMetric(np.concatenate([run.measured[measure].sums for run in runs]), runs[0].measured[measure].counts)
