"""People never seen in training: how good predictions are after n known ratings.

    python -m benchmarks.newcomers [ml-100k | movielens-small] [--draws 20]
    python -m benchmarks.newcomers --models bayes bias --told 10 --validation 0

A draw takes 150 people out, trains on the rest, and asks about all but 20 ratings of each (--told); of the 20, in an
order drawn too, the first n are told. So every n is tested on the same ratings. All models answer through
`Recommender.predict`, and each is compared with the last.
"""

import argparse
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import palate
from benchmarks.common import data, interval, record
from palate.evaluation.rating_metrics import rmse

KNOWN = (0, 1, 3, 5, 10, 20)
PEOPLE = 150
TIMED = 100
"""People whose list is timed in each draw."""

Errors = dict[str, list[list[float]]]
"""Model -> the RMSE after each number of known ratings, a list a draw."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="ml-100k", choices=["ml-100k", "movielens-small"])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["neural", "bias"])
    parser.add_argument("--told", type=int, default=max(KNOWN), help="ratings of each person that are not asked about")
    parser.add_argument("--validation", type=float, default=0.1, help="share that models which need one choose by")
    options = parser.parse_args()
    draws, told = options.draws, options.told
    known = [n for n in KNOWN if n <= told]
    table = palate.read(data("ml-100k")) if options.data == "ml-100k" else palate.load_table(options.data, None, {})
    errors: Errors = {name: [] for name in options.models}
    times: list[float] = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        enough = np.flatnonzero(np.diff(table.offsets) > told)
        people = random.choice(enough, PEOPLE, replace=False)
        others = table.where(~np.isin(table.users, people))
        rated = {int(user): random.permutation(np.flatnonzero(table.users == user)) for user in people}
        for name in errors:
            kept: dict[str, Any] = {"test": 0, "validation": options.validation, "baselines": ()}
            model = palate.train(others, model=name, seed=draw, **kept).recommender
            errors[name].append([after(model, table, rated, n, told) for n in known])
            times += timed(model, table, rated, told) if name == options.models[0] else []
        print(draw, {name: [round(error, 4) for error in found[-1]] for name, found in errors.items()}, flush=True)

    rows = [_row(errors, at, n) for at, n in enumerate(known)]
    milliseconds = f"{median(times):.1f} ms"
    names = " against ".join(errors)
    summary = f"{options.data}, {draws} draws of {PEOPLE} people, RMSE {names}: " + ", ".join(
        f"{row['known']}: {' / '.join(row[name] for name in errors)}" for row in rows
    )
    figures = {"known": known, "rmse": errors, "milliseconds": median(times)}
    usual = options.models == ["neural", "bias"] and told == max(KNOWN)
    label = f"newcomers-{options.data}" if usual else f"newcomers-{options.data}-{'-'.join(errors)}-{told}"
    record(
        label, figures, f"{summary}; {options.models[0]}: fold-in of {told} ratings and top 10: {milliseconds}", rows
    )


def after(
    model: palate.Recommender, table: palate.Interactions, rated: dict[int, NDArray[np.int64]], n: int, told: int
) -> float:
    """RMSE on all but the first `told` ratings of each person, when the first n are known."""
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
    """Milliseconds of a fold-in of `told` ratings and the best 10 of all items."""
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


def _row(errors: Errors, at: int, known: int) -> dict[str, str]:
    found = {name: [draw[at] for draw in draws] for name, draws in errors.items()}
    row = {"known": str(known)} | {name: f"{mean(values):.4f}" for name, values in found.items()}
    *others, last = found
    for name in others:
        away = [a - b for a, b in zip(found[name], found[last], strict=True)]
        low, high = interval(away) if len(away) > 1 else (away[0], away[0])
        row[f"{name} - {last}, 95 % interval"] = f"{mean(away):+.4f} ({low:+.4f} to {high:+.4f})"
    return row


if __name__ == "__main__":
    main()
