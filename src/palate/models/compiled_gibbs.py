"""Loops of the Gibbs sampler: a conditional draw for each row of a sparse table, on the CPU."""

from typing import Any

import numpy as np

from palate.compiled import Array, compiled_sums, in_threads

ROWS_A_PART = 256
"""Rows that one thread takes at a time."""

EVENTS_A_PART = 65_536


def draw_rows(
    starts: Array,
    columns: Array,
    targets: Array,
    features: Array,
    precision: Array,
    shift: Array,
    noise_precision: float,
    normals: Array,
) -> Array:
    """A draw of each row's weights w_r, given its events target_e = features[column_e] · w_r + noise and the prior
    N(precision⁻¹ shift_r, precision⁻¹)  -> (n_rows, d) float32

    starts (n_rows + 1,): the events of row r are starts[r]:starts[r + 1] of columns (n,) and targets (n,);
    features (n_columns, d); precision (d, d); shift (n_rows, d); normals (n_rows, d), standard; 0 gives the mean.
    All but starts and columns float32.
    """
    found = np.empty(shift.shape, np.float32)
    alpha: Any = np.float32(noise_precision)

    def draw(part: slice) -> None:
        ends = starts[part.start : part.stop + 1]
        _draw(ends, columns, targets, features, precision, shift[part], alpha, normals[part], found[part])

    in_threads(draw, len(found), ROWS_A_PART)
    return found


@compiled_sums
def _draw(
    starts: Array,
    columns: Array,
    targets: Array,
    features: Array,
    precision: Array,
    shift: Array,
    alpha: float,
    normals: Array,
    found: Array,
) -> None:
    """The row's precision A = L Lᵀ by Cholesky in the lower half of `a`; w = L⁻ᵀ (L⁻¹ y + normals) in place of y."""
    d = features.shape[1]
    a = np.empty((d, d), features.dtype)
    for row in range(len(found)):
        y = found[row]
        a[:] = 0
        y[:] = 0
        e, end = starts[row], starts[row + 1]
        while e + 4 <= end:  # four at a time: a number of `a` is read and written once for all of them
            p, q = features[columns[e]], features[columns[e + 1]]
            s, t = features[columns[e + 2]], features[columns[e + 3]]
            for k in range(d):
                pk, qk, sk, tk = p[k], q[k], s[k], t[k]
                y[k] += pk * targets[e] + qk * targets[e + 1] + sk * targets[e + 2] + tk * targets[e + 3]
                for j in range(k + 1):
                    a[k, j] += pk * p[j] + qk * q[j] + sk * s[j] + tk * t[j]
            e += 4
        while e < end:
            p = features[columns[e]]
            for k in range(d):
                y[k] += p[k] * targets[e]
                for j in range(k + 1):
                    a[k, j] += p[k] * p[j]
            e += 1
        for k in range(d):
            y[k] = shift[row, k] + alpha * y[k]
            for j in range(k + 1):
                a[k, j] = precision[k, j] + alpha * a[k, j]
        for k in range(d):
            for j in range(k + 1):
                total = a[k, j]
                for i in range(j):
                    total -= a[k, i] * a[j, i]
                a[k, j] = total / a[j, j] if j < k else np.sqrt(total)
        for k in range(d):
            for j in range(k):
                y[k] -= a[k, j] * y[j]
            y[k] /= a[k, k]
        for k in range(d - 1, -1, -1):
            y[k] = (y[k] + normals[row, k]) / a[k, k]
            for j in range(k):
                y[j] -= a[k, j] * y[k]


def products(users: Array, items: Array, left: Array, right: Array) -> Array:
    """b_u + b_i + v_u · v_i of each event, biases in the last column of left and right  -> (n,) float32"""
    found = np.empty(len(users), np.float32)

    def multiply(part: slice) -> None:
        _multiply(users[part], items[part], left, right, found[part])

    in_threads(multiply, len(found), EVENTS_A_PART)
    return found


@compiled_sums
def _multiply(users: Array, items: Array, left: Array, right: Array, found: Array) -> None:
    last = left.shape[1] - 1
    for e in range(len(users)):
        x, y = left[users[e]], right[items[e]]
        total = x[last] + y[last]
        for k in range(last):
            total += x[k] * y[k]
        found[e] = total


def row_sums(starts: Array, columns: Array, features: Array) -> Array:
    """The sum of the features (n_columns, d) of each row's events  -> (n_rows, d) float32"""
    found = np.empty((len(starts) - 1, features.shape[1]), np.float32)

    def add(part: slice) -> None:
        _add(starts[part.start : part.stop + 1], columns, features, found[part])

    in_threads(add, len(found), ROWS_A_PART)
    return found


@compiled_sums
def _add(starts: Array, columns: Array, features: Array, found: Array) -> None:
    found[:] = 0
    for row in range(len(found)):
        total = found[row]
        for e in range(starts[row], starts[row + 1]):
            x = features[columns[e]]
            for k in range(len(total)):
                total[k] += x[k]
