"""The optimizer of a model: embedding tables are updated row by row, other parameters as a whole."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from palate.models.contract import AnnealedConfig, LearnedConfig, LearnedModel
from palate.models.shared.layers import EmbeddingTable
from palate.training.optimizers.dense import AdamDense, DenseUpdates, SgdDense
from palate.training.optimizers.dense_cpu import CompiledAdamDense, CompiledSgdDense
from palate.training.optimizers.rows import AdamRows, RowUpdates, SgdRows, Updates
from palate.training.optimizers.rows_cpu import CompiledAdamRows, CompiledSgdRows

KINDS: dict[
    tuple[str, bool],
    tuple[Callable[[EmbeddingTable, LearnedConfig], RowUpdates], Callable[[nn.Parameter, LearnedConfig], DenseUpdates]],
] = {
    ("sgd", True): (CompiledSgdRows, CompiledSgdDense),
    ("sgd", False): (SgdRows, SgdDense),
    ("adam", True): (CompiledAdamRows, CompiledAdamDense),
    ("adam", False): (AdamRows, AdamDense),
}
"""The optimizers of embedding tables and of other parameters, by name and by whether the device is a CPU."""


class Optimizer:
    """Updates all parameters of a model."""

    def __init__(self, model: LearnedModel) -> None:
        self.config = model.config
        tables = {name: module for name, module in model.named_modules() if isinstance(module, EmbeddingTable)}
        rows, dense = KINDS[model.config.optimizer, model.device.type == "cpu"]
        self.tables = {name: rows(table, model.config) for name, table in tables.items()}
        assert not (tables and isinstance(model.config, AnnealedConfig)), "see AnnealedConfig"
        self.dense = {name: dense(p, model.config) for name, p in model.named_parameters() if p.requires_grad}

    def _all(self) -> Iterator[tuple[str, Updates]]:
        yield from self.tables.items()
        yield from self.dense.items()

    @property
    def at_once(self) -> int:
        """Most steps that `ready` can prepare at once."""
        return min((updates.at_once for updates in self.tables.values()), default=RowUpdates.at_once)

    def step(self, done: float = 0.0) -> None:
        """Apply the gradients of one batch, after `done` epochs."""
        self.ready(1)
        self.take(done)

    def ready(self, steps: int) -> None:
        """Prepare so many steps: whatever can't be a part of a captured step."""
        for updates in self.tables.values():
            updates.ready(steps)

    def take(self, done: float = 0.0) -> None:
        """Take a step that `ready` has prepared, with tensor operations alone except for the learning rate."""
        for updates in self.tables.values():
            updates.take()
        rate = self.config.rate(done)
        for dense in self.dense.values():
            dense.step(rate)

    @torch.no_grad()
    def settle(self) -> None:
        """Bring every table up to date before it is read as a whole, by evaluation or to be saved."""
        for updates in self.tables.values():
            updates.settle()

    def release(self) -> None:
        """End the training of the tables: they are read directly again."""
        for updates in self.tables.values():
            updates.table.lender = None

    def state(self) -> dict[str, Tensor]:
        """Return the tensors, by name, that resuming needs beside the model."""
        return {f"{name}.{key}": value for name, updates in self._all() for key, value in updates.state().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state()`."""
        for name, updates in self._all():
            updates.restore({key: state[f"{name}.{key}"] for key in updates.state()})
