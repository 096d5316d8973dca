"""The row-wise optimizers on the CPU: one compiled loop over the rows of a batch, each fetched and written once.

What moved a row when it was last touched goes on moving it. A row keeps the step of its last touch, and powers of the
momentum say how far it has come since: no work for the steps in between, however many.
"""

from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.compiled import Array, compiled, in_threads
from palate.models.contract import LearnedConfig
from palate.models.layers import EmbeddingTable
from palate.training.rows import BETA1, BETA2, EPSILON, AdamRows, RowUpdates

ROWS_A_PART = 65_536
"""Rows that one thread brings up to date at a time."""

POWERS = 4096
"""Powers of a momentum that are kept; higher ones are products of these."""

Scales = tuple[Any, Any, Array, Array, Array]
"""The first five arguments of `drifted`, which every step of a run shares."""


@compiled
def power(powers: Array, exponent: int) -> Any:
    last = len(powers) - 1
    found = powers[min(exponent, last)]
    while exponent > last and found > 0:
        exponent -= last
        found *= powers[min(exponent, last)]
    return found


@compiled
def fetched(state: Array, touched: Array, rows: Array) -> Any:
    """Asks for all rows -> the sum of some of it: nothing waits for one to arrive before it asks for the next."""
    total, steps = state[0, 0, 0], touched[0]
    for r in range(len(rows)):
        total += state[rows[r], 0, 0] + state[rows[r], -1, -1]
        steps += touched[rows[r]]
    return total + steps


@compiled
def read_sgd(state: Array, touched: Array, step: int, reach: float, powers: Array, rows: Array) -> Array:
    """w of the rows after `step` steps: since their last touch their velocity moved them by reach (1 - m^age) v."""
    found = np.empty((len(rows), state.shape[2]), state.dtype)
    found[:1] = fetched(state, touched, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved = reach - reach * power(powers, step - touched[i])
        for k in range(state.shape[2]):
            found[r, k] = state[i, 0, k] - moved * state[i, 1, k]
    return found


@compiled
def step_sgd(
    state: Array, touched: Array, step: int, reach: float, rate: float, powers: Array, rows: Array, gradient: Array
) -> None:
    """Step number `step`: the first time a row occurs it moves by what velocity is left, every time by the gradient."""
    for r in range(len(rows)):
        i = rows[r]
        if touched[i] != step:
            left = power(powers, step - touched[i])
            moved = reach - reach * left
            for k in range(state.shape[2]):
                state[i, 0, k] -= moved * state[i, 1, k]
                state[i, 1, k] *= left
            touched[i] = step
        for k in range(state.shape[2]):
            state[i, 0, k] -= rate * gradient[r, k]
            state[i, 1, k] += gradient[r, k]


class CompiledRows(RowUpdates):
    """What the two below share."""

    def __init__(self, table: EmbeddingTable, n_parts: int) -> None:
        super().__init__(table)
        weight = table.weight.detach()
        nothing = torch.zeros_like(weight)
        self.state_rows = torch.stack([weight, *[nothing] * (n_parts - 1)], dim=1)  # (n, n_parts, d): w as touched last
        self.touched = torch.zeros(len(weight), dtype=torch.int64)  # (n,) the last step that did
        self.s = torch.tensor(0)
        self.arrays = self.state_rows.numpy(), self.touched.numpy()
        self.number = self.arrays[0].dtype.type

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.state_rows, "touched": self.touched, "s": self.s}

    def settle(self) -> None:
        def settle(part: slice) -> None:
            self.table.weight[part] = self.read(torch.arange(part.start, part.stop))

        in_threads(settle, len(self.touched), ROWS_A_PART)


class CompiledSgdRows(CompiledRows):
    """SGD with momentum, v' = mv + g and w' = w - av', exactly.

    Left alone for t steps, a row moves by a (m + ... + m^t) v = am/(1-m) (1 - m^t) v, and its velocity becomes m^t v.
    """

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table, n_parts=2)  # w, v
        self.powers = (config.momentum ** np.arange(POWERS)).astype(self.number)
        self.rate = self.number(config.learning_rate)
        self.reach = self.number(config.learning_rate * config.momentum / (1 - config.momentum))

    def read(self, rows: Tensor) -> Tensor:
        return torch.from_numpy(read_sgd(*self.arrays, int(self.s), self.reach, self.powers, rows.numpy()))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        self.s += 1
        batch = rows.numpy(), gradient.contiguous().numpy()
        step_sgd(*self.arrays, int(self.s), self.reach, self.rate, self.powers, *batch)


