"""Many small ridge regressions, one for each row of a sparse table, on the CPU."""

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
    found = np.empty((len(starts) - 1, features.shape[1]), features.dtype)

    def solve(part: slice) -> None:
        _solve(starts[part.start : part.stop + 1], columns, targets, features, l2, l2_per_event, found[part])

    in_threads(solve, len(found), ROWS_A_PART)
    return found


@compiled_sums
def _solve(
    starts: Array, columns: Array, targets: Array, features: Array, l2: Array, l2_per_event: Array, found: Array
) -> None:
    """The normal equations A w = y by Cholesky's factors, A = L Lᵀ in the lower half of `a`, and w in place of y."""
    d = features.shape[1]
    a = np.empty((d, d), features.dtype)
    for row in range(len(found)):
        y = found[row]
        a[:] = 0
        y[:] = 0
        for e in range(starts[row], starts[row + 1]):
            x = features[columns[e]]
            for k in range(d):
                y[k] += x[k] * targets[e]
                for j in range(k + 1):
                    a[k, j] += x[k] * x[j]
        for k in range(d):
            a[k, k] += l2[k] + (starts[row + 1] - starts[row]) * l2_per_event[k]
        for k in range(d):
            for j in range(k + 1):
                for i in range(j):
                    a[k, j] -= a[k, i] * a[j, i]
                a[k, j] = a[k, j] / a[j, j] if j < k else np.sqrt(a[k, k])
        for k in range(d):
            for j in range(k):
                y[k] -= a[k, j] * y[j]
            y[k] /= a[k, k]
        for k in range(d - 1, -1, -1):
            for j in range(k + 1, d):
                y[k] -= a[j, k] * y[j]
            y[k] /= a[k, k]
