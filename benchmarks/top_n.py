"""Measure the quality of the ranking models' lists, on public data and splits that other papers report on.

    python -m benchmarks.top_n [gowalla beauty latest-small caser] [--models ease item-knn ...]

The whole catalogue is ranked, without the items that a user has already. A model's settings are chosen from its grid by
nDCG on the validation part, the model is trained again on training and validation part, and the test part is used once.
Where the seed matters, a model is trained with several seeds for the test, and the figures are means. The members of
`list-blend` have the settings chosen for them alone; their weights are chosen on the validation part, members with
weight 0 are left out, and the others are trained again like other models. Rows of models that are not named stay in the
results as they are.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from benchmarks.common import HERE, data, peak, record, write
from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions, in_order
from palate.data.relevance import relevant
from palate.data.split import TEST, TRAIN, VALIDATION, Split
from palate.data.vocabulary import Vocabulary
from palate.evaluation.evaluate import evaluate
from palate.models import MODELS, current_name
from palate.models.contract import Model
from palate.results import Metrics
from palate.training.blend_weights import candidates, list_weights, weighting_users
from palate.training.fit import fit

Settings = dict[str, Any]
Grid = dict[str, Sequence[Any]]


GRIDS: dict[str, dict[str, Grid]] = {
    "gowalla": {
        "popularity": {},
        "als": {"dim": [256, 512], "unobserved": [0.01, 0.02], "l2": [0.003]},
        "graph-filter": {"rank": [512], "ideal": [0.3]},
        "list-blend": {},
    },
    "beauty": {
        "popularity": {},
        "item-knn": {"neighbours": [300], "shrinkage": [3, 10], "decay": [0.7, 0.8]},
        "ease": {"l2": [100, 200], "decay": [0.7]},
        "next-item": {"l2": [20], "decay": [0.7]},
        "als": {"dim": [128], "unobserved": [0.01], "l2": [0.003, 0.01]},
        "graph-filter": {"rank": [512], "ideal": [0.3]},
        "sasrec": {},
        "list-blend": {},
    },
    "latest-small": {
        "popularity": {"days": [None, 30, 100, 365]},
        "item-knn": {"neighbours": [100, 300], "shrinkage": [10, 30], "decay": [1]},
        "ease": {"l2": [100, 200, 300], "taken": [0, 0.25], "own": [0, 1]},
        "ease:recent": {"l2": [200, 300], "taken": [0], "own": [0, 1], "half_life": [300, 1000, 3000]},
        "next-item": {"l2": [200, 1000], "decay": [0.98], "window": [100]},
        "als": {"dim": [32, 64], "unobserved": [0.1, 0.3, 0.5, 1], "l2": [0.003, 0.005, 0.01]},
        "graph-filter": {"rank": [16, 32], "ideal": [0.3, 1]},
        "svdpp": {},
        "bayes": {},
        "list-blend": {},
    },
    "caser": {
        "popularity": {},
        "item-knn": {"neighbours": [100, 300], "shrinkage": [30, 100], "decay": [0.99, 1]},
        "ease": {"l2": [300, 1000], "taken": [0, 0.25, 0.5, 0.75]},
        "ease:own": {"l2": [300, 1000], "taken": [0, 0.25, 0.5, 0.75], "own": [1]},
        "next-item": {"l2": [300, 1000], "decay": [0.9, 0.95, 0.98], "window": [50]},
        "als": {"dim": [128, 256], "unobserved": [0.1], "l2": [0.01]},
        "graph-filter": {"rank": [128, 256], "ideal": [0.3]},
        "mf": {},
        "neural": {},
        "svdpp": {},
        "bias": {},
        "list-blend": {},
    },
}
"""The grid of settings of each model, by data set; every combination of values is tried. A model may occur twice, with
a colon and a word after its name. gowalla has too many items for models that hold a number for each pair of items. Most
events of caser have no known order, which `sasrec` needs."""

SEEDS = {"als": 3, "graph-filter": 3, "sasrec": 3, "mf": 3, "svdpp": 3, "list-blend": 3}
"""Number of seeds for the test of each model; one for models without randomness, and for slow models with poor
lists."""

PEOPLE = 5_000
"""Maximum number of users of the validation part on which settings are chosen."""

VALIDATION_SHARE = 0.1
"""Validation share of a user's training items, where a data set has only a training and a test part."""

EVERYBODY = 10**9


