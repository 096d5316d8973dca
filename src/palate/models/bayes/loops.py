"""Compiled loops of the Gibbs sampler over a sparse table, on the CPU."""

import numpy as np

from palate.system.jit import Array, compiled_sums, in_threads

ROWS_PER_PART = 256
"""Rows whose events a thread adds up at a time."""

EVENTS_PER_PART = 65_536
"""Events that a thread processes at a time."""


def products(users: Array, items: Array, left: Array, right: Array) -> Array:
    """Return b_u + b_i + v_u · v_i of each event, biases in the last column of left and right  -> (n,) float32."""
    values = np.empty(len(users), np.float32)

    def multiply(part: slice) -> None:
        _multiply(users[part], items[part], left, right, values[part])

    in_threads(multiply, len(values), EVENTS_PER_PART)
    return values


@compiled_sums
def _multiply(users: Array, items: Array, left: Array, right: Array, values: Array) -> None:
    last = left.shape[1] - 1
    for e in range(len(users)):
        x, y = left[users[e]], right[items[e]]
        total = x[last] + y[last]
        for k in range(last):
            total += x[k] * y[k]
        values[e] = total


def row_sums(starts: Array, columns: Array, features: Array) -> Array:
    """Return the sum of the features (n_columns, d) of each row's events  -> (n_rows, d) float32."""
    sums = np.empty((len(starts) - 1, features.shape[1]), np.float32)

    def add(part: slice) -> None:
        _add(starts[part.start : part.stop + 1], columns, features, sums[part])

    in_threads(add, len(sums), ROWS_PER_PART)
    return sums


@compiled_sums
def _add(starts: Array, columns: Array, features: Array, sums: Array) -> None:
    sums[:] = 0
    for row in range(len(sums)):
        total = sums[row]
        for e in range(starts[row], starts[row + 1]):
            x = features[columns[e]]
            for k in range(len(total)):
                total[k] += x[k]
