"""The course's finding on MovieLens 100K: which optimizer and which first embeddings, epoch by epoch.

    python benchmarks/course.py [--seeds 5]

Random 80/20, batch 512, plain 25 epochs. Errors are of predictions as they come, not clipped, as in the course.
"""

import argparse
from collections.abc import Mapping
from math import sqrt
from statistics import mean
from typing import Any

from common import PICTURES, data, record, spread
from matplotlib import rc_context
from matplotlib.figure import Figure

import palate
from palate.evaluation.evaluate import squared_error

SETUPS: Mapping[str, Mapping[str, Any]] = {
    "SGD, N(0, 0.01²)": {"preset": "sgd"},
    "Adam, N(0, 1)": {"preset": "adam"},
    "Adam, N(0, 0.01²)": {"preset": "adam", "settings": {"init_std": 0.01}},
}

Curves = dict[str, list[list[float]]]
"""Set-up -> the test RMSE of each epoch, a list a seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    table = palate.read(data("ml-100k"))
    curves: Curves = {name: [plain(table, seed, **setup) for seed in seeds] for name, setup in SETUPS.items()}
    kept = [chosen(table, seed) for seed in seeds]
    draw(curves)

    rows = [summed_up(name, found) for name, found in curves.items()]
    defaults = {"set-up": "Palate's default", "best": "–", "best epoch": f"{mean(e for _, e in kept):.1f}, chosen"}
    rows.append({**defaults, "kept": spread([error for error, _ in kept])})
    rows.append({"set-up": "bias", "best": "–", "best epoch": "–", "kept": spread([bias(table, s) for s in seeds])})
    summary = "; ".join(f"{row['set-up']} {row['kept']}" for row in rows)
    figures = {"test_rmse": curves, "default": [{"rmse": error, "epoch": epoch} for error, epoch in kept]}
    record("course", figures, f"MovieLens 100K, test RMSE kept, {len(seeds)} seeds: {summary}", rows)


def plain(table: palate.Interactions, seed: int, **setup: Any) -> list[float]:
    """The test RMSE after each of the course's 25 epochs; the test part only watches."""
    trained = palate.train(table, seed=seed, validation=0, baselines=(), **setup)
    return [sqrt(epoch["test_loss"]) for epoch in trained.history]


def chosen(table: palate.Interactions, seed: int) -> tuple[float, int]:
    """The test RMSE of Palate's default, and the epoch that the validation part chose."""
    trained = palate.train(table, seed=seed, watch_test=True, baselines=())
    best = min(trained.history, key=lambda epoch: epoch["validation_loss"])
    return sqrt(best["test_loss"]), int(best["epoch"])


def bias(table: palate.Interactions, seed: int) -> float:
    found = palate.train(table, model="bias", seed=seed, validation=0, baselines=()).recommender
    return sqrt(squared_error(found.model, found.split.train, found.split.test))


def summed_up(name: str, seeds: list[list[float]]) -> dict[str, str]:
    """The lowest point of the curves is read off the test part: it says what there was, not what one would have got."""
    lowest = [min(curve) for curve in seeds]
    at = mean(1 + curve.index(low) for curve, low in zip(seeds, lowest, strict=True))
    return {"set-up": name, "best": spread(lowest), "best epoch": f"{at:.1f}", "kept": spread([c[-1] for c in seeds])}


def draw(curves: Curves) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "palate", "font.size": 10}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for name, seeds in curves.items():
            by_epoch = list(zip(*seeds, strict=True))
            epochs = range(1, 1 + len(by_epoch))
            (line,) = axes.plot(epochs, [mean(values) for values in by_epoch], label=name)
            axes.fill_between(epochs, [*map(min, by_epoch)], [*map(max, by_epoch)], color=line.get_color(), alpha=0.2)
        axes.set(xlabel="epoch", ylabel="test RMSE", title="The course's network on MovieLens 100K", ylim=(0.9, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(PICTURES / "course.svg", format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
