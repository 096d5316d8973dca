"""A table to its Findings: in the table, in its split, and in how much a random split overstates quality."""

from palate.data import findings as checks
from palate.data import split as splits
from palate.data.doubts import Finding
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.datasets import load_table
from palate.errors import at_least
from palate.evaluation.evaluate import evaluate
from palate.models import MODELS
from palate.results import Metrics
from palate.training.fit import fit

QUICK_MODELS = {"bias": "rmse", "popularity": "ndcg@10"}
"""Models that are trained with both splits, and the metric of each."""

NOTABLE = 0.01
"""Smallest difference that is reported, as a share of the metric."""


def checkup(source: object, *, split: str = "random", test: float = 0.2, seed: int = 0) -> list[Finding]:
    """Find what in a table may mislead a model or its metrics -> the findings, warnings first.

    source: a table as `palate.read` takes it, or the name of a data set. split, test: the split to check, as
    `palate.train` takes it.

    Raises:
        DataError: the table can't be read.
        OptionError: the split is unknown, or a share is out of its bounds.
        UnsupportedError: the split needs times, and the table has none.
    """
    table, seed = load_table(source, None, {}), at_least(seed, 0, "seed")
    held_out = splits.divide(table, split, test=test, validation=0, seed=seed)
    findings = [*checks.of_table(table), *checks.of_split(held_out), *_random_split(table, test, seed)]
    return sorted(findings, key=lambda finding: finding.severity != "warning")


def _random_split(table: Interactions, test: float, seed: int) -> list[Finding]:
    """Compare quick models under a random split and under a split by time, with tests of the same size."""
    if table.times is None or not round(test * len(table)):
        return []
    at_random = splits.random(table, test=test, validation=0, seed=seed)
    by_time = splits.by_time(table, test=test, validation=0)
    findings = []
    for model, metric in QUICK_MODELS.items():
        if MODELS[model].NEEDS_RATINGS and table.ratings is None:
            continue
        random, later = (_metrics(model, split, seed).get(metric) for split in (at_random, by_time))
        if random is None or later is None:
            continue
        better = later - random if metric == "rmse" else random - later
        if better > NOTABLE * later:
            what = f"test events: {metric} of {model} is {random:.4f} split at random, {later:.4f} split by time"
            advice = "a random split overstates quality on this table: use split 'time'"
            findings.append(Finding("note", len(by_time.test), what, advice))
    return findings


def _metrics(name: str, split: Split, seed: int) -> Metrics:
    model = MODELS[name].of(MODELS[name].Config(), split.table)
    fit(model, split.train, seed=seed)
    return evaluate(model, split.shown, split.test, seed=seed, newcomers=split.newcomers)
