"""Optimizers whose cost follows the rows a step touches, not the size of the table.

Each equals its dense textbook form, row for row: what a row would have drifted while no batch touched it is added in
closed form when it is next read.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import ceil, log, sqrt

import torch
from torch import Tensor, nn

from palate.models.contract import LearnedConfig, LearnedModel
from palate.models.layers import EmbeddingTable

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants: Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1."""


class Updates(ABC):
    """The optimizer's side of one parameter."""

    @abstractmethod
    def step(self) -> None:
        """Apply the gradients collected since the last step."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that a checkpoint needs beside the parameter; filling these tensors in place restores it."""


class RowUpdates(Updates):
    """The optimizer's side of one embedding table: lends rows, and takes their gradients back."""

    def __init__(self, table: EmbeddingTable) -> None:
        self.table = table
        self.loans: list[tuple[Tensor, Tensor]] = []
        table.lend = self.lend

    def lend(self, rows: Tensor) -> Tensor:
        """(...) rows -> (..., d), up to date; the next `step` uses its gradient."""
        flat = rows.flatten()
        lent = self.read(flat).requires_grad_()  # (R, d)
        self.loans.append((flat, lent))
        return lent.view(*rows.shape, -1)

    def step(self) -> None:
        loans = [(rows, lent.grad) for rows, lent in self.loans if lent.grad is not None]
        self.loans.clear()
        self.apply(loans)

    @abstractmethod
    def read(self, rows: Tensor) -> Tensor:
        """(R,) -> a new (R, d): the rows as the dense optimizer would have them now."""

    @abstractmethod
    def apply(self, loans: list[tuple[Tensor, Tensor]]) -> None:
        """One step with (rows (R,), gradients (R, d)); a row that occurs twice gets the sum."""

    @abstractmethod
    def settle(self) -> None:
        """Bring the whole table up to date."""


class SgdRows(RowUpdates):
    """SGD with momentum, v' = mv + g and w' = w - av', exactly.

    With y = w - am/(1-m) v a step is y' = y - a/(1-m) g: an untouched row's y stays, and its velocity only shrinks by
    m a step. So y and q = v m^-s are kept, s counting steps: both change by adding to the rows touched, and
    w = y + am/(1-m) m^s q. Before m^-s leaves float32's range, s starts again (once in hundreds of steps at m = 0.9).
    """

    RANGE = 1e18
    """m^-s stays within 1/RANGE and RANGE."""

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table)
        self.momentum = config.momentum
        self.slope = config.learning_rate / (1 - config.momentum)
        self.first = -max(1, int(log(self.RANGE) / -log(config.momentum))) if config.momentum else 0
        self.s = torch.tensor(self.first)
        self.y = table.weight.detach().clone()  # (n, d)
        self.q = torch.zeros_like(self.y)  # (n, d)

    def state(self) -> dict[str, Tensor]:
        return {"y": self.y, "q": self.q, "s": self.s}

    def read(self, rows: Tensor) -> Tensor:
        return torch.add(self.y[rows], self.q[rows], alpha=self._reach())

    def apply(self, loans: list[tuple[Tensor, Tensor]]) -> None:
        if self.momentum:
            self._advance()
        for rows, gradient in loans:
            self.y.index_add_(0, rows, gradient, alpha=-self.slope)
            if self.momentum:
                self.q.index_add_(0, rows, gradient, alpha=self.momentum ** -int(self.s))

    def settle(self) -> None:
        torch.add(self.y, self.q, alpha=self._reach(), out=self.table.weight)

    def _reach(self) -> float:
        return self.slope * self.momentum * self.momentum ** int(self.s) if self.momentum else 0.0

    def _advance(self) -> None:
        if self.s >= -self.first:
            self.q.mul_(self.momentum ** (int(self.s) - self.first))
            self.s.fill_(self.first)
        self.s += 1


