"""Many small ridge regressions, one for each row of a sparse table, and draws around them, on the CPU."""

import numpy as np

from palate.system.jit import Array, compiled_sums, in_threads

ROWS_A_PART = 256
"""Regressions that one thread takes at a time."""

EVENTS_AT_ONCE, PADDED = 256, 16
"""Events that are put side by side, and a number that theirs is made a multiple of: of rows as long as both together,
which is no power of 2, more than a few stay in the cache."""

ROWS_BEYOND = 3
"""Of a matrix, since rows are taken some at a time."""


def ridge(starts: Array, columns: Array, targets: Array, features: Array, l2: Array, l2_per_event: Array) -> Array:
    """The w_r that minimise, each row r for itself, the sum over its events e of (target_e - features[column_e] · w_r)²
    + Σ_k (l2_k + n_r l2_per_event_k) w_rk²  -> (n_rows, d)

    starts (n_rows + 1,): the events of row r are starts[r]:starts[r + 1] of columns (n,) and targets (n,);
    features (n_columns, d); l2 (d,), above 0; l2_per_event (d,). All but starts and columns of one float type.
    """
    zeros = np.zeros((len(starts) - 1, features.shape[1]), features.dtype)
    ones = np.ones(len(zeros), features.dtype)
    return _in_parts(starts, columns, targets, features, np.diag(l2), l2_per_event, zeros, ones, zeros)


def draw_rows(
    starts: Array,
    columns: Array,
    targets: Array,
    features: Array,
    precision: Array,
    shift: Array,
    noise_precision: Array,
    normals: Array,
) -> Array:
    """A draw of each row's weights w_r, given its events target_e = features[column_e] · w_r + noise and the prior
    N(precision⁻¹ shift_r, precision⁻¹)  -> (n_rows, d)

    precision (d, d); shift (n_rows, d); noise_precision (n_rows,), of a row's events; normals (n_rows, d), standard; 0
    gives the mean. All else as for `ridge`.
    """
    none = np.zeros(features.shape[1], features.dtype)
    return _in_parts(starts, columns, targets, features, precision, none, shift, noise_precision, normals)


def _in_parts(
    starts: Array,
    columns: Array,
    targets: Array,
    features: Array,
    precision: Array,
    per_event: Array,
    shift: Array,
    noise_precision: Array,
    normals: Array,
) -> Array:
    found = np.empty((len(starts) - 1, features.shape[1]), features.dtype)

    def draw(part: slice) -> None:
        ends = starts[part.start : part.stop + 1]
        of_rows = shift[part], noise_precision[part], normals[part], found[part]
        _draw(ends, columns, targets, features, precision, per_event, *of_rows)

    in_threads(draw, len(found), ROWS_A_PART)
    return found


@compiled_sums
def _add_products(a: Array, side: Array, length: int) -> None:
    """Add the products of the beginnings of all rows of `side` to the lower half of `a`, 2 x 4 of them at a time: each
    number is read seldom, and sums stay in registers."""
    zero = side.dtype.type(0)
    for k in range(0, len(a) - ROWS_BEYOND, 2):
        p, q = side[k], side[k + 1]
        for j in range(0, k + 2, 4):
            s, t, u, v = side[j], side[j + 1], side[j + 2], side[j + 3]
            ps = pt = pu = pv = qs = qt = qu = qv = zero
            for e in range(length):
                ps += p[e] * s[e]
                pt += p[e] * t[e]
                pu += p[e] * u[e]
                pv += p[e] * v[e]
                qs += q[e] * s[e]
                qt += q[e] * t[e]
                qu += q[e] * u[e]
                qv += q[e] * v[e]
            for i, of_p, of_q in ((j, ps, qs), (j + 1, pt, qt), (j + 2, pu, qu), (j + 3, pv, qv)):
                a[k, i] += of_p
                a[k + 1, i] += of_q


@compiled_sums
def _solve(a: Array, y: Array, normals: Array) -> None:
    """w = L⁻ᵀ (L⁻¹ y + normals) in place of y, L of A = L Lᵀ in place of the lower half of A, four rows at a time."""
    d = len(y)
    for j in range(d):
        total = a[j, j]
        for i in range(j):
            total -= a[j, i] * a[j, i]
        a[j, j] = np.sqrt(total)
        for k in range(j + 1, d, 4):
            p, q, s, t = a[k, j], a[k + 1, j], a[k + 2, j], a[k + 3, j]
            for i in range(j):
                p -= a[k, i] * a[j, i]
                q -= a[k + 1, i] * a[j, i]
                s -= a[k + 2, i] * a[j, i]
                t -= a[k + 3, i] * a[j, i]
            for i, of_row in ((k, p), (k + 1, q), (k + 2, s), (k + 3, t)):
                a[i, j] = of_row / a[j, j]
    for k in range(d):
        total = y[k]
        for j in range(k):
            total -= a[k, j] * y[j]
        y[k] = total / a[k, k]
    for k in range(d - 1, -1, -1):
        y[k] = (y[k] + normals[k]) / a[k, k]
        for j in range(k):
            y[j] -= a[k, j] * y[k]


@compiled_sums
def _draw(
    starts: Array,
    columns: Array,
    targets: Array,
    features: Array,
    precision: Array,
    per_event: Array,
    shift: Array,
    noise_precision: Array,
    normals: Array,
    found: Array,
) -> None:
    """Events are put side by side, feature by feature and their targets last: products of these rows make the
    precision A of the row's weights, and y."""
    d = features.shape[1]
    side = np.zeros((d + 1 + ROWS_BEYOND, EVENTS_AT_ONCE + PADDED), features.dtype)
    a = np.empty((len(side), len(side)), features.dtype)
    for row in range(len(found)):
        y, alpha, n_events = found[row], noise_precision[row], starts[row + 1] - starts[row]
        a[:] = 0
        for first in range(starts[row], starts[row + 1], EVENTS_AT_ONCE):
            n = min(EVENTS_AT_ONCE, starts[row + 1] - first)
            padded = (n + PADDED - 1) // PADDED * PADDED
            for e in range(n):
                p = features[columns[first + e]]
                for k in range(d):
                    side[k, e] = p[k]
                side[d, e] = targets[first + e]
            side[: d + 1, n:padded] = 0
            _add_products(a, side, padded)
        for k in range(d):
            y[k] = shift[row, k] + alpha * a[d, k]
            for j in range(k + 1):
                a[k, j] = precision[k, j] + alpha * a[k, j]
            a[k, k] += n_events * per_event[k]
        _solve(a, y, normals[row])
