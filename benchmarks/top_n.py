"""How good the lists of the ranking models are, on public data and splits that others report on.

    python -m benchmarks.top_n [beauty caser gowalla latest-small] [--models ease item-knn ...]

The whole catalogue is ranked, without what a person has already. A model's settings are chosen from its grid by nDCG on
the validation part, the model is trained again on train and validation, and the test part is looked at once.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.common import data, peak, record
from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions, in_order
from palate.data.split import TEST, TRAIN, VALIDATION, Split
from palate.data.vocabulary import Vocabulary
from palate.evaluation.evaluate import Metrics, evaluate
from palate.models import MODELS
from palate.models.contract import Model
from palate.training.fit import fit

GRIDS: dict[str, dict[str, Sequence[Any]]] = {
    "popularity": {"days": [None, 30, 100, 365]},
    "item-knn": {"neighbours": [100, 300], "shrinkage": [0, 3, 30], "decay": [0.7, 1]},
    "ease": {"l2": [100, 300, 1000], "decay": [0.7, 0.85, 1]},
    "next-item": {"l2": [20, 50, 100], "decay": [0.6, 0.7, 0.8]},
    "als": {"dim": [64, 128], "unobserved": [0.01, 0.1], "l2": [0.003, 0.01]},
    "graph-filter": {"rank": [128, 512], "ideal": [0.1, 0.3, 1]},
    "sasrec": {},
    "mf": {},
    "neural": {},
    "bias": {},
}
"""The values that are tried of each model's settings, each with each."""

VALIDATION_SHARE = 0.1
"""Of a person's training items, where a data set has a train and a test part only."""

EVERYBODY = 10**9


@dataclass(frozen=True)
class Dataset:
    """A model learns from a split's train part, is told its validation part too, and is asked for its test part."""

    tuning: Sequence[Split]
    final: Sequence[Split]
    k: int
    """The length of the lists."""

    @classmethod
    def of(cls, split: Split, k: int) -> "Dataset":
        """Settings are chosen on the validation part, which is learned from afterwards."""
        chosen = np.where(split.part == VALIDATION, TEST, TRAIN).astype(np.uint8)[split.part != TEST]
        final = np.where(split.part == TEST, TEST, TRAIN).astype(np.uint8)
        return cls([Split(split.before_test, chosen)], [Split(split.table, final)], k)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(DATASETS), help=f"of {', '.join(DATASETS)}")
    parser.add_argument("--models", nargs="+", default=list(GRIDS), choices=list(GRIDS))
    options = parser.parse_args()
    for name in options.data:
        dataset = DATASETS[name]()
        rows = [judged(dataset, model) for model in options.models]
        shown = [{key: f"{value:.4f}" if "@" in key else value for key, value in row.items()} for row in rows]
        at = f"ndcg@{dataset.k}"
        summary = f"{name}, nDCG@{dataset.k}: " + ", ".join(f"{row['model']} {row[at]:.4f}" for row in rows)
        record(f"top-n-{name}", {"models": rows}, summary, shown)


def judged(dataset: Dataset, name: str) -> dict[str, Any]:
    """One row of the table: the settings chosen, and what the test part says of them."""
    grid = GRIDS[name]
    chosen: dict[str, Any] = {}
    best = -1.0
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        found = measured(dataset.tuning, dataset.k, name, settings)
        print(name, settings, {key: round(value, 4) for key, value in found.items()}, flush=True)
        if found[f"ndcg@{dataset.k}"] > best:
            chosen, best = settings, found[f"ndcg@{dataset.k}"]
    return {"model": name, **measured(dataset.final, dataset.k, name, chosen), "settings": chosen, "peak": peak()}


def measured(splits: Sequence[Split], k: int, name: str, settings: dict[str, Any]) -> Metrics:
    """Means over all people of all splits, and the seconds that training took."""
    reports, seconds = [], 0.0
    for split in splits:
        kind = MODELS[name]
        model: Model = kind(kind.Config.model_validate(settings), split.table.n_users, split.table.n_items)
        began = time.perf_counter()
        fit(model, split.train)
        seconds += time.perf_counter() - began
        reports.append(evaluate(model, split.before_test, split.test, k=k, people=EVERYBODY))
    people = [report["people"] for report in reports]
    means = {key: fmean([report[key] for report in reports], people) for key in (f"recall@{k}", f"ndcg@{k}")}
    return {**means, "people": sum(people), "seconds": round(seconds, 2)}


# The data


