"""Measure the speed of top-N lists: over the whole catalogue for all users, and for one user.

    python -m benchmarks.ranking [--repeats 5] [--quick]

MovieLens 1M: ranking metrics for every user, against a training epoch of the course's network. A table in the shape of
MovieLens 20M, 138,493 users and 26,744 items, for each kind of model in a process of its own: the top 10 of all users
within 1 GB; on one thread, the list of one user and of a new user with 20 ratings. --quick leaves out all users' lists.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import palate
from benchmarks import synthetic
from benchmarks.common import data, peak, printed, record
from palate.evaluation.evaluate import evaluate
from palate.models.contract import LearnedModel
from palate.training.fit import fit

MODELS: dict[str, dict[str, Any]] = {"mf": {"sweeps": 1}, "neural": {"epochs": 1}, "bias": {}, "popularity": {}}
"""Settings for the shortest training: the cost of an answer does not depend on it."""

PAIRS = synthetic.USERS * synthetic.ITEMS
HIDDEN = 1024
ASKED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="number of repetitions")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "QUESTION"), help="ask once and print the cost")
    options = parser.parse_args()
    if options.one:
        path, question = options.one
        print(json.dumps({"lists": lists, "person": person}[question](Path(path))))
        return
    figures: dict[str, Any] = {"evaluation": evaluation(options.repeats), "models": {}}
    with TemporaryDirectory() as name:
        for model, settings in MODELS.items():
            path = Path(name) / model
            trained = palate.train(
                synthetic.interactions(options.ratings), model=model, settings=settings, test=0, baselines=()
            )
            trained.recommender.save(path)
            figures["models"][model] = asked(path, "person") | ({} if options.quick else asked(path, "lists"))
    rows = [_row(model, costs) for model, costs in figures["models"].items()]
    epochs = ", ".join(f"{name} {value:.2f}" for name, value in figures["evaluation"]["epochs"].items())
    summary = f"MovieLens 1M, all users, in epochs: {epochs}; " + "; ".join(
        f"{row['model']}: a list {row['a list, ms']} ms, a new user's {row['a new user, ms']} ms" for row in rows
    )
    record("ranking", figures, summary, rows)


def evaluation(repeats: int) -> dict[str, Any]:
    """Measure the seconds of an epoch and of ranking metrics for every user, in turns, and the ratio of the two."""
    table = palate.read(data("ml-1m"))
    times: dict[str, list[float]] = {"epoch": [], **{name: [] for name in MODELS}}
    trained = {
        name: palate.train(table, model=name, settings=settings, validation=0, baselines=()).recommender
        for name, settings in MODELS.items()
    }
    network = trained["neural"].model
    assert isinstance(network, LearnedModel)
    for _ in range(repeats):
        times["epoch"].append(fit(network, trained["neural"].split.train)[-1]["seconds"])
        for name, recommender in trained.items():
            times[name].append(seconds(partial(everybody, recommender)))
    return {
        "seconds": times,
        "epochs": {name: median(times[name]) / median(times["epoch"]) for name in MODELS},
    }


def everybody(recommender: palate.Recommender) -> None:
    split = recommender.split
    evaluate(recommender.model, split.before_test, split.test, people=split.table.n_users)


def asked(path: Path, question: str) -> dict[str, float]:
    cost: dict[str, float] = printed(sys.executable, "-m", "benchmarks.ranking", "--one", str(path), question)
    return cost


def lists(path: Path) -> dict[str, float]:
    """Write the top 10 of all users to a file."""
    recommender = palate.load(path)
    took = seconds(lambda: recommender.lists(path.with_suffix(".parquet"), memory="1GB"))
    return {"users_per_second": recommender.table.n_users / took, "peak_gb": peak() / 1e9}


def person(path: Path) -> dict[str, float]:
    """Measure the milliseconds of one list, the median of many, on one thread."""
    torch.set_num_threads(1)
    recommender = palate.load(path)
    random = np.random.default_rng(0)
    people = recommender.table.user_ids.ids.to_numpy()[random.choice(recommender.table.n_users, ASKED, replace=False)]
    items = recommender.table.item_ids.ids.to_numpy()
    told = [dict.fromkeys(random.choice(items, 20, replace=False).tolist(), 4.0) for _ in range(ASKED)]
    recommender.recommend(people[0])
    recommender.recommend(ratings=told[0])
    return {
        "list_ms": 1000 * median(seconds(partial(recommender.recommend, user)) for user in people.tolist()),
        "newcomer_ms": 1000 * median(seconds(partial(recommender.recommend, ratings=given)) for given in told),
    }


def seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _row(model: str, cost: dict[str, float]) -> dict[str, str]:
    rate = cost.get("users_per_second")
    units = rate * synthetic.ITEMS * HIDDEN / 1e9 if rate and model == "neural" else None
    return {
        "model": model,
        "a list, ms": f"{cost['list_ms']:.2f}",
        "a new user, ms": f"{cost['newcomer_ms']:.2f}",
        "users a second": f"{rate:,.0f}" if rate else "",
        "hidden units a second": f"{units:.0f} billion" if units else "",
        "peak, GB": f"{cost['peak_gb']:.2f}" if rate else "",
    }


if __name__ == "__main__":
    main()
