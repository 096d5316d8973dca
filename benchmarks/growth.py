"""Measure the cost of a rating as tables grow: time and memory of training the course's network.

    python -m benchmarks.growth [--repeats 3]

The tables have 1 to 20 million ratings, and 5 million ratings with 1, 4 and 16 times the users and items of MovieLens
20M. Each training is a process of its own, all sizes in turns; the second of two epochs is timed.
"""

import argparse
import json
import sys
from statistics import median
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import synthetic
from benchmarks.common import PICTURES, peak, printed, record
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.training.fit import fit

MILLIONS = (1, 2, 5, 10, 20)
TABLES = (1, 4, 16)
MILLIONS_OF_TABLES = 5

Size = tuple[int, int]
"""Millions of ratings, and the multiple of users and items."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="number of repetitions")
    parser.add_argument("--one", nargs=2, type=int, metavar=("MILLIONS", "TABLES"), help="train once, print the cost")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(trained(*options.one)))
        return
    sizes = list(dict.fromkeys([(n, 1) for n in MILLIONS] + [(MILLIONS_OF_TABLES, times) for times in TABLES]))
    runs: dict[Size, list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(options.repeats):
        for millions, times in sizes:
            run = printed(sys.executable, "-m", "benchmarks.growth", "--one", str(millions), str(times))
            runs[millions, times].append(run)
    record("growth", *told(runs))


def told(runs: dict[Size, list[dict[str, float]]]) -> tuple[dict[str, Any], str, list[dict[str, str]]]:
    """Return the figures, their summary and the table. Other work on the machine only adds time, so the fastest run
    counts too."""
    usual, least = (
        {size: of([run["nanoseconds"] for run in of_size]) for size, of_size in runs.items()} for of in (median, min)
    )
    gigabytes = {size: max(run["gigabytes"] for run in of_size) for size, of_size in runs.items()}
    draw(usual, gigabytes)
    rows = [
        {
            "ratings": f"{n},000,000",
            "users and items": f"{times} x",
            "nanoseconds a rating": f"{usual[n, times]:.0f}",
            "in the fastest run": f"{least[n, times]:.0f}",
            "peak, GB": f"{gigabytes[n, times]:.2f}",
        }
        for n, times in runs
    ]
    rises = {"medians": rise(usual), "fastest": rise(least)}
    figures = {"runs": {f"{n}M, {times}x": of_size for (n, times), of_size in runs.items()}, "rises": rises}
    said = (
        f"{ratings:.0%} more up to 20 million and {tables:.0%} more with 16 times the users and items"
        for ratings, tables in rises.values()
    )
    summary = (
        f"a rating costs {usual[1, 1]:.0f} ns at 1 million, at most {next(said)}; in the fastest runs {next(said)}"
    )
    return figures, summary, rows


def rise(costs: dict[Size, float]) -> tuple[float, float]:
    """Return how far the largest cost of a rating is above that of the smallest table, by ratings and by users and
    items."""
    by_ratings, by_tables = [costs[n, 1] for n in MILLIONS], [costs[MILLIONS_OF_TABLES, times] for times in TABLES]
    return max(by_ratings) / by_ratings[0] - 1, max(by_tables) / by_tables[0] - 1


def trained(millions: int, times: int) -> dict[str, float]:
    train = synthetic.interactions(millions * 10**6, synthetic.USERS * times, synthetic.ITEMS * times)
    config = NeuralRatingConfig.model_validate({"epochs": 2})
    seconds = fit(NeuralRating(config, train.n_users, train.n_items), train)[-1]["seconds"]
    return {"nanoseconds": seconds / len(train) * 1e9, "gigabytes": peak() / 1e9}


def draw(nanoseconds: dict[Size, float], gigabytes: dict[Size, float]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "palate", "font.size": 10}):
        figure = Figure(figsize=(8, 6), layout="constrained")
        grid = figure.subplots(2, 2, sharey="row")
        for row, (values, label) in enumerate(((nanoseconds, "ns a rating"), (gigabytes, "peak, GB"))):
            line(grid[row][0], [(n, values[n, 1]) for n in MILLIONS], "million ratings")
            by_table = [(times, values[MILLIONS_OF_TABLES, times]) for times in TABLES]
            line(grid[row][1], by_table, "times the users and items of MovieLens 20M")
            grid[row][0].set_ylabel(label)
        figure.savefig(PICTURES / "growth.svg", format="svg", metadata={"Date": None})


def line(axes: Axes, points: list[tuple[int, float]], label: str) -> None:
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel=label, ylim=(0, None))
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
