"""SGD and Adam for embedding tables, row by row: a step costs time for the rows of its batch, not for the whole table.

Each row equals that of the dense textbook form: momentum also moves a row in the steps whose batch does not touch it,
and this move is added in closed form when the row is next read. These are tensor operations for any device; the CPU has
its own loops (`rows_cpu.py`). Steps are counted on the device, and no step reads a value from it, so that a GPU can
replay a captured step.
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
    """The optimizer of one parameter."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return the tensors that a checkpoint needs beside the parameter; they stay in place."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state()`, in place."""
        for name, value in self.state().items():
            value.copy_(state[name])


class RowUpdates(Updates):
    """The optimizer of one embedding table: it brings rows up to date, and applies their gradients."""

    at_once: int = 2**62
    """Most steps that `ready` can prepare at once."""

    def __init__(self, table: EmbeddingTable) -> None:
        self.table = table
        self.lent: list[tuple[Tensor, Tensor]] = []
        self.collected: list[tuple[Tensor, Tensor]] = []
        table.lender = self

    def lend(self, rows: Tensor) -> Tensor:
        """Read rows (...) for automatic differentiation -> (..., d); the step takes their gradient."""
        leaf = self.read(rows).requires_grad_()
        self.lent.append((rows, leaf))
        return leaf

    def collect(self, rows: Tensor, gradient: Tensor) -> None:
        """Keep the gradient (..., d) of rows (...) for the step."""
        self.collected.append((rows, gradient))

    def step(self) -> None:
        """Apply the gradients collected since the last step."""
        self.ready(1)
        self.take()

    def ready(self, steps: int) -> None:
        """Prepare so many steps, by work that is not a part of each step."""

    def take(self) -> None:
        """Take a step that `ready` has prepared."""
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
        """Read rows (...) as the dense optimizer would have them now -> a new (..., d)."""

    @abstractmethod
    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        """Take one step with the gradient (..., d) of rows (...); a row that occurs twice gets the sum."""

    @abstractmethod
    def settle(self) -> None:
        """Bring the whole table up to date."""


class SgdRows(RowUpdates):
    """SGD with momentum, v' = mv + g and w' = w - av', exactly.

    With y = w - am/(1-m) v a step is y' = y - a/(1-m) g: a row that is not touched keeps its y, and its velocity
    shrinks by m per step. So y and q = v m^-s are stored, where s counts steps: a step only adds to the rows of its
    batch, and w = y + am/(1-m) m^s q. Before m^-s leaves float32's range, s starts again (once in hundreds of steps at
    m = 0.9).
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
        self.share = torch.tensor([[1.0], [self.slope * self.momentum]], device=weight.device)  # (2, 1) of that
        self.moves = torch.tensor([[-self.slope], [1.0]], device=weight.device)  # (2, 1) of a gradient
        self.booked = self.first  # the value of s after all steps that `ready` has prepared
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
    """Adam, exactly except that EPSILON is added to the root of v as it was when the row was last touched.

    A row touched at step j continues to move by its momentum in every later step k, by a m/(sqrt(v) + e) times
    (BETA1 / sqrt(BETA2))^(k-j) c_k, where c_k = sqrt(1 - BETA2^k) / (1 - BETA1^k), and e = EPSILON sqrt(1 - BETA2^j)
    because the paper adds EPSILON to the root of v / (1 - BETA2^j). `tail[j]` is the sum of that factor over all
    k >= j, so steps j to s move the row by (tail[j] - ratio^(s+1-j) tail[s+1]) a m/(sqrt(v) + e); this is added when
    the row is next read, its own step included.
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
        self.place = torch.zeros_like(self.touched)  # (n,) the place of the row in the last batch
        self.s = torch.tensor(0, device=nothing.device)
        self.tail = self.tails().to(nothing.device)  # (WARM + 1,)

    @classmethod
    def tails(cls) -> Tensor:
        """Return tail[j] for j up to WARM -> (WARM + 1,)."""
        tail, tails = 1 / (1 - cls.RATIO), []
        for k in range(cls.WARM, 0, -1):
            tail = sqrt(1 - BETA2**k) / (1 - BETA1**k) + cls.RATIO * tail
            tails.append(tail)
        return torch.tensor([0.0, *reversed(tails)])  # steps begin at 1: a row that was never touched does not move

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "touched": self.touched, "s": self.s}

    def read(self, rows: Tensor) -> Tensor:
        return self._moved(self.rows[rows], self.touched[rows])

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        self.s += 1
        rows, gradient = rows.flatten(), gradient.flatten(0, -2)
        self.place.index_copy_(0, rows, torch.arange(len(rows), device=rows.device))  # repeated rows get one
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
        """Return w (..., d) of rows (..., 3d), as they were last touched, after all steps except the last `before`."""
        w, m, v = state.split(self.dim, dim=-1)
        s = self.s - before
        later = self.RATIO ** (s + 1 - touched) * self.tail[(s + 1).clamp(max=self.WARM).view(1)]  # (...)
        reach = torch.where(touched > 0, self.tail[touched.clamp(max=self.WARM)] - later, 0.0)
        epsilon = EPSILON * (1 - BETA2 ** touched.clamp(min=1)).sqrt()  # (...)
        moved: Tensor = w - (self.rate * reach).unsqueeze(-1) * m / (v.sqrt() + epsilon.unsqueeze(-1))
        return moved
