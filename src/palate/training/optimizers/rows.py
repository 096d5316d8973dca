"""Optimizers of embedding tables, whose cost follows the rows a step touches, not the size of the table.

Each equals its dense textbook form, row for row: what a row would have drifted while no batch touched it is added in
closed form when it is next read. These are whole-tensor operations, for any device; the CPU has its own loops. Steps
are counted on the device and no step asks it for a number, so that a GPU can repeat one it has recorded.
"""

from abc import ABC, abstractmethod
from math import ceil, log, sqrt

import torch
from torch import Tensor

from palate.models.contract import LearnedConfig
from palate.models.shared.layers import EmbeddingTable

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants: Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1."""


class Updates(ABC):
    """The optimizer's side of one parameter."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that a checkpoint needs beside the parameter; these tensors stay where they are."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state()`."""
        for name, value in self.state().items():
            value.copy_(state[name])


class RowUpdates(Updates):
    """The optimizer's side of one embedding table: brings rows up to date, and takes their gradients."""

    at_once: int = 2**62
    """Steps that `ready` can make room for."""

    def __init__(self, table: EmbeddingTable) -> None:
        self.table = table
        self.lent: list[tuple[Tensor, Tensor]] = []
        self.collected: list[tuple[Tensor, Tensor]] = []
        table.lender = self

    def lend(self, rows: Tensor) -> Tensor:
        leaf = self.read(rows).requires_grad_()
        self.lent.append((rows, leaf))
        return leaf

    def collect(self, rows: Tensor, gradient: Tensor) -> None:
        self.collected.append((rows, gradient))

    def step(self) -> None:
        """Apply the gradients collected since the last step."""
        self.ready(1)
        self.take()

    def ready(self, steps: int) -> None:
        """Make room for so many steps that will be taken, by whatever is not done in each."""

    def take(self) -> None:
        """The part of a step that is the same every time."""
        loans = self.collected + [(rows, leaf.grad) for rows, leaf in self.lent if leaf.grad is not None]
        if len(loans) == 1:
            self.apply(*loans[0])
        else:
            nothing = self.table.weight[:0]
            rows = torch.cat([nothing.new_empty(0, dtype=torch.int64), *(rows.flatten() for rows, _ in loans)])
            self.apply(rows, torch.cat([nothing, *(gradient.flatten(0, -2) for _, gradient in loans)]))
        self.lent.clear()
        self.collected.clear()

    @abstractmethod
    def read(self, rows: Tensor) -> Tensor:
        """(...) -> a new (..., d): the rows as the dense optimizer would have them now."""

    @abstractmethod
    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        """One step with the gradient (..., d) of the rows (...); a row that occurs twice gets the sum."""

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
        weight = table.weight.detach()
        self.rows = torch.stack([weight, torch.zeros_like(weight)], dim=1)  # (n, 2, d): y, q
        self.s = torch.tensor(self.first, device=weight.device)
        self.power = torch.tensor([[0], [1 if self.momentum else 0]], device=weight.device)  # (2, 1) of m^s in w
        self.share = torch.tensor([[1.0], [self.slope * self.momentum]], device=weight.device)  # (2, 1) times that
        self.moves = torch.tensor([[-self.slope], [1.0]], device=weight.device)  # (2, 1) of a gradient, over m^s
        self.booked = self.first  # what s will be after all steps that `ready` made room for
        if self.momentum:
            self.at_once = -2 * self.first

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "s": self.s}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.booked = int(self.s)

    def ready(self, steps: int) -> None:
        if self.momentum and self.booked + steps > -self.first:
            self.rows[:, 1] *= self.momentum ** (self.booked - self.first)
            self.s.fill_(self.first)
            self.booked = self.first
        self.booked += steps

    def read(self, rows: Tensor) -> Tensor:
        return self._now(self.rows[rows])

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        self.s += 1
        moves = self.moves * self.momentum ** (self.power * -self.s)  # (2, 1)
        self.rows.index_add_(0, rows.flatten(), gradient.flatten(0, -2).unsqueeze(1) * moves)

    def settle(self) -> None:
        self.table.weight.copy_(self._now(self.rows))

    def _now(self, state: Tensor) -> Tensor:
        """(..., 2, d) -> w (..., d)"""
        return (state * (self.share * self.momentum ** (self.power * self.s))).sum(-2)


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
        self.place = torch.zeros_like(self.touched)  # (n,) where among the rows of the last batch
        self.s = torch.tensor(0, device=nothing.device)
        self.tail = self.tails().to(nothing.device)  # (WARM + 1,)

    @classmethod
    def tails(cls) -> Tensor:
        tail, tails = 1 / (1 - cls.RATIO), []
        for k in range(cls.WARM, 0, -1):
            tail = sqrt(1 - BETA2**k) / (1 - BETA1**k) + cls.RATIO * tail
            tails.append(tail)
        return torch.tensor([0.0, *reversed(tails)])  # no step is number 0: nothing moves a row never touched

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "touched": self.touched, "s": self.s}

    def read(self, rows: Tensor) -> Tensor:
        return self._moved(self.rows[rows], self.touched[rows])

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        self.s += 1
        rows, gradient = rows.flatten(), gradient.flatten(0, -2)
        self.place.index_copy_(0, rows, torch.arange(len(rows), device=rows.device))  # a row that occurs twice has one
        place = self.place[rows]  # (R,)
        gradient = torch.zeros_like(gradient).index_add(0, place, gradient)[place]
        state, touched = self.rows[rows], self.touched[rows]
        _, m, v = state.split(self.dim, dim=1)
        age = (self.s - touched).unsqueeze(1)
        w = self._moved(state, touched, before=1)
        m = BETA1**age * m + (1 - BETA1) * gradient
        v = BETA2**age * v + (1 - BETA2) * gradient * gradient
        self.rows.index_copy_(0, rows, torch.cat([w, m, v], dim=1))
        self.touched.index_copy_(0, rows, self.s.expand(len(rows)))

    def settle(self) -> None:
        self.table.weight.copy_(self._moved(self.rows, self.touched))

    def _moved(self, state: Tensor, touched: Tensor, before: int = 0) -> Tensor:
        """(..., 3d) as last touched -> (..., d): w after all steps but the last `before`."""
        w, m, v = state.split(self.dim, dim=-1)
        s = self.s - before
        gone = self.RATIO ** (s + 1 - touched) * self.tail[(s + 1).clamp(max=self.WARM).view(1)]  # (...)
        reach = torch.where(touched > 0, self.tail[touched.clamp(max=self.WARM)] - gone, 0.0)
        epsilon = EPSILON * (1 - BETA2 ** touched.clamp(min=1)).sqrt()  # (...)
        moved: Tensor = w - (self.rate * reach).unsqueeze(-1) * m / (v.sqrt() + epsilon.unsqueeze(-1))
        return moved
