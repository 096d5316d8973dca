"""Reproduce the course's result on MovieLens 100K: optimizers and initial embeddings, epoch by epoch.

    python -m benchmarks.course [--seeds 5]

The split is a random 80/20, the batch size 512, and all 25 epochs run. Predictions are not clipped, as in the course.
"""

import argparse
from collections.abc import Mapping
from math import sqrt
from statistics import mean
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from torch.nn.functional import cosine_similarity

import palate
from benchmarks.common import PICTURES, data, record, spread
from palate.data.batches import seeded
from palate.evaluation.evaluate import squared_error
from palate.models.neural.model import NeuralRating

SETUPS: Mapping[str, Mapping[str, Any]] = {
    "SGD, N(0, 0.01²)": {"preset": "sgd"},
    "Adam, N(0, 1)": {"preset": "adam"},
    "Adam, N(0, 0.01²)": {"preset": "adam", "settings": {"init_std": 0.01}},
}

Curves = dict[str, list[list[float]]]
"""The test RMSE of each epoch, in a list for each seed, by set-up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    seeds = range(parser.parse_args().seeds)
    table = palate.read(data("ml-100k"))
    curves: Curves = {name: [] for name in SETUPS}
    cosines: Curves = {name: [] for name in SETUPS}
    for name, setup in SETUPS.items():
        for seed in seeds:
            trained = palate.train(table, model="neural", seed=seed, validation=0, baselines=(), **setup)
            curves[name].append([sqrt(epoch["test_loss"]) for epoch in trained.history])
            cosines[name].append([from_start(trained, seed)])
    kept = [chosen(table, seed) for seed in seeds]
    draw(curves)

    rows = [summed_up(name, curve, cosines[name]) for name, curve in curves.items()]
    nothing = dict.fromkeys(rows[0], "–")
    chosen_at = f"{mean(epoch for _, epoch in kept):.1f}, chosen"
    default = {"set-up": "Palate's default", "best epoch": chosen_at, "kept": spread([error for error, _ in kept])}
    rows.append({**nothing, **default})
    rows.append({**nothing, "set-up": "bias", "kept": spread([bias(table, seed) for seed in seeds])})
    summary = "; ".join(f"{row['set-up']} {row['kept']}" for row in rows)
    figures = {
        "test_rmse": curves,
        "cosine": cosines,
        "default": [{"rmse": error, "epoch": epoch} for error, epoch in kept],
    }
    record("course", figures, f"MovieLens 100K, test RMSE kept, {len(seeds)} seeds: {summary}", rows)


def from_start(trained: palate.Trained, seed: int) -> float:
    """Return the mean cosine between the initial, random vectors and the learned ones."""
    model = trained.recommender.model
    assert isinstance(model, NeuralRating)
    first = NeuralRating(model.config, model.n_users, model.n_items)
    first.start(trained.recommender.split.train, seeded(model.device, seed))
    return float(cosine_similarity(first.vectors.weight, model.vectors.weight).mean())


def chosen(table: palate.Interactions, seed: int) -> tuple[float, int]:
    """Return the test RMSE with Palate's defaults, and the epoch that the validation part chose."""
    trained = palate.train(table, model="neural", seed=seed, watch_test=True, refit=False, baselines=())
    best = min(trained.history, key=lambda epoch: epoch["validation_loss"])
    return sqrt(best["test_loss"]), int(best["epoch"])


def bias(table: palate.Interactions, seed: int) -> float:
    bias = palate.train(table, model="bias", seed=seed, validation=0, baselines=()).recommender
    return sqrt(squared_error(bias.model, bias.split.train, bias.split.test))


def summed_up(name: str, seeds: list[list[float]], cosines: list[list[float]]) -> dict[str, str]:
    """Sum up the curves. Their lowest point is read off the test part, so it is a bound, not a result that one would
    get."""
    lowest = [min(curve) for curve in seeds]
    at = mean(1 + curve.index(low) for curve, low in zip(seeds, lowest, strict=True))
    return {
        "set-up": name,
        "best": spread(lowest),
        "best epoch": f"{at:.1f}",
        "kept": spread([curve[-1] for curve in seeds]),
        "cosine to the first vectors": f"{mean(cosine for (cosine,) in cosines):.2f}",
    }


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
