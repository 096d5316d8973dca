"""SGD and Adam for embedding tables on the CPU: a compiled loop reads and writes each row of a batch once.

Momentum moves a row also in the steps that do not touch it. A row stores the step of its last touch, and powers of the
momentum give its move since then, so that the steps between cost nothing.

The numbers of a row are together in memory, as reading them is most of the work: first the whole numbers, which are
`marks` over the same memory as `state`, then w and the optimizer's state, d numbers each.
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
"""Places in a row: the last step that touched it, its first place in a batch (see `sum_by_row`), its weights."""

ROW_BYTES = 32
"""The bytes of a row are a multiple of this, so that few rows lie in more cache lines than they fill."""

ROWS_A_PART = 65_536
"""Rows that one thread brings up to date at a time."""

POWERS = 4096
"""Stored powers of a momentum; higher powers are products of these."""

Scales = tuple[Any, Any, Array, Array, Array]
"""The first five arguments of `drift`, the same in every step of a training."""


@compiled
def power(powers: Array, exponent: int) -> Any:
    """Return the base of the stored powers to the exponent."""
    last = len(powers) - 1
    result = powers[min(exponent, last)]
    while exponent > last and result > 0:
        exponent -= last
        result *= powers[min(exponent, last)]
    return result


@compiled
def prefetch(state: Array, rows: Array) -> Any:
    """Read a few numbers of all rows -> their sum: the processor loads the rows at once, not one after the other."""
    total, last = state[0, W], state.shape[1] - 1
    for r in range(len(rows)):
        total += state[rows[r], W] + state[rows[r], last]
    return total


@compiled
def read_sgd(state: Array, marks: Array, s: Array, d: int, reach: float, powers: Array, rows: Array) -> Array:
    """Return w of the rows after s[0] steps; since the last touch their velocity moved them by reach (1 - m^age) v."""
    current = np.empty((len(rows), d), state.dtype)
    current[:1] = prefetch(state, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved = reach - reach * power(powers, s[0] - marks[i, TOUCHED])
        for k in range(d):
            current[r, k] = state[i, W + k] - moved * state[i, W + d + k]
    return current


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
    """Take a step: a row moves by its remaining velocity at its first place in the batch, by the gradient at each."""
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
    """The storage that `CompiledSgdRows` and `CompiledAdamRows` share."""

    def __init__(self, table: EmbeddingTable, n_parts: int) -> None:
        super().__init__(table)
        weight = table.weight.detach()
        (n, self.dim), size = weight.shape, weight.element_size()
        width = -(-(W + n_parts * self.dim) * size // ROW_BYTES) * ROW_BYTES // size
        self.rows = torch.zeros(n, width, dtype=weight.dtype)
        self.rows[:, W : W + self.dim] = weight  # as last touched
        self.s = torch.zeros(1, dtype=torch.int64)
        marks = self.rows.view(torch.int32 if size == 4 else torch.int64)
        self.arrays = self.rows.numpy(), marks.numpy(), self.s.numpy(), self.dim
        self.number = self.arrays[0].dtype.type

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "s": self.s}

    def shaped(self, rows: Tensor, values: Array) -> Tensor:
        """Return the values (R, d) of rows (...) as (..., d)."""
        return torch.from_numpy(values.reshape(*rows.shape, self.dim))

    def settle(self) -> None:
        def settle(part: slice) -> None:
            self.table.weight[part] = self.read(torch.arange(part.start, part.stop))

        in_threads(settle, len(self.rows), ROWS_A_PART)


class CompiledSgdRows(CompiledRows):
    """SGD with momentum, v' = mv + g and w' = w - av', exactly.

    In t steps that do not touch it, a row moves by a (m + ... + m^t) v = am/(1-m) (1 - m^t) v, and its velocity becomes
    m^t v.
    """

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table, n_parts=2)  # w, v
        self.powers = (config.momentum ** np.arange(POWERS)).astype(self.number)
        self.rate = self.number(config.learning_rate)
        self.reach = self.number(config.learning_rate * config.momentum / (1 - config.momentum))

    def read(self, rows: Tensor) -> Tensor:
        return self.shaped(rows, read_sgd(*self.arrays, self.reach, self.powers, flat(rows)))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        step_sgd(*self.arrays, self.reach, self.rate, self.powers, flat(rows), flat(gradient))


@compiled
def drift(
    rate: float, epsilon: float, tail: Array, ratios: Array, powers: Array, touched: int, step: int
) -> tuple[Any, Any]:
    """Return the factor of m / (sqrt(v) + e) in a row's move from step `touched` to `step`, and e; see AdamRows."""
    last = len(tail) - 1
    so_far, to_come = tail[min(touched + 1, last)], tail[min(step + 1, last)]
    times = ratios[1] * so_far - power(ratios, step + 1 - touched) * to_come
    return rate * times, epsilon * np.sqrt(powers[0] - power(powers, max(touched, 1)))