@compiled
def drifted(
    rate: float, epsilon: float, tail: Array, ratios: Array, powers: Array, touched: int, step: int
) -> tuple[Any, Any]:
    """How far m / (sqrt(v) + e) moved a row after step `touched`, up to `step`, and e: see AdamRows, from j + 1 on."""
    last = len(tail) - 1
    so_far, to_come = tail[min(touched + 1, last)], tail[min(step + 1, last)]
    times = ratios[1] * so_far - power(ratios, step + 1 - touched) * to_come
    return rate * times, epsilon * np.sqrt(powers[0] - power(powers, max(touched, 1)))


@compiled
def read_adam(state: Array, touched: Array, step: int, scales: Scales, rows: Array) -> Array:
    """w of the rows after `step` steps."""
    found = np.empty((len(rows), state.shape[2]), state.dtype)
    found[:1] = fetched(state, touched, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved, beside = drifted(*scales, touched[i], step)
        for k in range(state.shape[2]):
            found[r, k] = state[i, 0, k] - moved * state[i, 1, k] / (np.sqrt(state[i, 2, k]) + beside)
    return found


@compiled
def sum_by_row(first: Array, rows: Array, gradient: Array) -> None:
    """Add each gradient to that of the row's first occurrence, and note which that is in `first`, by row."""
    for r in range(len(rows)):
        earlier = first[rows[r]]  # of this batch or of one long ago
        if earlier < r and rows[earlier] == rows[r]:
            for k in range(gradient.shape[1]):
                gradient[earlier, k] += gradient[r, k]
        else:
            first[rows[r]] = r


@compiled
def step_adam(
    state: Array,
    touched: Array,
    first: Array,
    step: int,
    scales: Scales,
    powers: tuple[Array, Array],
    fresh: tuple[float, float],
    now: tuple[float, float],
    rows: Array,
    gradient: Array,
) -> None:
    """Step number `step`, with now = (rate, epsilon) as the paper corrects them for it."""
    sum_by_row(first, rows, gradient)
    for r in range(len(rows)):
        i = rows[r]
        if first[i] != r:
            continue
        moved, beside = drifted(*scales, touched[i], step - 1)
        left_m, left_v = power(powers[0], step - touched[i]), power(powers[1], step - touched[i])
        for k in range(state.shape[2]):
            w, m, v, g = state[i, 0, k], state[i, 1, k], state[i, 2, k], gradient[r, k]
            w -= moved * m / (np.sqrt(v) + beside)
            m = left_m * m + fresh[0] * g
            v = left_v * v + fresh[1] * g * g
            state[i, 0, k] = w - now[0] * m / (np.sqrt(v) + now[1])
            state[i, 1, k] = m
            state[i, 2, k] = v
        touched[i] = step


class CompiledAdamRows(CompiledRows):
    """Adam, exactly but for EPSILON beside a root that has shrunk since the row was last touched."""

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table, n_parts=3)  # w, m, v
        self.first = np.zeros(len(self.touched), np.int64)  # (n,) for sum_by_row
        self.rate = config.learning_rate
        steps = np.arange(POWERS)
        self.powers = (BETA1**steps).astype(self.number), (BETA2**steps).astype(self.number)
        self.fresh = self.number(1 - BETA1), self.number(1 - BETA2)
        tail, ratios = (np.asarray(sums, self.number) for sums in (AdamRows.tails(), AdamRows.RATIO**steps))
        self.scales = self.number(self.rate), self.number(EPSILON), tail, ratios, self.powers[1]

    def read(self, rows: Tensor) -> Tensor:
        return torch.from_numpy(read_adam(*self.arrays, int(self.s), self.scales, rows.numpy()))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        self.s += 1
        s = int(self.s)
        root = sqrt(1 - BETA2**s)
        now = self.number(self.rate * root / (1 - BETA1**s)), self.number(EPSILON * root)
        batch = rows.numpy(), gradient.contiguous().numpy()
        step_adam(*self.arrays, self.first, s, self.scales, self.powers, self.fresh, now, *batch)
