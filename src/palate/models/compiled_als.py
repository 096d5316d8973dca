"""Many small weighted regressions on all of a table's features, one for each of its rows, on the CPU."""

import numpy as np

from palate.system.jit import Array, compiled_sums, in_threads

ROWS_A_PART = 256
"""Regressions that one thread takes at a time."""

SOLVED = 1e-12
"""What is left of the right side, squared and relative to it, at which a row is solved."""


def improve(
    found: Array, starts: Array, columns: Array, features: Array, gram: Array, a0: float, l2: float, steps: int
) -> None:
    """Bring the w_r, rows of found (n_rows, d), nearer to what minimises, each row r for itself,

        the sum over its events e of (1 - features[column_e] · w_r)² + a0 the sum over all columns of (features · w_r)²
        + l2 (n_r + a0 n_columns) |w_r|²

    by at most so many steps of conjugate gradients; with no event w_r is 0. starts (n_rows + 1,): the events of row r
    are starts[r]:starts[r + 1] of columns (n,); features (n_columns, d); gram (d, d) is featuresᵀ features. All but
    starts and columns are float32.
    """
    everything = np.float32(a0) * gram
    penalty = np.float32(l2) * (np.diff(starts) + np.float32(a0 * len(features))).astype(np.float32)

    def solve(part: slice) -> None:
        rows = slice(part.start, part.stop + 1)
        _solve(starts[rows], columns, features, everything, penalty[part], steps, found[part])

    in_threads(solve, len(found), ROWS_A_PART)


@compiled_sums
def _solve(
    starts: Array, columns: Array, features: Array, everything: Array, penalty: Array, steps: int, found: Array
) -> None:
    """Hestenes & Stiefel's conjugate gradients for A w = y, where A w is `_product` and y the sum of the features."""
    d = features.shape[1]
    left, direction, image = (np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32))
    for row in range(len(found)):
        w, events = found[row], columns[starts[row] : starts[row + 1]]
        if len(events) == 0:
            w[:] = 0
            continue
        _product(features, events, everything, penalty[row], w, image)
        left[:] = 0
        for column in events:
            left += features[column]
        enough = np.float32(SOLVED) * _dot(left, left)
        left -= image
        direction[:] = left
        length = _dot(left, left)
        for _ in range(steps):
            if length <= enough:
                break
            _product(features, events, everything, penalty[row], direction, image)
            step = length / _dot(direction, image)
            for k in range(d):
                w[k] += step * direction[k]
                left[k] -= step * image[k]
            before, length = length, _dot(left, left)
            for k in range(d):
                direction[k] = left[k] + length / before * direction[k]


@compiled_sums
def _dot(a: Array, b: Array) -> np.float32:
    total = np.float32(0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled_sums
def _product(features: Array, events: Array, everything: Array, penalty: np.float32, w: Array, product: Array) -> None:
    """(everything + penalty + the sum over events of x xᵀ) w, four rows of `everything` at a time."""
    d = len(w)
    for k in range(d):
        product[k] = penalty * w[k]
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        r0, r1, r2, r3 = everything[j], everything[j + 1], everything[j + 2], everything[j + 3]
        w0, w1, w2, w3 = w[j], w[j + 1], w[j + 2], w[j + 3]
        for k in range(d):
            product[k] += w0 * r0[k] + w1 * r1[k] + w2 * r2[k] + w3 * r3[k]
    for j in range(whole, d):
        for k in range(d):
            product[k] += w[j] * everything[j, k]
    for column in events:
        x = features[column]
        along = _dot(x, w)
        for k in range(d):
            product[k] += along * x[k]
