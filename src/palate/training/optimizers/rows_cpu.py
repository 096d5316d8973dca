"""The row-wise optimizers on the CPU: one compiled loop over the rows of a batch, each fetched and written once.

What moved a row when it was last touched goes on moving it. A row keeps the step of its last touch, and powers of the
momentum say how far it has come since: no work for the steps in between, however many.

All that is kept of a row stands together, since fetching it from memory is most of the work: whole numbers first,
`marks` of the same memory as the numbers in `state`, and then w and what its optimizer adds, each of d numbers.
"""

from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.models.contract import LearnedConfig
from palate.models.shared.layers import EmbeddingTable
from palate.system.jit import Array, compiled, flat, in_threads
from palate.training.optimizers.rows import BETA1, BETA2, EPSILON, AdamRows, RowUpdates

TOUCHED, FIRST, W = 0, 1, 2
"""Where in a row: the last step that touched it, where in a batch it came first (see `sum_by_row`), its weights."""

ROW_BYTES = 32
"""A row takes a multiple of these, so that few of them stand in more lines of the cache than they fill."""

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
def fetched(state: Array, rows: Array) -> Any:
    """Asks for all rows -> the sum of some of it: nothing waits for one to arrive before it asks for the next."""
    total, last = state[0, W], state.shape[1] - 1
    for r in range(len(rows)):
        total += state[rows[r], W] + state[rows[r], last]
    return total


