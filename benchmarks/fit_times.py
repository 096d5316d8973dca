"""Measure how long the slower models train, by the clock, on all cores of an idle machine.

    python -m benchmarks.fit_times [--models svdpp bayes ease sasrec] [--repeats 1]

All models have their defaults. `svdpp` and `bayes` train on nine tenths of MovieLens 1M, `ease` on a million synthetic
events of 10,000 items, `sasrec` on all but the last two events of each user of Amazon Beauty. Each run is a process of
its own, which compiles on a small table first; the median counts.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from tests import tables

from benchmarks import synthetic
from benchmarks.common import peak, printed, record
from benchmarks.ratings import new, tenth, whole
from benchmarks.top_n import beauty
from palate.data.interactions import Interactions
from palate.training.trainer import learn


def rated() -> Interactions:
    table, test = tenth("ml-1m", 0)
    return table.where(~test)


def events() -> Interactions:
    return replace(synthetic.interactions(1_000_000, 20_000, 10_000), ratings=None)


def bought() -> Interactions:
    return beauty().tuning[0].train


WORK: dict[str, tuple[str, Callable[[], Interactions], int]] = {
    "svdpp": ("MovieLens 1M", rated, 25),
    "bayes": ("MovieLens 1M", rated, 240),
    "ease": ("10,000 items", events, 20),
    "sasrec": ("Amazon Beauty", bought, 240),
}
"""The table of each model, and the seconds that it may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(WORK), choices=list(WORK), help="names of models")
    parser.add_argument("--repeats", type=int, default=1, help="number of repetitions")
    parser.add_argument("--one", action="store_true", help="print the seconds of the first model as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(timed(options.models[0])))
        return
    again = [sys.executable, "-m", "benchmarks.fit_times", "--one", "--models"]
    runs = {model: [printed(*again, model) for _ in range(options.repeats)] for model in options.models}
    rows = [
        {
            "model": model,
            "table": WORK[model][0],
            "seconds": f"{median(run['seconds'] for run in of_model):.1f}",
            "seconds allowed": str(WORK[model][2]),
            "peak, GB": f"{max(run['peak'] for run in of_model) / 1e9:.1f}",
        }
        for model, of_model in runs.items()
    ]
    summary = "; ".join(f"{row['model']} on {row['table']}: {row['seconds']} s" for row in rows)
    record("fit-times", {"runs": runs}, summary, rows)


def timed(name: str) -> dict[str, float]:
    """Measure the seconds of one training and the peak memory of the process in bytes."""
    table = WORK[name][1]()
    small = tables.random_table()
    small = replace(small, ratings=None) if table.ratings is None else small
    learn(new(name, {}, small), whole(small))
    model = new(name, {}, table)
    began = time.perf_counter()
    learn(model, whole(table))
    return {"seconds": time.perf_counter() - began, "peak": peak()}


if __name__ == "__main__":
    main()
