"""Measure the course's network on a GPU: 25 epochs over 16 million ratings, and the losses against those of a CPU.

    python -m benchmarks.gpu [--batch-size 512 2048 8192] [--count]

Speed: all epochs of each batch size, with and without the time before the second block of steps (copying, compiling,
recording). Learning: the losses of five epochs over a million ratings, on the training part and on a held-out one,
against those of the CPU's own code at batch size 512. Both start from the same initial weights and use the same order,
because other random numbers would make more difference than all rounding. --count reports the kernels of a step.

--device cpu with few ratings tests the script: the CPU runs a GPU's steps and repeats them by calls.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch._inductor import metrics

from benchmarks import synthetic
from benchmarks.common import record
from palate.data import split
from palate.data.batches import RatingBatches
from palate.data.interactions import Interactions
from palate.data.shuffle import shuffled
from palate.data.split import Split
from palate.evaluation.evaluate import squared_error
from palate.models.neural import hidden_layer
from palate.models.neural import step_tensor as tensor_layer
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.training import cuda_graphs
from palate.training import fit as fit_module
from palate.training.fit import Record, fit
from palate.training.optimizers import optimizer as optimizers
from palate.training.optimizers.optimizer import KINDS

COMPARED, COMPARED_EPOCHS = 1_000_000, 5
COURSE = 512
"""The course's batch size."""

START = NeuralRating.start


@dataclass
class Clock:
    """An observer that notes when the first steps were done."""

    first: float = 0.0

    def started(self, epochs: int, events: int, epoch: int) -> None: ...

    def stepped(self, events: int) -> None:
        self.first = self.first or time.perf_counter()

    def measured(self, record: Record) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--ratings", type=int, default=16_000_000)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[COURSE])
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device)
    compared = split.random(with_taste(synthetic.interactions(min(COMPARED, options.ratings))), test=0.1, validation=0)
    train = synthetic.interactions(options.ratings)

    cpu = losses(compared, torch.device("cpu"), COURSE)
    rows, figures = [row("cpu", COURSE, cpu, cpu)], {"cpu": cpu}
    for size in options.batch_size:
        with a_gpu_s_steps() if device.type == "cpu" else nullcontext():
            speed = timed(train, device, epochs=options.epochs, batch_size=size)
            metrics.reset()
            with mock.patch.object(fit_module, "worth_compiling", return_value=device.type != "cpu" or options.count):
                errors = losses(compared, device, size)
        kernels = {"kernels a step": float(metrics.generated_kernel_count)} if options.count else {}
        figures[str(size)] = errors | speed | kernels
        rows.append(row(device.type, size, errors, cpu) | {k: f"{v:,.1f}" for k, v in (speed | kernels).items()})
    rows[0] |= {name: "" for name in rows[-1] if name not in rows[0]}
    first = figures[str(options.batch_size[0])]
    summary = (
        f"{options.epochs} epochs over {options.ratings:,} ratings, batch {options.batch_size[0]}: "
        f"{first['seconds']:.1f} s, of which {first['before the first steps were done']:.1f} s until the first steps; "
        f"training loss {abs(first['training loss'] / cpu['training loss'] - 1):.2%} off the CPU's"
    )
    record(f"gpu-{device.type}", figures, summary, rows)


def row(device: str, size: int, figures: dict[str, float], cpu: dict[str, float]) -> dict[str, Any]:
    off = {f"{name}, off the CPU's": f"{value / cpu[name] - 1:+.2%}" for name, value in figures.items()}
    return {"device": device, "batch size": size, **{name: f"{value:.4f}" for name, value in figures.items()}, **off}


def with_taste(table: Interactions, seed: int = 1) -> Interactions:
    """Return the table with ratings that can be learned: they follow two numbers of each user and item, and noise."""
    random = np.random.default_rng(seed)
    of_users, of_items = (random.normal(size=(n, 2)) for n in (table.n_users, table.n_items))
    taste = (of_users[table.users] * of_items[table.items]).sum(1)
    ratings = np.round(2 * (3.5 + 0.6 * taste + random.normal(0, 0.5, len(table)))) / 2
    return replace(table, ratings=ratings.clip(0.5, 5).astype(np.float32))


def losses(parts: Split, device: torch.device, size: int) -> dict[str, float]:
    """Return the mean squared errors of the last training epoch and of the held-out part."""
    with (
        mock.patch.object(RatingBatches, "_shuffled", shuffled_on_cpu),
        mock.patch.object(NeuralRating, "start", drawn),
    ):
        model, records = trained(parts.train, device, epochs=COMPARED_EPOCHS, batch_size=size)
    held_out = squared_error(model, parts.train, parts.test)
    return {"training loss": records[-1]["train_loss"], "held-out loss": held_out}


def shuffled_on_cpu(batches: RatingBatches, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(generator.initial_seed())
    columns = shuffled(batches.pairs.cpu().numpy(), batches.ratings.cpu().numpy(), random)
    pairs, ratings = (torch.from_numpy(column).to(batches.pairs.device) for column in columns)
    return pairs, ratings


def drawn(model: NeuralRating, train: Interactions, generator: torch.Generator) -> None:
    """Draw the initial weights as the CPU does."""
    same = NeuralRating(model.config, model.n_users, model.n_items)
    START(same, train, torch.Generator().manual_seed(generator.initial_seed()))
    model.load_state_dict(same.state_dict())


def timed(train: Interactions, device: torch.device, **settings: Any) -> dict[str, float]:
    clock, began = Clock(), time.perf_counter()
    _, records = trained(train, device, clock, **settings)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "before the first steps were done": clock.first - began,
        "ratings a second": len(train) * len(records) / seconds,
        "in the fastest epoch": max(epoch["ratings_per_second"] for epoch in records),
    }


def trained(
    train: Interactions, device: torch.device, *observers: Clock, **settings: Any
) -> tuple[NeuralRating, list[Record]]:
    model = NeuralRating(NeuralRatingConfig.model_validate(settings), train.n_users, train.n_items).to(device)
    records = fit(model, train, observers=observers)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return model, records


@contextmanager
def a_gpu_s_steps() -> Iterator[None]:
    """Within the block, the CPU trains by the steps of a GPU."""

    def called(work: Callable[[], None]) -> Callable[[], None]:
        return work

    with ExitStack() as stack:
        whole = {("sgd", True): KINDS["sgd", False], ("adam", True): KINDS["adam", False]}
        stack.enter_context(mock.patch.dict(optimizers.KINDS, whole))
        stack.enter_context(mock.patch.object(hidden_layer, "step_on_cpu", return_value=tensor_layer.squared_error))
        stack.enter_context(mock.patch.object(fit_module, "uses_cuda_graphs", return_value=True))
        stack.enter_context(mock.patch.object(cuda_graphs, "on_own_stream", lambda work: work()))
        stack.enter_context(mock.patch.object(cuda_graphs, "captured", called))
        yield


if __name__ == "__main__":
    main()