@compiled
def read_adam(state: Array, marks: Array, s: Array, d: int, scales: Scales, rows: Array) -> Array:
    """Return w of the rows after s[0] steps."""
    current = np.empty((len(rows), d), state.dtype)
    current[:1] = prefetch(state, rows)
    for r in range(len(rows)):
        i = rows[r]
        moved, beside = drift(*scales, marks[i, TOUCHED], s[0])
        for k in range(d):
            w, m, v = state[i, W + k], state[i, W + d + k], state[i, W + 2 * d + k]
            current[r, k] = w - moved * m / (np.sqrt(v) + beside)
    return current


@compiled
def sum_by_row(marks: Array, rows: Array, gradient: Array) -> None:
    """Add each gradient to that of its row's first place in the batch, and mark that place."""
    for r in range(len(rows)):
        earlier = marks[rows[r], FIRST]  # in this batch or in an earlier one
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
    """Take a step, with the paper's bias correction in the rate and epsilon."""
    s[0] += 1
    (powers_m, powers_v), (rate, epsilon, beta1, beta2) = powers, settings
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
        moved, beside = drift(*scales, marks[i, TOUCHED], s[0] - 1)
        left_m, left_v = power(powers_m, age), power(powers_v, age)
        w, m, v = state[i, W : W + d], state[i, W + d : W + 2 * d], state[i, W + 2 * d : W + 3 * d]
        for k in range(d):  # one operation per loop, which wide registers do for many k at once
            w[k] -= moved * m[k] / (np.sqrt(v[k]) + beside)
        for k in range(d):
            m[k] = left_m * m[k] + fresh1 * gradient[r, k]
        for k in range(d):
            v[k] = left_v * v[k] + fresh2 * gradient[r, k] * gradient[r, k]
        for k in range(d):
            w[k] -= rate * m[k] / (np.sqrt(v[k]) + epsilon)
        marks[i, TOUCHED] = s[0]


class CompiledAdamRows(CompiledRows):
    """Adam, exactly except that EPSILON is added to the root of v as it was when the row was last touched."""

    def __init__(self, table: EmbeddingTable, config: LearnedConfig) -> None:
        super().__init__(table, n_parts=3)  # w, m, v
        self.settings = config.learning_rate, EPSILON, BETA1, BETA2
        steps = np.arange(POWERS)
        powers_v = (BETA2**steps).astype(self.number)
        self.powers = (BETA1**steps).astype(self.number), powers_v
        tail, ratios = (np.asarray(sums, self.number) for sums in (AdamRows.tails(), AdamRows.RATIO**steps))
        self.scales = self.number(config.learning_rate), self.number(EPSILON), tail, ratios, powers_v

    def read(self, rows: Tensor) -> Tensor:
        return self.shaped(rows, read_adam(*self.arrays, self.scales, flat(rows)))

    def apply(self, rows: Tensor, gradient: Tensor) -> None:
        step_adam(*self.arrays, self.scales, self.powers, self.settings, flat(rows), flat(gradient))
