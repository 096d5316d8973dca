"""CUDA graphs: the steps of a block of batches are captured once and replayed, without Python between them.

A graph repeats operations at the memory addresses of the capture. So each block is copied to the place of the captured
one; weights and the optimizer's state stay in place, and resuming fills them in place. Two runs differ in the last
digits, as the gradients of one row are added in any order.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch

from palate.data.batches import RatingBatch, RatingBatches
from palate.models.contract import LearnedModel
from palate.training.optimizers.optimizer import Optimizer

STEPS = 64
"""Most steps of a graph: observers and checkpoints are called once for all of them."""

COMPILED_FROM = 150_000
"""Least steps of a training for which torch.compile pays: fusing the kernels of a step takes ten seconds or more."""

COMPILER: dict[str, Any] = {
    "backend": "inductor",
    "options": {"realize_reads_threshold": 2, "split_reductions": False},
}
"""Options of torch.compile: gathered rows are kept for all uses of them, and a sum is fused with other operations."""


def uses_cuda_graphs(model: LearnedModel) -> bool:
    """Return whether the steps of the model are captured."""
    return model.REPEATABLE and model.device.type == "cuda"


def worth_compiling(steps: int) -> bool:
    """Return whether a training of so many steps is worth torch.compile, on this machine."""
    return steps >= COMPILED_FROM and find_spec("triton") is not None


class CudaGraphRunner:
    """Yields batches in blocks, and learns from a block by one replay of a CUDA graph.

    step: learns from one batch; its operations must be the same for every batch of one size.
    """

    def __init__(
        self, step: Callable[[RatingBatch], None], optimizer: Optimizer, batches: RatingBatches, compiled: bool
    ) -> None:
        self.plain, self.step, self.optimizer, self.batches = step, step, optimizer, batches
        if compiled:
            torch.compiler.reset()  # earlier compilations count towards a limit
            self.step = torch.compile(step, fullgraph=True, dynamic=False, **COMPILER)
        self.events, self.at_once = batches.events, min(STEPS, optimizer.at_once)
        self.block: RatingBatch | None = None  # the memory from which the graph reads its batches
        self.repeat: Callable[[], None] = self._steps

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, generator: torch.Generator, skip: int = 0) -> Iterator[RatingBatch]:
        """Yield blocks from batch number `skip` on, and the rest batch by batch."""
        return self.batches.epoch(generator, skip, self.at_once)

    def learn(self, batch: RatingBatch, done: float = 0.0) -> int:
        """Learn from a block or a batch -> the number of steps."""
        size = self.batches.batch_size
        steps = -(-len(batch) // size)
        self.optimizer.ready(steps)
        if len(batch) == self.at_once * size:
            self._learn_block(batch)
        elif len(batch) == size:
            self.step(batch)
        else:
            self.plain(batch)
        return steps

    def _learn_block(self, batch: RatingBatch) -> None:
        if self.block is None:  # the first block is learned without a graph, as the warm-up that a capture needs
            self.block = RatingBatch(batch.rows.clone(), batch.ratings.clone())
            on_own_stream(self._steps)
            self.repeat = captured(self._steps)
        else:
            self.block.rows.copy_(batch.rows)
            self.block.ratings.copy_(batch.ratings)
            self.repeat()

    def _steps(self) -> None:
        assert self.block is not None
        parts = (part.split(self.batches.batch_size) for part in (self.block.rows, self.block.ratings))
        for rows, ratings in zip(*parts, strict=True):
            self.step(RatingBatch(rows, ratings))


def on_own_stream(work: Callable[[], None]) -> None:
    """Do the work on a stream of its own, as torch requires of the warm-up of a graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)


def captured(work: Callable[[], None]) -> Callable[[], None]:
    """Capture the work as a CUDA graph without doing it -> the function that replays it."""
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            work()
    except RuntimeError as error:
        raise RuntimeError(f"a step of a REPEATABLE model can't be captured as a CUDA graph: {error}") from error
    return graph.replay