class AdamRows(RowUpdates):
    """Adam, exactly but for EPSILON beside a root that has shrunk since the row was last touched.

    Touched at step j, a row goes on moving by its momentum in every later step k, by a m/(sqrt(v) + e) times
    (BETA1 / sqrt(BETA2))^(k-j) c_k, where c_k = sqrt(1 - BETA2^k) / (1 - BETA1^k), and e = EPSILON sqrt(1 - BETA2^j)
    because the paper's EPSILON stands beside the root of v / (1 - BETA2^j). `tail[j]` is the sum of that factor over
    all k >= j, so steps j to s moved it by tail[j] - ratio^(s+1-j) tail[s+1] of those; this is added when the row is
    next read, its own step included.
    """

    RATIO = BETA1 / sqrt(BETA2)
    WARM = ceil(log(1e-9) / log(BETA2))
    """From this step on c_k is 1 in float32, so the tail no longer changes."""

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table)
        self.rate = config.learning_rate
        n, self.dim = table.weight.shape
        nothing = table.weight.new_zeros(n, 2 * self.dim)
        self.rows = torch.cat([table.weight.detach(), nothing], dim=1)  # (n, 3d): w as of the last read, m, v
        self.touched = torch.zeros(n, dtype=torch.int64, device=nothing.device)  # (n,) the last step that did
        self.sums = table.weight.new_zeros(n, self.dim)  # (n, d) all zero between steps
        self.s = torch.tensor(0)
        self.tail = self._tails().to(nothing.device)  # (WARM + 1,)

    @classmethod
    def _tails(cls) -> Tensor:
        tail, tails = 1 / (1 - cls.RATIO), []
        for k in range(cls.WARM, 0, -1):
            tail = sqrt(1 - BETA2**k) / (1 - BETA1**k) + cls.RATIO * tail
            tails.append(tail)
        return torch.tensor([0.0, *reversed(tails)])  # no step is number 0: nothing moves a row never touched

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "touched": self.touched, "s": self.s}

    def read(self, rows: Tensor) -> Tensor:
        return self._moved(self.rows[rows], self.touched[rows])

    def apply(self, loans: list[tuple[Tensor, Tensor]]) -> None:
        self.s += 1
        if not loans:
            return
        rows = torch.cat([rows for rows, _ in loans])
        for some_rows, gradient in loans:
            self.sums.index_add_(0, some_rows, gradient)
        gradient = self.sums[rows]  # (R, d)
        self.sums.index_fill_(0, rows, 0.0)

        state, touched = self.rows[rows], self.touched[rows]
        w, m, v = state.split(self.dim, dim=1)
        w.copy_(self._moved(state, touched, before=1))
        age = (int(self.s) - touched).unsqueeze(1)
        m.mul_(BETA1**age).add_(gradient, alpha=1 - BETA1)
        v.mul_(BETA2**age).addcmul_(gradient, gradient, value=1 - BETA2)
        self.rows.index_copy_(0, rows, state)
        self.touched.index_fill_(0, rows, int(self.s))

    def settle(self) -> None:
        self.table.weight.copy_(self._moved(self.rows, self.touched))

    def _moved(self, state: Tensor, touched: Tensor, before: int = 0) -> Tensor:
        """(R, 3d) as last touched -> (R, d): w after all steps but the last `before`."""
        w, m, v = state.split(self.dim, dim=1)
        s = int(self.s) - before
        gone = self.RATIO ** (s + 1 - touched) * self.tail[min(s + 1, self.WARM)]  # (R,)
        reach = torch.where(touched > 0, self.tail[touched.clamp(max=self.WARM)] - gone, 0.0)
        epsilon = EPSILON * (1 - BETA2 ** touched.clamp(min=1)).sqrt()  # (R,)
        moved: Tensor = w - (self.rate * reach).unsqueeze(1) * m / (v.sqrt() + epsilon.unsqueeze(1))
        return moved


class SgdDense(Updates):
    """SGD with momentum for a parameter that every step touches whole."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        self.parameter, self.rate, self.momentum = parameter, config.learning_rate, config.momentum
        self.velocity = torch.zeros_like(parameter)

    def state(self) -> dict[str, Tensor]:
        return {"velocity": self.velocity}

    def step(self) -> None:
        assert self.parameter.grad is not None
        self.velocity.mul_(self.momentum).add_(self.parameter.grad)
        self.parameter.add_(self.velocity, alpha=-self.rate)
        self.parameter.grad = None


class AdamDense(Updates):
    """Adam for a parameter that every step touches whole."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        self.parameter, self.rate = parameter, config.learning_rate
        self.m, self.v = torch.zeros_like(parameter), torch.zeros_like(parameter)
        self.s = torch.tensor(0)

    def state(self) -> dict[str, Tensor]:
        return {"m": self.m, "v": self.v, "s": self.s}

    def step(self) -> None:
        gradient = self.parameter.grad
        assert gradient is not None
        self.s += 1
        s = int(self.s)
        self.m.lerp_(gradient, 1 - BETA1)
        self.v.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        root = (self.v / (1 - BETA2**s)).sqrt_().add_(EPSILON)
        self.parameter.addcdiv_(self.m, root, value=-self.rate / (1 - BETA1**s))
        self.parameter.grad = None


class Optimizer:
    """Trains all of a model: its embedding tables row by row, its other parameters whole."""

    def __init__(self, model: LearnedModel) -> None:
        rows, dense = {"sgd": (SgdRows, SgdDense), "adam": (AdamRows, AdamDense)}[model.config.optimizer]
        tables = {name: module for name, module in model.named_modules() if isinstance(module, EmbeddingTable)}
        self.tables = {name: rows(table, model.config) for name, table in tables.items()}
        self.dense = {name: dense(p, model.config) for name, p in model.named_parameters() if p.requires_grad}

    def _all(self) -> Iterator[tuple[str, Updates]]:
        yield from self.tables.items()
        yield from self.dense.items()

    @torch.no_grad()
    def step(self) -> None:
        """Apply the gradients of one batch."""
        for _, updates in self._all():
            updates.step()

    @torch.no_grad()
    def settle(self) -> None:
        """Bring every table up to date, for those who read it whole: evaluation, and the artifact."""
        for updates in self.tables.values():
            updates.settle()

    def release(self) -> None:
        """Let the tables be read as they are again."""
        for updates in self.tables.values():
            updates.table.lend = None

    def state(self) -> dict[str, Tensor]:
        """All that resuming needs beside the model, by name."""
        return {f"{name}.{key}": value for name, updates in self._all() for key, value in updates.state().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state()`."""
        for name, value in self.state().items():
            value.copy_(state[name])
