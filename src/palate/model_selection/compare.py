"""Several models on one split under one budget: which to use, and which can't be told apart."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
from palate.model_selection.comparison import Compared, Comparison, Measure, MeasuredRun, measures_of
from palate.model_selection.report import check_report, write_report
from palate.models import MODELS, check_ratings, current_name, find
from palate.models.blend import Blend
from palate.models.contract import LearnedModel, Model, PredictsRatings
from palate.system import devices
from palate.system.memory import Peak
from palate.training.fit import Observer
from palate.training.trainer import learn
from palate.training.trainer import refit as learn_again


def compare(
    source: object,
    *,
    items: object = None,
    models: Sequence[str] | None = None,
    seeds: int = 3,
    minutes: float = 10.0,
    k: int = 10,
    people: int = PEOPLE_RANKED,
    split: str = "random",
    test: float = 0.2,
    validation: float = 0.1,
    refit: bool = False,
    seed: int = 0,
    device: str = "auto",
    report: str | Path | None = None,
    title: str = "",
    observers: Sequence[Observer] = (),
    told: Callable[[str], None] = lambda line: None,
    **reading: Any,
) -> Comparison:
    """Train models on one part of a table and measure them on the same people's held-out events.

    models: by their names; every one that can learn from this table, if not here. seeds: how often a model is trained;
    one whose second run measures as its first is not trained a third time. minutes: for all of it; a training gets an
    equal share of what is left, and a model whose turn never comes is left out. people: as many get lists, at most.
    split, test, validation: what is held out, as `palate.train` takes them. report: a page to write, .html, with all
    of it; title: what it calls the table. told: hears which training begins.

    Every model learns from the training part alone; the validation part chooses the epoch of those that have epochs.
    refit: then each is trained again on both parts together, as `palate.train` does, which takes twice the time.

    Raises:
        OptionError: an unknown model, or a budget or split that can't be.
        UnsupportedError: none of the models can learn from this table, or the split needs times and it has none.
        OutputError: the report can't be written.
    """
    at_least(seeds, 1, "seeds")
    at_least(k, 1, "k")
    if not minutes > 0:
        raise OptionError(f"minutes is {minutes}: it must be above 0")
    if not test > 0:
        raise OptionError("a comparison needs a test part: test must be above 0")
    if report is not None:
        check_report(Path(report))
    where = devices.pick(device)
    table = load_table(source, items, reading)
    left_out: dict[str, str] = {}
    chosen = _chosen(models, table, left_out)
    parts = splits.divide(table, split, test=test, validation=validation, seed=seed)

    runs: dict[str, list[MeasuredRun]] = {name: [] for name in chosen}
    turns = [(name, number) for number in range(seeds) for name in chosen]
    end = time.monotonic() + 60 * minutes
    for place, (name, number) in enumerate(turns):
        now = time.monotonic()
        if name in left_out or _draws_nothing(runs[name]) or now >= end:
            continue
        told(f"{name}, run {number + 1} of at most {seeds}")
        deadline = now + (end - now) / (len(turns) - place)
        try:
            model, run = _train(_build(name, table).to(where), parts, seed + number, deadline, observers, refit)
        except OptionError as error:  # it diverged, or asks for too much memory: the others go on
            left_out[name] = str(error)
        else:
            served = replace(parts, refitted=refit)
            runs[name].append(replace(run, **_measured(model, served, run.half_widths, k, people, seed)))
    for name in chosen:
        if not runs[name]:
            left_out.setdefault(name, f"{minutes:g} minutes were over before its turn")

    facts = {"events": len(table), "users": table.n_users, "items": table.n_items, "fingerprint": table.fingerprint}
    facts |= {"split": split, "test": test, "validation": validation, "hash": parts.hash}
    facts |= {"seed": seed, "seeds": seeds, "minutes": minutes, "k": k, "refit": refit}
    there = {name: runs[name] for name in chosen if name not in left_out}
    found = _ranked(there, measures_of(k), left_out, facts)
    if report is not None:
        named = Path(source).name if isinstance(source, str | Path) else "A table"
        write_report(found, Path(report), title=title or named)
    return found


def _chosen(names: Sequence[str] | None, table: Interactions, left_out: dict[str, str]) -> list[str]:
    """The models that can learn from the table; the others go to left_out."""
    chosen = []
    for name in dict.fromkeys(MODELS if names is None else map(current_name, names)):
        try:
            check_ratings(find(name), table)
            chosen.append(name)
        except UnsupportedError:
            left_out[name] = "it learns from ratings, and this table has none"
    if not chosen:
        raise UnsupportedError("every one of these models learns from ratings, and this table has none")
    return chosen


def _build(name: str, table: Interactions) -> Model:
    cls = find(name)
    return cls.of(cls.Config(), table)


def _train(
    model: Model, split: Split, seed: int, deadline: float, observers: Sequence[Observer], again: bool
) -> tuple[Model, MeasuredRun]:
    """-> the model, and the run without what is measured of it; again: also refitted."""
    began = time.perf_counter()
    with Peak() as peak:
        learned = learn(model, split, seed=seed, observers=observers, deadline=deadline)
        half_widths = half_widths_of(model, split)
        if again:
            model = learn_again(model, split, learned, seed=seed, observers=observers)
    return model, MeasuredRun(time.perf_counter() - began, peak.bytes, learned.history, half_widths)


def _measured(model: Model, split: Split, half_widths: HalfWidths, k: int, people: int, seed: int) -> dict[str, Any]:
    """What a run holds of the test part."""
    known, test = split.shown, split.test
    asked = known, test, split.newcomers
    measured = of_lists(model, *asked, k=k, people=people, seed=seed)
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


def _draws_nothing(runs: list[MeasuredRun]) -> bool:
    """Whether a second run, of another seed, was as the first."""
    return len(runs) > 1 and all(
        np.array_equal(runs[0].measured[name].sums, runs[1].measured[name].sums) for name in runs[0].measured
    )


def _ranked(
    runs: Mapping[str, list[MeasuredRun]], measures: list[Measure], left_out: dict[str, str], facts: Mapping[str, Any]
) -> Comparison:
    standing: dict[str, dict[str, Standing]] = {name: {} for name in runs}
    for measure in measures:
        those = {
            name: PerUserMetric(
                np.concatenate([run.measured[measure.name].sums for run in found]),
                found[0].measured[measure.name].counts,
            )
            for name, found in runs.items()
            if measure.name in found[0].measured
        }
        if those:
            found = standings(list(those.values()), larger_is_better=measure.larger_is_better, root=measure.root)
            for name, one in zip(those, found, strict=True):
                standing[name][measure.name] = one
    compared = [Compared(name, _kind(name), found, standing[name]) for name, found in runs.items()]
    there = [measure for measure in measures if any(measure.name in found.standings for found in compared)]
    return Comparison(there, compared, left_out, facts)
