"""Measure the validation RMSE of `bias` over a grid of regularization strengths, on three data sets, without test
parts.

python -m benchmarks.bias [--seeds 3]
"""

import argparse
from itertools import product
from math import sqrt
from statistics import mean

import palate
from benchmarks.common import data, record
from palate.data import split as splits
from palate.evaluation.evaluate import squared_error
from palate.models.bias import Bias, BiasConfig
from palate.training.fit import fit

USER_L2, ITEM_L2 = (1, 2, 5, 10, 20), (1, 2, 3, 5, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    seeds = range(parser.parse_args().seeds)
    ml_1m = data("ml-1m") / "ratings.csv.gz"
    sources = {"ml-100k": data("ml-100k"), "ml-1m": ml_1m, "sample": "movielens-small"}
    parts = {}
    for name, source in sources.items():
        table = palate.load_table(source, None, {})
        parts[name] = [splits.random(table, seed=seed) for seed in seeds]
    rows: list[dict[str, str]] = []
    for user_l2, item_l2 in product(USER_L2, ITEM_L2):
        errors = {name: mean(validation(part, user_l2, item_l2) for part in of_data) for name, of_data in parts.items()}
        shown = {name: f"{error:.4f}" for name, error in errors.items()}
        rows.append({"user_l2": str(user_l2), "item_l2": str(item_l2), **shown, "mean": f"{mean(errors.values()):.4f}"})
    best = min(rows, key=lambda row: float(row["mean"]))
    at = f"user_l2 {best['user_l2']} and item_l2 {best['item_l2']}"
    record("bias", {}, f"bias, mean validation RMSE of three data sets is least at {at}: {best['mean']}", rows)


def validation(split: splits.Split, user_l2: float, item_l2: float) -> float:
    model = Bias(BiasConfig(user_l2=user_l2, item_l2=item_l2), split.table.n_users, split.table.n_items)
    fit(model, split.train)
    return sqrt(squared_error(model, split.train, split.validation))


if __name__ == "__main__":
    main()
