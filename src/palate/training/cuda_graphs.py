"""Steps of a GPU without Python between them: a block of batches is one CUDA graph, recorded once and repeated.

A graph repeats operations at the addresses they were recorded with. So a block is copied to where the recorded one was;
weights and the optimizer's state stay where they are, as resuming fills them in place. Two runs differ in the last
digits: what a batch adds to one row is added in any order.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch

from palate.data.batches import RatingBatch, RatingBatches
from palate.models.contract import LearnedModel
from palate.training.optimizers.optimizer import Optimizer

STEPS = 64
"""Steps of a graph: observers and checkpoints hear of so many at once."""

COMPILED_FROM = 150_000
"""Steps of a run that are worth the ten seconds or more in which torch.compile makes few kernels of a step's many."""

COMPILER: dict[str, Any] = {
    "backend": "inductor",
    "options": {"realize_reads_threshold": 2, "split_reductions": False},
}
"""For torch.compile: rows that were fetched are kept for all who use them, and a sum stays one kernel with others."""


def captures(model: LearnedModel) -> bool:
    """Whether the model's steps are recorded."""
    return model.REPEATABLE and model.device.type == "cuda"


def compiles(steps: int) -> bool:
    """Whether a run of so many steps is worth compiling, here."""
    return steps >= COMPILED_FROM and find_spec("triton") is not None


class Captured:
    """Batches that come in blocks, and what learns from a block at once.

    step: from one batch; what it does must be the same for every batch of one size.
    """

    def __init__(
        self, step: Callable[[RatingBatch], None], optimizer: Optimizer, batches: RatingBatches, compiled: bool
    ) -> None:
        self.plain, self.step, self.optimizer, self.batches = step, step, optimizer, batches
        if compiled:
            torch.compiler.reset()  # what earlier runs compiled counts towards a limit
            self.step = torch.compile(step, fullgraph=True, dynamic=False, **COMPILER)
        self.events, self.at_once = batches.events, min(STEPS, optimizer.at_once)
        self.block: RatingBatch | None = None  # where the graph finds its batches
        self.repeat: Callable[[], None] = self._steps

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, generator: torch.Generator, skip: int = 0) -> Iterator[RatingBatch]:
        """Blocks from batch number `skip` on, and what is left batch by batch."""
        return self.batches.epoch(generator, skip, self.at_once)

    def learn(self, batch: RatingBatch, done: float = 0.0) -> int:
        """Learn from a block or a batch -> the steps that took."""
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
        if self.block is None:  # the first is learned as it is, which warms up what is then recorded
            self.block = RatingBatch(batch.rows.clone(), batch.ratings.clone())
            beside(self._steps)
            self.repeat = recorded(self._steps)
        else:
            self.block.rows.copy_(batch.rows)
            self.block.ratings.copy_(batch.ratings)
            self.repeat()

    def _steps(self) -> None:
        assert self.block is not None
        parts = (part.split(self.batches.batch_size) for part in (self.block.rows, self.block.ratings))
        for rows, ratings in zip(*parts, strict=True):
            self.step(RatingBatch(rows, ratings))


def beside(work: Callable[[], None]) -> None:
    """Do the work on a stream of its own, as torch asks of what warms up a graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)


def recorded(work: Callable[[], None]) -> Callable[[], None]:
    """The work as a CUDA graph: recorded, not done -> what does it."""
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            work()
    except RuntimeError as error:
        raise RuntimeError(f"a step of a REPEATABLE model can't be recorded as a CUDA graph: {error}") from error
    return graph.replay
