"""Solve many small ridge regressions, one for each row of a sparse table, or draw from their posteriors, on the CPU."""

import numpy as np

from palate.system.jit import Array, compiled_sums, in_threads

ROWS_PER_PART = 256
"""Regressions that a thread solves at a time."""

BLOCK, PADDED = 256, 16
"""Events copied side by side into one block, and the number that the used length is padded to a multiple of. Rows of
their sum have a length that is no power of 2, so that more than a few of them stay in the cache."""

EXTRA_ROWS = 3
"""Extra rows of a matrix, because loops read several rows at a time."""


def ridge(starts: Array, columns: Array, targets: Array, features: Array, l2: Array, l2_per_event: Array) -> Array:
    """Return the w_r that minimise, for each row r, the sum over its events e of (target_e - features[column_e] · w_r)²
    + Σ_k (l2_k + n_r l2_per_event_k) w_rk²  -> (n_rows, d).

    starts (n_rows + 1,): the events of row r are starts[r]:starts[r + 1] of columns (n,) and targets (n,);
    features (n_columns, d); l2 (d,), above 0; l2_per_event (d,). All but starts and columns have one float type.
    """
    zeros = np.zeros((len(starts) - 1, features.shape[1]), features.dtype)
    ones = np.ones(len(zeros), features.dtype)
    return _draw_parts(starts, columns, targets, features, np.diag(l2), l2_per_event, zeros, ones, zeros)


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
    """Draw the weights w_r of each row from their posterior  -> (n_rows, d).

    The prior is N(precision⁻¹ shift_r, precision⁻¹), and an event is target_e = features[column_e] · w_r + noise.

    precision (d, d); shift (n_rows, d); noise_precision (n_rows,), of the noise of a row's events; normals (n_rows, d),
    standard normal numbers, or 0 for the posterior mean. All else as for `ridge`.
    """
    no_l2 = np.zeros(features.shape[1], features.dtype)
    return _draw_parts(starts, columns, targets, features, precision, no_l2, shift, noise_precision, normals)


def _draw_parts(
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
    weights = np.empty((len(starts) - 1, features.shape[1]), features.dtype)

    def draw(part: slice) -> None:
        ends = starts[part.start : part.stop + 1]
        by_row = shift[part], noise_precision[part], normals[part], weights[part]
        _draw(ends, columns, targets, features, precision, per_event, *by_row)

    in_threads(draw, len(weights), ROWS_PER_PART)
    return weights


@compiled_sums
def _add_products(a: Array, side: Array, length: int) -> None:
    """Add side[:, :length] @ side[:, :length]ᵀ to the lower triangle of `a`, a tile of 2 x 4 at a time: each number is
    read seldom, and sums stay in registers."""
    zero = side.dtype.type(0)
    for k in range(0, len(a) - EXTRA_ROWS, 2):
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
    """Replace y by w = L⁻ᵀ (L⁻¹ y + normals) and the lower triangle of A by L, where A = L Lᵀ, four rows at a time."""
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
    weights: Array,
) -> None:
    """Draw the weights of each row. Events are copied side by side, a row for each feature and the last for the
    targets; the products of these rows give the precision A of the weights, and y."""
    d = features.shape[1]
    side = np.zeros((d + 1 + EXTRA_ROWS, BLOCK + PADDED), features.dtype)
    a = np.empty((len(side), len(side)), features.dtype)
    for row in range(len(weights)):
        y, alpha, n_events = weights[row], noise_precision[row], starts[row + 1] - starts[row]
        a[:] = 0
        for first in range(starts[row], starts[row + 1], BLOCK):
            n = min(BLOCK, starts[row + 1] - first)
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