@compiled
def read_sgd(state: Array, marks: Array, s: Array, d: int, reach: float, powers: Array, rows: Array) -> Array:
    """w of the rows after s[0] steps: since their last touch their velocity moved them by reach (1 - m^age) v."""
    found = np.empty((len(rows), d), state.dtype)
    found[:1] = fetched(state, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved = reach - reach * power(powers, s[0] - marks[i, TOUCHED])
        for k in range(d):
            found[r, k] = state[i, W + k] - moved * state[i, W + d + k]
    return found


@compiled
def step_sgd(
    state: Array,
    marks: Array,
    s: Array,
    d: int,
    reach: float,
    rate: float,
    powers: Array,
    rows: Array,
    gradients: Array,
) -> None:
    """One more step: the first time a row occurs it moves by what velocity is left, every time by the gradient."""
    s[0] += 1
    gradient = gradients.reshape(len(rows), d)
    for r in range(len(rows)):
        i = rows[r]
        left = power(powers, s[0] - marks[i, TOUCHED])
        moved = reach - reach * left
        for k in range(d):
            w, v, g = state[i, W + k], state[i, W + d + k], gradient[r, k]
            state[i, W + k] = w - moved * v - rate * g
            state[i, W + d + k] = left * v + g
        marks[i, TOUCHED] = s[0]


class CompiledRows(RowUpdates):
    """What the two below share."""

    def __init__(self, table: EmbeddingTable, n_parts: int) -> None:
        super().__init__(table)
        weight = table.weight.detach()
        (n, self.dim), size = weight.shape, weight.element_size()
        width = -(-(W + n_parts * self.dim) * size // ROW_BYTES) * ROW_BYTES // size
        self.rows = torch.zeros(n, width, dtype=weight.dtype)
        self.rows[:, W : W + self.dim] = weight  # as touched last
        self.s = torch.zeros(1, dtype=torch.int64)
        marks = self.rows.view(torch.int32 if size == 4 else torch.int64)
        self.arrays = self.rows.numpy(), marks.numpy(), self.s.numpy(), self.dim
        self.number = self.arrays[0].dtype.type

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "s": self.s}

    def as_asked(self, rows: Tensor, found: Array) -> Tensor:
        """Of rows (...) what was found (R, d) -> (..., d)"""
        return torch.from_numpy(found.reshape(*rows.shape, self.dim))

    def settle(self) -> None:
        def settle(part: slice) -> None:
            self.table.weight[part] = self.read(torch.arange(part.start, part.stop))

        in_threads(settle, len(self.rows), ROWS_A_PART)


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
        return self.as_asked(rows, read_sgd(*self.arrays, self.reach, self.powers, flat(rows)))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        step_sgd(*self.arrays, self.reach, self.rate, self.powers, flat(rows), flat(gradient))


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
def read_adam(state: Array, marks: Array, s: Array, d: int, scales: Scales, rows: Array) -> Array:
    """w of the rows after s[0] steps."""
    found = np.empty((len(rows), d), state.dtype)
    found[:1] = fetched(state, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved, beside = drifted(*scales, marks[i, TOUCHED], s[0])
        for k in range(d):
            w, m, v = state[i, W + k], state[i, W + d + k], state[i, W + 2 * d + k]
            found[r, k] = w - moved * m / (np.sqrt(v) + beside)
    return found


@compiled
def sum_by_row(marks: Array, rows: Array, gradient: Array) -> None:
    """Add each gradient to that of the row's first occurrence, and note there which that is."""
    for r in range(len(rows)):
        earlier = marks[rows[r], FIRST]  # of this batch or of one long ago
        if earlier < r and rows[earlier] == rows[r]:
            for k in range(gradient.shape[1]):
                gradient[earlier, k] += gradient[r, k]
        else:
            marks[rows[r], FIRST] = r


@compiled
def step_adam(
    state: Array,
    marks: Array,
    s: Array,
    d: int,
    scales: Scales,
    powers: tuple[Array, Array],
    settings: tuple[float, float, float, float],
    rows: Array,
    gradients: Array,
) -> None:
    """One more step, with the rate and epsilon as the paper corrects them for it."""
    s[0] += 1
    rate, epsilon, beta1, beta2 = settings
    root, number = sqrt(1 - beta2 ** s[0]), state.dtype.type
    rate, epsilon = number(rate * root / (1 - beta1 ** s[0])), number(epsilon * root)
    fresh1, fresh2 = number(1 - beta1), number(1 - beta2)
    gradient = gradients.reshape(len(rows), d)
    sum_by_row(marks, rows, gradient)
    for r in range(len(rows)):
        i = rows[r]
        if marks[i, FIRST] != r:
            continue
        age = s[0] - marks[i, TOUCHED]
        moved, beside = drifted(*scales, marks[i, TOUCHED], s[0] - 1)
        left_m, left_v = power(powers[0], age), power(powers[1], age)
        w, m, v = state[i, W : W + d], state[i, W + d : W + 2 * d], state[i, W + 2 * d : W + 3 * d]
        for k in range(d):  # one thing at a time, which wide registers can do for many k
            w[k] -= moved * m[k] / (np.sqrt(v[k]) + beside)
        for k in range(d):
            m[k] = left_m * m[k] + fresh1 * gradient[r, k]
        for k in range(d):
            v[k] = left_v * v[k] + fresh2 * gradient[r, k] * gradient[r, k]
        for k in range(d):
            w[k] -= rate * m[k] / (np.sqrt(v[k]) + epsilon)
        marks[i, TOUCHED] = s[0]


class CompiledAdamRows(CompiledRows):
    """Adam, exactly but for EPSILON beside a root that has shrunk since the row was last touched."""

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table, n_parts=3)  # w, m, v
        self.settings = config.learning_rate, EPSILON, BETA1, BETA2
        steps = np.arange(POWERS)
        self.powers = (BETA1**steps).astype(self.number), (BETA2**steps).astype(self.number)
        tail, ratios = (np.asarray(sums, self.number) for sums in (AdamRows.tails(), AdamRows.RATIO**steps))
        self.scales = self.number(config.learning_rate), self.number(EPSILON), tail, ratios, self.powers[1]

    def read(self, rows: Tensor) -> Tensor:
        return self.as_asked(rows, read_adam(*self.arrays, self.scales, flat(rows)))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        step_adam(*self.arrays, self.scales, self.powers, self.settings, flat(rows), flat(gradient))
