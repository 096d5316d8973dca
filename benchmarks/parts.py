"""Measure what each part of a training step is worth: the course's network without one part at a time.

    python -m benchmarks.parts [--repeats 7]

All variants run in turns, some steps each, on two million ratings in the shape of MovieLens 20M; the median counts.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from unittest import mock

import torch

from benchmarks import synthetic
from benchmarks.common import record
from palate.data.batches import RatingBatch, seeded
from palate.models.contract import LearnedModel
from palate.models.neural import hidden_layer
from palate.models.neural import step_tensor as tensor_layer
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.models.shared import matmul as products
from palate.system.jit import flushing
from palate.training.optimizers import optimizer as optimizers
from palate.training.optimizers.optimizer import KINDS, Optimizer

RATINGS = 2_000_000
STEPS = 600

Patch = Callable[[], object]

AUTOGRAD: Patch = lambda: mock.patch.object(NeuralRating, "backward", LearnedModel.backward)  # noqa: E731
WHOLE_ROWS: Patch = lambda: mock.patch.dict(  # noqa: E731
    optimizers.KINDS, {("sgd", True): KINDS["sgd", False], ("adam", True): KINDS["adam", False]}
)
WHOLE_LAYER: Patch = lambda: mock.patch.object(hidden_layer, "step_on_cpu", return_value=tensor_layer.squared_error)  # noqa: E731
MKL: Patch = lambda: mock.patch.object(products, "_ONEDNN", False)  # noqa: E731

WAYS: dict[str, tuple[Patch, ...]] = {
    "as it is": (),
    "rows by whole-tensor operations": (WHOLE_ROWS,),
    "the layer by whole-tensor operations": (WHOLE_LAYER,),
    "… with products by torch.mm": (WHOLE_LAYER, MKL),
    "automatic differentiation": (AUTOGRAD,),
    "none of them": (MKL, AUTOGRAD, WHOLE_ROWS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="number of repetitions")
    repeats = parser.parse_args().repeats
    train = synthetic.interactions(RATINGS)
    model = NeuralRating(NeuralRatingConfig.model_validate({}), train.n_users, train.n_items)
    batches = list(model.batches(train).epoch(seeded(torch.device("cpu"), 0)))
    step_times: dict[str, dict[str, list[float]]] = {
        preset: {way: [] for way in WAYS} for preset in NeuralRating.PRESETS
    }
    for repeat in range(repeats + 1):
        for preset, ways in step_times.items():
            for way in ways:
                config = NeuralRatingConfig.model_validate(NeuralRating.PRESETS[preset])
                model = NeuralRating(config, train.n_users, train.n_items)
                model.start(train, seeded(torch.device("cpu"), 1))
                at = repeat * STEPS % (len(batches) - STEPS)
                with patched(WAYS[way]), flushing():
                    microseconds = timed(model, batches[at : at + STEPS])
                if repeat:  # the first compiles
                    ways[way].append(microseconds)
    medians = {preset: {way: median(values) for way, values in ways.items()} for preset, ways in step_times.items()}
    rows = [
        {"a step": way, **{f"{preset}, microseconds": f"{medians[preset][way]:.0f}" for preset in step_times}}
        for way in WAYS
    ]
    summary = "; ".join(f"{way}: {medians['sgd'][way]:.0f} / {medians['adam'][way]:.0f} µs" for way in WAYS)
    record("parts", {"microseconds": step_times}, f"a step of SGD / Adam, {summary}", rows)


@contextmanager
def patched(patches: tuple[Patch, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch())  # type: ignore[arg-type]
        yield


def timed(model: NeuralRating, batches: list[RatingBatch]) -> float:
    """Measure the microseconds per step."""
    optimizer = Optimizer(model)
    model.train()
    began = time.perf_counter()
    for batch in batches:
        model.backward(batch)
        optimizer.step()
    return (time.perf_counter() - began) / len(batches) * 1e6


if __name__ == "__main__":
    main()
