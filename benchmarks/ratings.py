"""Measure how well the rating models predict, on public data and splits that other papers report on.

    python -m benchmarks.ratings [ml-100k-u1 ml-100k ml-1m latest-small] [--models svdpp mf ...] [--seeds 5]

u1 is trained and tested once for each seed; the five folds of MovieLens 100K are u1 to u5; of the other data sets each
seed draws a tenth as the test part. A tenth of the training part, drawn by the seed, is held out first for validation:
it chooses the epoch of models without a schedule, the weights of a blend, and the width of intervals. Then the model is
trained on the whole training part, and the test part is used once. Settings were chosen on parts of training parts,
before. Each model has a process of its own on each data set, so that memory is measured for it alone. Seconds are
processor time of all threads, and of the last training only: other work on the machine does not count. Rows of models
that are not named stay in the results as they are, and results so far are kept if the run is stopped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests import tables

import palate
from benchmarks.common import HERE, data, peak, printed, record, spread, write
from palate.data.interactions import Interactions
from palate.data.split import TEST, TRAIN, VALIDATION, Split
from palate.evaluation.calibrate import half_widths_of
from palate.evaluation.evaluate import predict
from palate.evaluation.evaluate import spread as wide
from palate.evaluation.intervals import interval_coverage
from palate.evaluation.rating_metrics import mae, rmse
from palate.models import MODELS, current_name
from palate.models.contract import Model
from palate.training.trainer import learn, refit

TIMES: dict[str, dict[str, Any]] = {
    "bayes": {},
    "bayes:days": {"chains": 2, "days": True},
    "bayes:sessions": {"chains": 2, "dim": 12, "days": True, "sessions": [3600, 600, 60]},
    "bayes:numbers": {"chains": 2, "dim": 8, "likelihood": "gaussian", "sessions": [3600, 120]},
    "svdpp": {},
}
"""Members that use more and more of the time of a rating and of the user's other ratings of the same minutes."""

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bias": ("bias", {}),
    "mf": ("mf", {}),
    "neural": ("neural", {}),
    "svdpp": ("svdpp", {}),
    "bayes": ("bayes", {}),
    "rating-blend": ("rating-blend", {}),
    "bayes-ids": ("bayes", {"categories": False}),
    "blend-ids": ("rating-blend", {"members": {"bayes": {"categories": False}, "svdpp": {}}}),
    "bayes-days": ("bayes", {"days": True}),
    "blend-days": ("rating-blend", {"members": {"bayes": {"days": True}, "svdpp": {}}}),
    "blend-times": ("rating-blend", {"members": TIMES}),
}
"""Model and settings of each line, on every data set unless LARGE has others; {} stands for the defaults.

By default `bayes` reads the categories of items too, where the data set has them; -ids does not, -days uses the day of
each rating, also of the one to predict, and -times its minute too."""

USUAL = ["bias", "mf", "neural", "svdpp", "bayes", "rating-blend"]

LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "rating-blend": ("rating-blend", {"members": {"bayes": {}, "svdpp": {"dim": 192}}}),
}
"""Model and settings on MovieLens 1M."""

LEVEL = 0.8
"""Nominal coverage of the intervals."""

HELD_OUT = 0.1

