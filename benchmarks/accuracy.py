"""Measure the time that a rating model needs to become as accurate as Surprise's, on MovieLens 1M.

    make benchmarks/.venv    once: installs Surprise, apart from Palate
    python -m benchmarks.accuracy [--folds 5] [--slow-folds 1]

There are five fixed folds. Surprise trains SVD and, on the slow folds, SVD++ with its defaults. Palate's `mf` is
trained from scratch with one sweep, with two, and so on. Its time is that of the first training whose test RMSE is
below Surprise's, plus the time to compile its loops, which the first training of a process needs. Only fitting is
timed, in turns, in a process each.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tests import tables

import palate
from benchmarks.common import HERE, data, printed, record
from palate.evaluation.evaluate import predict
from palate.evaluation.rating_metrics import rmse
from palate.models.mf import MatrixFactorization, MatrixFactorizationConfig
from palate.training.fit import fit

FOLDS = 5
GOALS = {"SVD": 0.873, "SVDpp": 0.862}
PYTHON = HERE / ".venv" / "bin" / "python"

SURPRISE = """
import json, sys, time
import numpy, surprise
table, fold, name = numpy.load(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
test = table["folds"] == fold
triples = list(zip(table["users"].tolist(), table["items"].tolist(), table["ratings"].tolist()))
train = [(u, i, r, None) for (u, i, r), out in zip(triples, test.tolist()) if not out]
reader = surprise.Reader(rating_scale=(1, 5))
data = surprise.Dataset(reader)
data = data.construct_trainset(train)
model = getattr(surprise, name)(random_state=0)
began = time.perf_counter()
model.fit(data)
seconds = time.perf_counter() - began
off = [model.predict(u, i).est - r for (u, i, r), out in zip(triples, test.tolist()) if out]
print(json.dumps({"seconds": seconds, "rmse": float(numpy.sqrt(numpy.mean(numpy.square(off))))}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--slow-folds", type=int, default=1)
    parser.add_argument("--one", type=int, help="train Palate's model on this fold and print how it went")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(palate_on(options.one)))
        return
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: make benchmarks/.venv")
    ours: list[dict[str, float]] = []
    theirs: dict[str, list[dict[str, float]]] = {name: [] for name in GOALS}
    with TemporaryDirectory() as name:
        path = Path(name) / "table.npz"
        table = palate.read(data("ml-1m"))
        assert table.ratings is not None
        np.savez(path, users=table.users, items=table.items, ratings=table.ratings, folds=folds(len(table)))
        for fold in range(options.folds):
            ours.append(printed(sys.executable, "-m", "benchmarks.accuracy", "--one", str(fold)))
            theirs["SVD"].append(printed(str(PYTHON), "-c", SURPRISE, str(path), str(fold), "SVD"))
            if fold < options.slow_folds:
                theirs["SVDpp"].append(printed(str(PYTHON), "-c", SURPRISE, str(path), str(fold), "SVDpp"))
    rows = [_row(name, theirs[name], ours) for name in GOALS]
    summary = "; ".join(f"below {row['RMSE']}: {row['Palate, s']} s against {row['Surprise, s']} s" for row in rows)
    record("accuracy", {"palate": ours, "surprise": theirs}, f"MovieLens 1M, {summary}", rows)


def folds(n: int) -> Any:
    """Return the fold that each rating is tested in (n,)."""
    return np.random.default_rng(0).permutation(n) % FOLDS


def palate_on(fold: int) -> dict[str, float]:
    """Measure the seconds until the test RMSE is below each goal."""
    began = time.perf_counter()
    one_more(tables.random_table(), sweeps=1)
    compiling = time.perf_counter() - began
    table = palate.read(data("ml-1m"))
    out = folds(len(table)) == fold
    train, test = table.where(~out), table.where(out)
    assert table.scale is not None
    assert test.ratings is not None
    results = {"compiling": compiling}
    sweeps = 0
    while not all(name in results for name in GOALS):
        sweeps += 1
        began = time.perf_counter()
        model = one_more(train, sweeps)
        seconds = time.perf_counter() - began + compiling
        error = rmse(predict(model, train, test).clip(*table.scale), test.ratings)
        for name, goal in GOALS.items():
            if error < goal and name not in results:
                results |= {name: seconds, f"{name} sweeps": sweeps, f"{name} rmse": error}
    return results


def one_more(train: palate.Interactions, sweeps: int) -> MatrixFactorization:
    model = MatrixFactorization(
        MatrixFactorizationConfig.model_validate({"sweeps": sweeps}), train.n_users, train.n_items
    )
    fit(model, train)
    return model


def _row(name: str, theirs: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, str]:
    their_seconds, our_seconds = (median(run[key] for run in runs) for runs, key in ((theirs, "seconds"), (ours, name)))
    return {
        "Surprise's": name,
        "its RMSE": f"{mean(run['rmse'] for run in theirs):.4f}",
        "folds": str(len(theirs)),
        "Surprise, s": f"{their_seconds:.1f}",
        "RMSE": f"{GOALS[name]}",
        "Palate, s": f"{our_seconds:.2f}",
        "sweeps": f"{median(run[f'{name} sweeps'] for run in ours):.0f}",
        "times as fast": f"{their_seconds / our_seconds:.0f}",
    }


if __name__ == "__main__":
    main()
