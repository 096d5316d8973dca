"""Measure the accuracy for new users (cold start) after n known ratings.

    python -m benchmarks.newcomers [ml-100k | movielens-small] [--model neural] [--draws 20]

A draw leaves out 150 users, trains on the rest, and tests on all but 20 ratings of each user (--told 10: all but 10).
Of these 20, in random order, the model is given the first n, so that every n is tested on the same ratings. Both models
are asked through `Recommender.predict`.
"""

import argparse
from statistics import mean, median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import palate
from benchmarks.common import data, interval, record
from palate.evaluation.rating_metrics import rmse

KNOWN = (0, 1, 3, 5, 10, 20)
PEOPLE = 150
TIMED = 100
"""Number of users whose list is timed in each draw."""

Errors = dict[str, list[list[float]]]
"""The RMSE after each number of KNOWN ratings, in a list for each draw, by model."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="ml-100k", choices=["ml-100k", "movielens-small"])
    parser.add_argument("--model", default="neural", help="model to compare with bias")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--told", type=int, default=max(KNOWN), help="ratings of each new user that are not tested")
    parser.add_argument("--validation", type=float, default=0.1, help="validation share of the training ratings")
    options = parser.parse_args()
    draws, compared, told = options.draws, options.model, options.told
    known = [n for n in KNOWN if n <= told]
    table = palate.read(data("ml-100k")) if options.data == "ml-100k" else palate.load_table(options.data, None, {})
    errors: Errors = {compared: [], "bias": []}
    times: list[float] = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        enough = np.flatnonzero(np.diff(table.offsets) > told)
        people = random.choice(enough, PEOPLE, replace=False)
        others = table.where(~np.isin(table.users, people))
        rated = {int(user): random.permutation(np.flatnonzero(table.users == user)) for user in people}
        for name in errors:
            model = palate.train(
                others, model=name, seed=draw, test=0, validation=options.validation, baselines=()
            ).recommender
            errors[name].append([after(model, table, rated, n, told) for n in known])
            times += timed(model, table, rated, told) if name == compared else []

    rows = [_row(errors, compared, at, n) for at, n in enumerate(known)]
    milliseconds = f"{median(times):.1f} ms"
    summary = f"{options.data}, {draws} draws of {PEOPLE} people, RMSE {compared} against bias: " + ", ".join(
        f"{row['known']}: {row[compared]} / {row['bias']}" for row in rows
    )
    figures = {"known": known, "rmse": errors, "milliseconds": median(times)}
    name = f"newcomers-{options.data}" + (f"-{compared}" if compared != "neural" else "")
    name += f"-told-{told}" if told != max(KNOWN) else ""
    record(name, figures, f"{summary}; fold-in of {told} ratings and top 10: {milliseconds}", rows)


def after(
    model: palate.Recommender, table: palate.Interactions, rated: dict[int, NDArray[np.int64]], n: int, told: int
) -> float:
    """Return the RMSE on all but the first `told` ratings of each user, where the model knows the first n."""
    assert table.ratings is not None
    predicted, real = [], []
    for rows in rated.values():
        asked = rows[told:]
        items = [table.item_ids.id(item) for item in table.items[asked]]
        predicted += [row.rating for row in model.predict(None, items, ratings=_ratings(table, rows[:n]))]
        real += table.ratings[asked].tolist()
    return rmse(np.array(predicted), np.array(real))


def timed(
    model: palate.Recommender, table: palate.Interactions, rated: dict[int, NDArray[np.int64]], told: int
) -> list[float]:
    """Measure the milliseconds of a fold-in of `told` ratings and a top-10 list."""
    times = []
    for rows in list(rated.values())[:TIMED]:
        ratings = _ratings(table, rows[:told])
        began = perf_counter()
        model.recommend(ratings=ratings, k=10)
        times.append(1000 * (perf_counter() - began))
    return times


def _ratings(table: palate.Interactions, rows: NDArray[np.int64]) -> dict[int | str, float]:
    assert table.ratings is not None
    return {table.item_ids.id(table.items[row]): float(table.ratings[row]) for row in rows}


def _row(errors: Errors, compared: str, at: int, known: int) -> dict[str, str]:
    ours, bias = ([draw[at] for draw in errors[name]] for name in (compared, "bias"))
    low, high = interval([a - b for a, b in zip(ours, bias, strict=True)])
    return {
        "known": str(known),
        compared: f"{mean(ours):.4f}",
        "bias": f"{mean(bias):.4f}",
        "difference, 95 % interval": f"{mean(ours) - mean(bias):+.4f} ({low:+.4f} to {high:+.4f})",
    }


if __name__ == "__main__":
    main()