@dataclass(frozen=True)
class Dataset:
    """Splits of a data set. A model is trained on a split's training part, knows its validation part too, and is tested
    on its test part."""

    tuning: Sequence[Split]
    final: Sequence[Split]
    k: int
    """Length of the lists."""

    @classmethod
    def of(cls, split: Split, k: int) -> "Dataset":
        """Return the data set of one split: settings are chosen on the validation part, which is then part of the
        training."""
        chosen = np.where(split.part == VALIDATION, TEST, TRAIN).astype(np.uint8)[split.part != TEST]
        final = np.where(split.part == TEST, TEST, TRAIN).astype(np.uint8)
        return cls([Split(split.before_test, chosen)], [Split(split.table, final)], k)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(GRIDS), help=f"data sets, of {', '.join(GRIDS)}")
    parser.add_argument("--models", nargs="+", help="only these models")
    parser.add_argument("--seeds", type=int, default=max(SEEDS.values()), help="maximum number of seeds")
    options = parser.parse_args()
    for name in options.data:
        bench = Bench(name)
        for model in GRIDS[name]:
            if options.models is None or model in options.models:
                bench.run(model, options.seeds)
        bench.record()


class Bench:
    """The run of all models on one data set."""

    def __init__(self, name: str) -> None:
        self.name, self.grids, self.data = name, GRIDS[name], DATASETS[name]()
        self.quality = f"ndcg@{self.data.k}"
        path = HERE / "results" / f"top-n-{name}.json"
        written = json.loads(path.read_text())["figures"]["models"] if path.exists() else []
        written = [{**row, "model": current_name(row["model"])} for row in written]
        self.rows: dict[str, dict[str, Any]] = {row["model"]: row for row in written if row["model"] in self.grids}
        self.kept: dict[tuple[str, str, int], tuple[Model, float]] = {}  # those trained for the test, for the blend

    def run(self, name: str, most: int) -> None:
        seeds = range(min(most, SEEDS.get(name, 1)))
        if name == "list-blend":
            settings, valued = self.blended()
        else:
            settings, valued = self.chosen(name)
        results = [self.judged(self.data.final, name, settings, seed, EVERYBODY) for seed in seeds]
        for each in results:
            print(name, settings, "test", each, flush=True)
        means = {key: fmean([each[key] for each in results]) for key in results[0]}
        about = {"validation": valued, "seeds": results, "settings": settings, "peak": peak()}
        self.rows[name] = {"model": name, **means, **about}
        write(*self.results())

    def chosen(self, name: str) -> tuple[Settings, float]:
        """Return the best settings of the grid on the validation part, and their nDCG."""
        grid = self.grids[name]
        tried = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
        qualities = []
        for settings in tried:
            qualities.append(self.judged(self.data.tuning, name, settings)[self.quality] if len(tried) > 1 else 0.0)
            print(name, settings, f"validation {qualities[-1]:.4f}", flush=True)
        best = int(np.argmax(qualities))
        return tried[best], qualities[best]

    def blended(self) -> tuple[Settings, float]:
        """Return the members, each with its chosen settings and its weight, and the nDCG of the blend."""
        members = [name for name in self.grids if name in self.rows and name != "list-blend"]
        candidate_sets = []
        for split in self.data.tuning:
            models = [self.fitted(split, name, self.rows[name]["settings"], 0)[0] for name in members]
            liked = relevant(split.test, split.before_test.scale)
            candidate_sets.append(
                candidates(models, split.before_test, liked, weighting_users(liked, 0), split.newcomers)
            )
        weights = [round(weight, 2) for weight in list_weights(candidate_sets, self.data.k)]
        value = float(np.concatenate([each.quality(weights, self.data.k) for each in candidate_sets]).mean())
        print("list-blend", dict(zip(members, weights, strict=True)), f"validation {value:.4f}", flush=True)
        weighed = {name: weight for name, weight in zip(members, weights, strict=True) if weight}
        return {"members": {name: self.rows[name]["settings"] for name in weighed}, "weights": weighed}, value

    def judged(
        self, splits: Sequence[Split], name: str, settings: Settings, seed: int = 0, people: int = PEOPLE
    ) -> Metrics:
        """Return the metrics as means over the users of all splits, and the seconds of training."""
        reports, seconds = [], 0.0
        for split in splits:
            model, took = self.fitted(split, name, settings, seed)
            seconds += took
            reports.append(
                evaluate(model, split.before_test, split.test, k=self.data.k, people=people, newcomers=split.newcomers)
            )
        weights = [report["people"] for report in reports]
        means = {
            key: fmean([each[key] for each in reports], weights) for key in (f"recall@{self.data.k}", self.quality)
        }
        return {**means, "people": sum(weights), "seconds": round(seconds, 2)}

    def fitted(self, split: Split, name: str, settings: Settings, seed: int) -> tuple[Model, float]:
        """Return a model trained on the split's training part, and the seconds of training."""
        if name == "list-blend":
            return self.fitted_blend(split, settings, seed)
        key = name, json.dumps([id(split), settings]), seed % SEEDS.get(name, 1)
        if key in self.kept:
            return self.kept[key]
        kind = MODELS[name.partition(":")[0]]
        model: Model = kind.of(kind.Config.model_validate(settings), split.table)
        began = time.perf_counter()
        fit(model, split.train, seed=seed)
        trained = model, time.perf_counter() - began
        if split in self.data.final:
            self.kept[key] = trained
        return trained

    def fitted_blend(self, split: Split, settings: Settings, seed: int) -> tuple[Model, float]:
        kind = MODELS["list-blend"]
        config = kind.Config.model_validate({"members": settings["members"]})
        blend: Any = kind(config, split.table.n_users, split.table.n_items)
        seconds = 0.0
        for name, member in settings["members"].items():
            blend.members[name], took = self.fitted(split, name, member, seed)
            seconds += took
        blend.weights.copy_(torch.tensor(list(settings["weights"].values())))
        return blend, seconds

    def record(self) -> None:
        name, figures, table = self.results()
        values = ", ".join(f"{row['model']} {row[self.quality]:.4f}" for row in figures["models"])
        record(name, figures, f"{self.name}, nDCG@{self.data.k}: {values}", table)

    def results(self) -> tuple[str, dict[str, Any], list[dict[str, str]]]:
        """Return the name of the results, the figures, and the table to show."""
        rows = [self.rows[name] for name in self.grids if name in self.rows]
        return f"top-n-{self.name}", {"models": rows}, [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, str]:
    of_note = row["settings"].get("weights", row["settings"])
    return {
        "model": row["model"],
        **{key: f"{row[key]:.4f}" for key in row if "@" in key},
        "seconds": f"{row['seconds']:.1f}",
        "settings": ", ".join(f"{key} {value}" for key, value in of_note.items()) or "defaults",
    }


