"""Many small ridge regressions, one for each row of a sparse table, and draws around them, on the CPU."""

import numpy as np

from palate.compiled import Array, compiled_sums, in_threads

ROWS_A_PART = 256
"""Regressions that one thread takes at a time."""


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
    """The row's precision A = L Lᵀ by Cholesky in the lower half of `a`; w = L⁻ᵀ (L⁻¹ y + normals) in place of y."""
    d = features.shape[1]
    a = np.empty((d, d), features.dtype)
    for row in range(len(found)):
        y, alpha = found[row], noise_precision[row]
        a[:] = 0
        y[:] = 0
        e, end = starts[row], starts[row + 1]
        while e + 4 <= end:  # four events by two rows of `a` at a time: each number is read and written seldom
            p, q = features[columns[e]], features[columns[e + 1]]
            s, t = features[columns[e + 2]], features[columns[e + 3]]
            for k in range(d):
                y[k] += p[k] * targets[e] + q[k] * targets[e + 1] + s[k] * targets[e + 2] + t[k] * targets[e + 3]
            if d % 2:
                a[0, 0] += p[0] * p[0] + q[0] * q[0] + s[0] * s[0] + t[0] * t[0]
            for k in range(d % 2, d, 2):
                pk, qk, sk, tk = p[k], q[k], s[k], t[k]
                pl, ql, sl, tl = p[k + 1], q[k + 1], s[k + 1], t[k + 1]
                for j in range(k + 2):
                    a[k, j] += pk * p[j] + qk * q[j] + sk * s[j] + tk * t[j]
                    a[k + 1, j] += pl * p[j] + ql * q[j] + sl * s[j] + tl * t[j]
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
            a[k, k] += (end - starts[row]) * per_event[k]
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
