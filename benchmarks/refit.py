"""Measure the gain of a refit: training again on training and validation part, after validation has chosen.

    python -m benchmarks.refit [--seeds 3] [--models mf neural ease next-item] [--data ml-100k ml-latest-small]

Each model is trained with its defaults on a random split: a fifth of the events is the test part, and a tenth of the
rest the validation part. It is tested before and after the refit. Seconds are those of training only.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean

import palate
from benchmarks.common import data, record, spread
from palate.data import split as splits
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate
from palate.models import MODELS
from palate.models.contract import Model, PredictsRatings
from palate.results import Metrics
from palate.training.trainer import learn, refit

MODELS_HERE = ["mf", "neural", "ease", "next-item"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--models", nargs="+", default=MODELS_HERE, help="names of models")
    parser.add_argument("--data", nargs="+", default=["ml-100k", "ml-latest-small"])
    options = parser.parse_args()
    for name in options.data:
        rows = list(compared(name, options.models, options.seeds))
        gains = ", ".join(f"{row['model']} {row['measure']} {row['gain']} (ahead in {row['ahead in']})" for row in rows)
        record(f"refit-{name}", {"rows": rows}, f"{name}, better by a refit: {gains}", rows)


def compared(name: str, models: list[str], seeds: int) -> Iterator[dict[str, str]]:
    table = palate.read(data(name))
    for model in models:
        measure = "rmse" if issubclass(MODELS[model], PredictsRatings) else "ndcg@10"
        trainings = [both(model, splits.random(table, seed=seed), seed) for seed in range(seeds)]
        before, after = ([one[place][measure] for one in trainings] for place in (0, 1))
        gains = [(b - a if measure == "rmse" else a - b) for b, a in zip(before, after, strict=True)]
        row = {
            "data": name,
            "model": model,
            "measure": measure,
            "as it is": spread(before),
            "refitted": spread(after),
            "gain": f"{mean(gains):+.4f}",
            "ahead in": f"{sum(gain > 0 for gain in gains)} of {seeds}",
            "seconds": " + ".join(f"{mean(one[2][part] for one in trainings):.1f}" for part in ("first", "second")),
        }
        print(row, flush=True)
        yield row


def both(name: str, split: Split, seed: int) -> tuple[Metrics, Metrics, dict[str, float]]:
    """Return the metrics before and after a refit, and the seconds."""
    cls = MODELS[name]
    model: Model = cls.of(cls.Config(), split.table)
    began = time.perf_counter()
    learned = learn(model, split, seed=seed)
    first = time.perf_counter() - began
    as_it_is = evaluate(model, split.shown, split.test, seed=seed, newcomers=split.newcomers)
    began = time.perf_counter()
    again = refit(model, split, learned, seed=seed)
    second = time.perf_counter() - began
    newcomers = replace(split, refitted=True).newcomers
    refitted = evaluate(again, split.shown, split.test, seed=seed, newcomers=newcomers)
    return as_it_is, refitted, {"first": first, "second": second}


if __name__ == "__main__":
    main()