# The data


def beauty() -> Dataset:
    """Return Amazon Beauty: each user's last item is the test part, the one before it the validation part."""
    lines = (data("amazon-beauty") / "Beauty.txt").read_text().splitlines()
    table = as_table(*_pairs(lines))
    from_end = table.offsets[table.users + 1] - np.arange(len(table))  # (n,): 1 for everybody's last item
    return Dataset.of(Split(table, np.choose(from_end.clip(max=3) - 1, [TEST, VALIDATION, TRAIN]).astype(np.uint8)), 10)


def caser() -> Dataset:
    """Return MovieLens 1M: each user's last 20 % is the test part, the 10 % before it the validation part; ratings of 4
    and 5 are liked."""
    folder = data("ml-1m")
    parts = pl.DataFrame({"part": ["valid", "test"], "number": [VALIDATION, TEST]})
    marked = pl.read_csv(folder / "caser_time_split.csv.gz").join(parts, on="part")
    events = pl.read_csv(folder / "ratings.csv.gz").join(marked, on=["userId", "movieId"], how="left")
    events = events.with_columns(pl.col("number").fill_null(TRAIN)).sort("userId", "number", "pos", maintain_order=True)
    table = as_table(*(events[name].to_numpy() for name in ("userId", "movieId", "rating")))
    return Dataset.of(Split(table, events["number"].to_numpy().astype(np.uint8)), 20)


def gowalla() -> Dataset:
    """Return Gowalla check-ins with LightGCN's test part; a tenth of each user's training items is the validation
    part."""
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
    """Return MovieLens latest-small split by time: training up to a cut, the tenth of all ratings after it as the test
    part.

    The model knows the first half of the ratings of a user who is new after the cut. Only films rated before the cut
    are tested.
    """
    events = pl.read_csv(data("ml-latest-small") / "ratings.csv")
    table = as_table(*(events[name].to_numpy() for name in ("userId", "movieId", "rating", "timestamp")))
    return Dataset(
        [_cut(table, at) for at in (0.2, 0.3, 0.4, 0.5)], [_cut(table, at) for at in (0.6, 0.7, 0.8, 0.9)], 20
    )


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
    """Return events (n,), oldest first for each user, as Interactions."""
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
    """Parse lines of a user and its items -> users (n,) and items (n,)."""
    rows = [np.array(line.split(), dtype=np.int64) for line in lines]
    users = np.repeat([row[0] for row in rows if len(row)], [len(row) - 1 for row in rows if len(row)])
    return users, np.concatenate([row[1:] for row in rows])


if __name__ == "__main__":
    main()