def beauty() -> Dataset:
    """Amazon Beauty: everybody's last item is the test, the one before it the validation part."""
    lines = (data("amazon-beauty") / "Beauty.txt").read_text().splitlines()
    table = as_table(*_pairs(lines))
    from_end = table.offsets[table.users + 1] - np.arange(len(table))  # (n,): 1 for everybody's last item
    return Dataset.of(Split(table, np.choose(from_end.clip(max=3) - 1, [TEST, VALIDATION, TRAIN]).astype(np.uint8)), 10)


def caser() -> Dataset:
    """MovieLens 1M: everybody's last 20 % is the test, the 10 % before it the validation part; 4 and 5 are liked."""
    folder = data("ml-1m")
    parts = pl.DataFrame({"part": ["valid", "test"], "number": [VALIDATION, TEST]})
    marked = pl.read_csv(folder / "caser_time_split.csv.gz").join(parts, on="part")
    events = pl.read_csv(folder / "ratings.csv.gz").join(marked, on=["userId", "movieId"], how="left")
    events = events.with_columns(pl.col("number").fill_null(TRAIN)).sort("userId", "number", "pos", maintain_order=True)
    table = as_table(*(events[name].to_numpy() for name in ("userId", "movieId", "rating")))
    return Dataset.of(Split(table, events["number"].to_numpy().astype(np.uint8)), 20)


def gowalla() -> Dataset:
    """Gowalla check-ins, the test part of LightGCN; a tenth of everybody's training items is the validation part."""
    lines = {name: pl.read_csv(data("gowalla") / f"{name}.txt.gz", has_header=False) for name in ("train", "test")}
    (users, items), (test_users, test_items) = (_pairs(frame.to_series().to_list()) for frame in lines.values())
    order = np.lexsort([np.random.default_rng(0).random(len(users)), users])
    counts = np.bincount(users)
    place = np.empty(len(users), dtype=np.int64)
    place[order] = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    validation = place < np.floor(VALIDATION_SHARE * counts)[users]
    part = np.concatenate([np.where(validation, VALIDATION, TRAIN), np.full(len(test_users), TEST)]).astype(np.uint8)
    everybody = np.concatenate([users, test_users])
    table = as_table(everybody, np.concatenate([items, test_items]))
    return Dataset.of(Split(table, part[in_order(everybody.astype(np.int32), None)]), 20)


def latest_small() -> Dataset:
    """MovieLens latest-small in time: up to a cut is learned from, the tenth of all ratings after it is asked for.

    A person who is new after the cut tells the first half of their part. Only films rated before the cut are asked for.
    """
    events = pl.read_csv(data("ml-latest-small") / "ratings.csv")
    table = as_table(*(events[name].to_numpy() for name in ("userId", "movieId", "rating", "timestamp")))
    return Dataset([_cut(table, at) for at in (0.4, 0.5)], [_cut(table, at) for at in (0.6, 0.7, 0.8, 0.9)], 20)


def _cut(table: Interactions, share: float) -> Split:
    assert table.times is not None
    start, end = np.quantile(table.times, [share, share + 0.1])
    until = table.where(table.times <= end)
    assert until.times is not None
    past = until.times <= start
    known = np.bincount(until.users[past], minlength=table.n_users)[until.users] > 0
    first_half = np.arange(len(until)) < (until.offsets[:-1] + until.offsets[1:])[until.users] / 2
    met = np.bincount(until.items[past], minlength=table.n_items)[until.items] > 0
    part = np.select([past, ~known & first_half], [TRAIN, VALIDATION], TEST).astype(np.uint8)
    asked = met | (part != TEST)
    return Split(until.where(asked), part[asked])


DATASETS: dict[str, Callable[[], Dataset]] = {
    "beauty": beauty,
    "caser": caser,
    "gowalla": gowalla,
    "latest-small": latest_small,
}


def as_table(
    users: NDArray[Any], items: NDArray[Any], ratings: NDArray[Any] | None = None, times: NDArray[Any] | None = None
) -> Interactions:
    """Events (n,), of each person oldest first, as Interactions."""
    user_ids, user_rows = Vocabulary.encode("user", pl.Series(users))
    item_ids, item_rows = Vocabulary.encode("item", pl.Series(items))
    when = None if times is None else times.astype(np.float64)
    order = in_order(user_rows, when)
    return Interactions(
        user_rows[order],
        item_rows[order],
        None if ratings is None else ratings.astype(np.float32)[order],
        None if when is None else when[order],
        user_ids,
        item_ids,
        Catalogue.empty(len(item_ids)),
    )


def _pairs(lines: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines of a user and its items -> users (n,) and items (n,)."""
    rows = [np.array(line.split(), dtype=np.int64) for line in lines]
    users = np.repeat([row[0] for row in rows if len(row)], [len(row) - 1 for row in rows if len(row)])
    return users, np.concatenate([row[1:] for row in rows])


if __name__ == "__main__":
    main()
