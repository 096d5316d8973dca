"""Measure an iteration of alternating least squares against the package implicit, on two data sets.

    make benchmarks/.venv    once: installs implicit, apart from Palate
    python -m benchmarks.als [--repeats 3] [--threads 1 2]

Both solve the users and then the items by three conjugate gradient steps, on a CPU, from the same events: the training
part of Gowalla, and MovieLens 1M's ratings of 4 and 5. Each run is a process of its own, both in turns. A run times
five iterations after a first one, which compiles; the median of all iterations counts. implicit's products use one BLAS
thread each, as its documentation asks. On Gowalla both are also trained with 8 iterations and their lists compared,
with the same weights and with implicit's penalty equal to the mean of Palate's. Neither is tuned.
"""

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import torch

import palate
from benchmarks.common import HERE, data, printed, record
from benchmarks.top_n import gowalla
from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate
from palate.models import als
from palate.models.als import improve
from palate.training.fit import fit

DIMS = (64, 128, 256)
TIMED = 5
PYTHON = HERE / ".venv" / "bin" / "python"

UNOBSERVED, L2, SWEEPS, K = 0.01, 0.003, 8, 20
"""Palate's settings for Gowalla with 64 factors, and the length of the compared lists."""

IMPLICIT = """
import json, sys
import numpy
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
table = numpy.load(sys.argv[1])
dim, iterations, threads, alpha, penalty, out = (json.loads(word) for word in sys.argv[2:])
users, items = table["users"], table["items"]
events = csr_matrix((numpy.ones(len(users), dtype=numpy.float32), (users, items)), shape=table["shape"].tolist())
model = AlternatingLeastSquares(
    factors=dim, alpha=alpha, regularization=penalty, iterations=iterations, num_threads=threads, random_state=0
)
seconds = []
model.fit(events, show_progress=False, callback=lambda iteration, took, loss: seconds.append(took))
if out:
    numpy.savez(out, users=model.user_factors, items=model.item_factors)
print(json.dumps(seconds))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="number of repetitions")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--one", nargs=2, metavar=("DATA", "DIM"), help="time Palate and print the seconds")
    options = parser.parse_args()
    torch.set_num_threads(max(options.threads))
    if options.one:
        name, dim = options.one
        print(json.dumps(palate_seconds(EVENTS[name](), int(dim))))
        return
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: make benchmarks/.venv")
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "BLIS_NUM_THREADS": "1"}
    runs: dict[str, dict[str, list[float]]] = {}
    with TemporaryDirectory() as folder:
        paths = {name: saved(events(), Path(folder) / f"{name}.npz") for name, events in EVENTS.items()}
        for _ in range(options.repeats):
            for name, dim, threads in itertools.product(EVENTS, DIMS, options.threads):
                seconds = runs.setdefault(f"{name} {dim} {threads}", {"palate": [], "implicit": []})
                words = ("--threads", str(threads), "--one", name, str(dim))
                seconds["palate"] += printed(sys.executable, "-m", "benchmarks.als", *words)[1:]
                seconds["implicit"] += theirs(paths[name], dim, threads)[1:]
        quality = compared(paths["Gowalla"], max(options.threads))
    rows = [_row(at, seconds) for at, seconds in runs.items()]
    worst = max(float(row["times implicit's"]) for row in rows)
    busy = f"load average {os.getloadavg()[1]:.1f}"
    summary = (
        f"an iteration takes at most {worst:.2f} times implicit's, {busy}; nDCG@{K} on Gowalla, 64 numbers: "
        + ", ".join(f"{name} {value:.4f}" for name, value in quality.items())
    )
    record("als", {"seconds": runs, f"ndcg@{K}": quality}, summary, rows)


def _row(at: str, seconds: dict[str, list[float]]) -> dict[str, str]:
    name, dim, threads = at.rsplit(" ", 2)
    ours, their = median(seconds["palate"]), median(seconds["implicit"])
    return {
        "data": name,
        "numbers in a vector": dim,
        "threads": threads,
        "implicit, s": f"{their:.2f}",
        "Palate, s": f"{ours:.2f}",
        "times implicit's": f"{ours / their:.2f}",
    }


def _gowalla() -> Interactions:
    (split,) = gowalla().final
    return split.train


def _movielens() -> Interactions:
    table = palate.read(data("ml-1m"))
    return relevant(table, table.scale)


EVENTS: dict[str, Callable[[], Interactions]] = {"Gowalla": _gowalla, "MovieLens 1M": _movielens}


def saved(events: Interactions, path: Path) -> Path:
    np.savez(path, users=events.users, items=events.items, shape=(events.n_users, events.n_items))
    return path


def palate_seconds(events: Interactions, dim: int) -> list[float]:
    """Measure the seconds of each iteration, from the start of its users to the start of the next iteration's users."""
    began: list[float] = []

    def timed(*arguments: Any) -> None:
        began.append(time.perf_counter())
        improve(*arguments)

    with mock.patch.object(als, "improve", timed):
        trained(events, dim=dim, sweeps=TIMED + 1, l2=L2, unobserved=UNOBSERVED)
    return np.diff(began[::2]).tolist()


def trained(events: Interactions, **settings: Any) -> als.AlternatingLeastSquares:
    config = als.AlternatingLeastSquaresConfig.model_validate(settings)
    model = als.AlternatingLeastSquares(config, events.n_users, events.n_items)
    fit(model, events)
    return model


def theirs(
    path: Path, dim: int, threads: int, iterations: int = TIMED + 1, penalty: float = 0.01, out: str = ""
) -> list[float]:
    """Measure implicit's seconds for each iteration. An event has the weight alpha and a pair the weight 1, in place of
    1 and UNOBSERVED."""
    words = (dim, iterations, threads, 1 / UNOBSERVED + 1, penalty, out)
    seconds: list[float] = printed(str(PYTHON), "-c", IMPLICIT, str(path), *map(json.dumps, words))
    return seconds


def compared(path: Path, threads: int) -> dict[str, float]:
    """Return the nDCG on the test part of Gowalla of both packages."""
    (split,) = gowalla().final
    ours = trained(split.train, dim=64, sweeps=SWEEPS, l2=L2, unobserved=UNOBSERVED)
    quality = {"palate": ndcg(ours, split)}
    rows = np.concatenate([split.train.item_counts, np.diff(split.train.offsets)])
    others = np.repeat([split.train.n_users, split.train.n_items], [split.train.n_items, split.train.n_users])
    penalty = L2 * fmean((rows + UNOBSERVED * others).tolist()) / UNOBSERVED
    out = path.with_name("factors.npz")
    theirs(path, 64, threads, SWEEPS, penalty, str(out))
    with np.load(out) as factors:
        ours.users.copy_(torch.from_numpy(factors["users"]))
        ours.items.copy_(torch.from_numpy(factors["items"]))
    return {**quality, "implicit": ndcg(ours, split)}


def ndcg(model: als.AlternatingLeastSquares, split: Split) -> float:
    return evaluate(model, split.before_test, split.test, k=K, people=10**9, newcomers=split.newcomers)[f"ndcg@{K}"]


if __name__ == "__main__":
    main()
