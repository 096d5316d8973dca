"""Measure the training speed of the course's network against the course's own code, and compare the losses.

    python -m benchmarks.training [--ratings 16000000] [--repeats 5] [--seeds 3]

Speed: 138,493 users, 26,744 items, batch 512, dim 10, hidden 1,024. Every run is a process of its own, all kinds in
turns; the course's code is timed for 400 steps after 40, Palate for the second epoch of two.
Learning: MovieLens 1M, random 90/10; both start from the same weights and use the same batches for five epochs.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from statistics import mean, median
from typing import Any

import torch
from tests import course_transcription as course
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import palate
from benchmarks import synthetic
from benchmarks.common import data, printed, record
from palate.data import split
from palate.data.batches import seeded
from palate.data.interactions import Interactions
from palate.evaluation.evaluate import squared_error
from palate.models.contract import Model
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.training.fit import Monitor, fit

BATCH = 512
COURSE_STEPS = 400
WARM_STEPS = 40
EPOCHS = 2

WHO = ("course", "palate")

Losses = dict[str, list[list[float]]]
"""The test loss of each epoch, in a list for each seed, by code."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=16_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="number of repetitions")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument(
        "--one", nargs=2, metavar=("WHO", "PRESET"), help="time one code with one preset and print its speed"
    )
    options = parser.parse_args()
    if options.one:
        who, preset = options.one
        print(speed(who, preset, options.ratings))
        return
    kinds = [(who, preset) for preset in NeuralRating.PRESETS for who in WHO]
    speeds: dict[str, list[float]] = {" ".join(kind): [] for kind in kinds}
    for _ in range(options.repeats):
        for who, preset in kinds:
            command = ("-m", "benchmarks.training", "--one", who, preset, "--ratings", str(options.ratings))
            speeds[f"{who} {preset}"].append(printed(sys.executable, *command))
    rates = {kind: median(values) for kind, values in speeds.items()}
    times = {kind: rates[kind] / rates[f"course {kind.split()[1]}"] for kind in rates}

    losses: Losses = {who: [] for who in WHO}
    for seed in range(options.seeds):
        for who, by_epoch in learned(seed).items():
            losses[who].append(by_epoch)
    apart = strays(losses["palate"], losses["course"])

    rows = [
        {
            "preset": preset,
            "code": "the course's" if who == "course" else "Palate",
            "ratings a second": f"{rates[f'{who} {preset}']:,.0f}",
            "times the course's": f"{times[f'{who} {preset}']:.1f}",
            "test loss off by, at most": f"{apart:.2%}" if (who, preset) == ("palate", "sgd") else "",
        }
        for who, preset in kinds
    ]
    summary = ", ".join(f"{kind} {ratio:.1f}x" for kind, ratio in times.items() if "course" not in kind)
    figures = {"ratings_per_second": speeds, "times": times, "test_losses": losses, "apart": apart}
    record("training", figures, f"{summary}; test loss at most {apart:.2%} off", rows)


def strays(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """Return the largest relative difference, over epochs, of the means over seeds."""
    pairs = zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)
    return float(max(abs(mean(a) / mean(b) - 1) for a, b in pairs))


def speed(who: str, preset: str, n: int) -> float:
    """Measure ratings per second."""
    train = synthetic.interactions(n)
    return course_speed(preset, train) if who == "course" else palate_speed(preset, train)


def palate_speed(preset: str, train: Interactions) -> float:
    model = network(train, preset, epochs=EPOCHS)
    return fit(model, train)[-1]["ratings_per_second"]


def course_speed(preset: str, train: Interactions) -> float:
    assert train.ratings is not None
    model = course.Course(train.n_users, train.n_items)
    model.start(NeuralRating.PRESETS[preset]["init_std"])
    optimizer = {"sgd": course.sgd, "adam": course.adam}[preset](model)
    columns = (torch.from_numpy(column) for column in (train.users, train.items, train.ratings))
    loader = DataLoader(TensorDataset(*(next(columns).long(), next(columns).long(), next(columns))), BATCH, True)
    began, batches = 0.0, iter(loader)
    for step in range(WARM_STEPS + COURSE_STEPS):
        if step == WARM_STEPS:
            began = time.perf_counter()
        course.train(model, optimizer, [next(batches)], 3.0)
    return COURSE_STEPS * BATCH / (time.perf_counter() - began)


def network(train: Interactions, preset: str, **settings: Any) -> NeuralRating:
    chosen: Mapping[str, Any] = {**NeuralRating.PRESETS[preset], "average": 1, **settings}
    return NeuralRating(NeuralRatingConfig.model_validate(chosen), train.n_users, train.n_items)


def learned(seed: int) -> dict[str, list[float]]:
    """Return the test loss of each epoch, by code."""
    parts = split.random(palate.read(data("ml-1m")), test=0.1, validation=0, seed=seed)
    train, test = parts.train, parts.test
    model = network(train, "sgd", epochs=5)

    def measured(candidate: Model) -> dict[str, float]:
        return {"test_loss": squared_error(candidate, train, test)}

    records = fit(model, train, seed=seed, monitor=Monitor(measured))
    ours = [record["test_loss"] for record in records]
    return {"course": transcription(train, test, seed), "palate": ours}


def transcription(train: Interactions, test: Interactions, seed: int) -> list[float]:
    """Train with the course's code from our initial weights and over our batches."""
    ours = network(train, "sgd")
    ours.start(train, seeded(torch.device("cpu"), seed))
    first, output, constant = ours.network.parts(ours.network.flat.detach())
    same = course.Course(train.n_users, train.n_items)
    weights: dict[Tensor, Tensor] = {
        same.user_embedding.weight: ours.user_vectors(),
        same.item_embedding.weight: ours.item_vectors(),
        same.hidden.weight: first[:-1].T,
        same.hidden.bias: first[-1],
        same.output.weight: output.unsqueeze(0),
        same.output.bias: constant,
    }
    with torch.no_grad():
        for theirs, value in weights.items():
            theirs.copy_(value)
    optimizer, batches, losses = course.sgd(same), ours.batches(train), []
    assert test.ratings is not None
    users, items, ratings = (torch.from_numpy(column) for column in (test.users, test.items, test.ratings))
    for epoch in range(5):
        stream = (
            (batch.rows[:, 0], batch.rows[:, 1] - train.n_users, batch.ratings)
            for batch in batches.epoch(seeded(torch.device("cpu"), seed, epoch))
        )
        course.train(same, optimizer, stream, mean=0.0)  # which the batches are without
        with torch.no_grad():
            error = same(users.long(), items.long()) + ours.mean - ratings
        losses.append(float(error.square().mean()))
    return losses


if __name__ == "__main__":
    main()