QUICK = ("bias", "mf", "svdpp")

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(DATASETS), help=f"data sets, of {', '.join(DATASETS)}")
    parser.add_argument("--models", nargs="+", default=USUAL, choices=list(SETTINGS), help="names of models")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument(
        "--slow-seeds", type=int, default=1, help=f"number of seeds for all models but {', '.join(QUICK)}"
    )
    parser.add_argument("--one", action="store_true", help="print the figures of the first model and data set as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps([measured(options.models[0], options.data[0], seed) for seed in range(options.seeds)]))
        return
    for name in options.data:
        path = HERE / "results" / f"ratings-{name}.json"
        written = json.loads(path.read_text())["figures"]["models"] if path.exists() else {}
        results = {current_name(model): runs for model, runs in written.items()}
        for model in options.models:
            seeds = str(options.seeds if model in QUICK else options.slow_seeds)
            again = (sys.executable, "-m", "benchmarks.ratings", name, "--models", model, "--seeds", seeds)
            results[model] = printed(*again, "--one")
            print(name, model, results[model], flush=True)
            write(*_results(name, results))
        kept, figures, rows = _results(name, results)
        record(kept, figures, f"{name}, RMSE: " + ", ".join(f"{row['model']} {row['RMSE']}" for row in rows), rows)


def _results(name: str, results: dict[str, list[Figures]]) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Return the name of the results, the figures, and the table to show."""
    runs = {model: results[model] for model in SETTINGS if model in results}
    rows = [_row(model, settings(model, name)[1], trainings) for model, trainings in runs.items()]
    return f"ratings-{name}", {"models": runs}, rows


def settings(model: str, name: str) -> tuple[str, dict[str, Any]]:
    return LARGE.get(model, SETTINGS[model]) if name == "ml-1m" else SETTINGS[model]


def measured(line: str, name: str, seed: int) -> Figures:
    """Return the metrics on the test part of one training, its seconds, and the peak memory of the process in bytes."""
    table, test = DATASETS[name](seed)
    held_out = np.random.default_rng([seed, 1]).random(len(table)) < HELD_OUT
    split = Split(table, np.select([test, held_out], [TEST, VALIDATION], TRAIN).astype(np.uint8))
    kind, chosen = settings(line, name)
    small = tables.random_table()
    small = replace(small, times=np.arange(len(small), dtype=np.float64))
    learn(new(kind, chosen, small), whole(small), seed=seed)  # compiles what it calls
    model, half_widths, seconds = learned(kind, chosen, split, seed)
    known, asked = split.before_test, split.test
    assert known.scale is not None
    assert asked.ratings is not None
    predicted = predict(model, known, asked).clip(*known.scale)
    intervals = interval_coverage(predicted, asked.ratings, known.scale, half_widths, wide(model, known, asked))
    return {
        "rmse": rmse(predicted, asked.ratings),
        "mae": mae(predicted, asked.ratings),
        "covered": intervals[LEVEL].covered,
        "seconds": seconds,
        "peak": peak(),
    }


def learned(kind: str, settings: dict[str, Any], split: Split, seed: int) -> tuple[Model, dict[float, float], float]:
    """Train a model on all but the test part; return it, the half widths of its intervals, and the seconds of the last
    training."""
    model = new(kind, settings, split.table)
    training = learn(model, split, seed=seed)
    half_widths = half_widths_of(model, split)
    began = time.process_time()
    model = refit(model, split, training, seed=seed)
    return model, half_widths, time.process_time() - began


def new(kind: str, settings: dict[str, Any], table: Interactions) -> Model:
    return MODELS[kind].of(MODELS[kind].Config.model_validate(settings), table)


def whole(table: Interactions) -> Split:
    """Return a split with the whole table as the training part."""
    return Split(table, np.full(len(table), TRAIN, dtype=np.uint8))


def _row(model: str, settings: dict[str, Any], runs: list[Figures]) -> dict[str, Any]:
    return {
        "model": model,
        "RMSE": spread([figures["rmse"] for figures in runs]),
        "MAE": spread([figures["mae"] for figures in runs]),
        f"in {LEVEL:.0%} intervals": f"{mean(figures['covered'] for figures in runs):.3f}",
        "trainings": len(runs),
        "CPU seconds": f"{mean(figures['seconds'] for figures in runs):.1f}",
        "peak, MB": round(max(figures["peak"] for figures in runs) / 1e6),
        "settings": _shown(settings) or "defaults",
    }


def _shown(settings: dict[str, Any]) -> str:
    """Describe settings, such as "dim 32", or "bayes (dim 48), svdpp" for a blend."""
    members = settings.get("members", {})
    return ", ".join(
        [f"{name} {value}" for name, value in settings.items() if name != "members"]
        + [f"{name} ({shown})" if (shown := _shown(each)) else name for name, each in members.items()]
    )


# The data: a table, and which of its events (n,) are the test part


def fold(number: int) -> tuple[Interactions, NDArray[np.bool_]]:
    """Return MovieLens 100K with its own test part u1.test, or u2 to u5."""
    table = palate.read(data("ml-100k"))
    ids = np.loadtxt(data("ml-100k") / f"u{number}.test", dtype=np.int64, usecols=(0, 1))
    rows = [
        vocabulary.find(column.tolist())
        for vocabulary, column in zip((table.user_ids, table.item_ids), ids.T, strict=True)
    ]
    test = np.isin(table.users * np.int64(table.n_items) + table.items, rows[0] * table.n_items + rows[1])
    assert test.sum() == len(ids)
    return table, test


def tenth(folder: str, seed: int) -> tuple[Interactions, NDArray[np.bool_]]:
    """Return a split whose test part is a tenth of all ratings, drawn by the seed."""
    table = palate.read(data(folder))
    return table, np.random.default_rng(seed).random(len(table)) < 0.1


DATASETS: dict[str, Callable[[int], tuple[Interactions, NDArray[np.bool_]]]] = {
    "ml-100k-u1": lambda seed: fold(1),
    "ml-100k": lambda seed: fold(1 + seed % 5),
    "ml-1m": partial(tenth, "ml-1m"),
    "latest-small": partial(tenth, "ml-latest-small"),
}
"""The splits of each data set, by seed."""


if __name__ == "__main__":
    main()
