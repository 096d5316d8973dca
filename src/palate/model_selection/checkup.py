"""A table to all Findings: of itself, of its split, and how much a random split flatters it."""

from palate.data import findings as checks
from palate.data import split as splits
from palate.data.findings import Finding
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate
from palate.models import MODELS
from palate.results import Metrics
from palate.training.fit import fit

LOOKED_AT = {"bias": "rmse", "popularity": "ndcg@10"}
"""The quick models that both splits are tried with, and the metric of each."""

NOTABLE = 0.01
"""A random split flatters from this share of the metric on."""


def checkup(table: Interactions, *, split: str = "random", test: float = 0.2, seed: int = 0) -> list[Finding]:
    """What in a table may mislead a model or its figures, warnings first; an empty list where nothing was found.

    split, test: how `palate.train` would hold out a test, to see what that lets through.

    Raises:
        OptionError: a split or share that can't be.
        UnsupportedError: the split needs times, and the table has none.
    """
    held_out = splits.divide(table, split, test=test, validation=0, seed=seed)
    found = [*checks.of_table(table), *checks.of_split(held_out), *_flattery(table, test, seed)]
    return sorted(found, key=lambda finding: finding.severity != "warning")


def _flattery(table: Interactions, test: float, seed: int) -> list[Finding]:
    """The same quick models under a random split and one by time, with tests of the same size."""
    if table.times is None or not round(test * len(table)):
        return []
    by_chance = splits.random(table, test=test, validation=0, seed=seed)
    by_time = splits.by_time(table, test=test, validation=0)
    found = []
    for model, metric in LOOKED_AT.items():
        if MODELS[model].NEEDS_RATINGS and table.ratings is None:
            continue
        chance, later = (_metrics(model, split, seed).get(metric) for split in (by_chance, by_time))
        if chance is None or later is None:
            continue
        better = later - chance if metric == "rmse" else chance - later
        if better > NOTABLE * later:
            what = f"test events: {metric} of {model} is {chance:.4f} at random, {later:.4f} by time"
            advice = "a random split flatters this table: report one by time"
            found.append(Finding("note", len(by_time.test), what, advice))
    return found


def _metrics(name: str, split: Split, seed: int) -> Metrics:
    model = MODELS[name].of(MODELS[name].Config(), split.table)
    fit(model, split.train, seed=seed)
    return evaluate(model, split.shown, split.test, seed=seed, newcomers=split.newcomers)
