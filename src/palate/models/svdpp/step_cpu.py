"""The compiled step of `svdpp` on the CPU, without the sums over histories."""

import numpy as np

from palate.system.jit import Array, compiled_sums


@compiled_sums
def step(
    rows: Array,
    ratings: Array,
    residuals: Array,
    whole: Array,
    rated: Array,
    met: Array,
    shrinkage: Array,
    span: Array,
    l2: Array,
    to_whole: Array,
    to_rated: Array,
    to_met: Array,
) -> float:
    """Return the mean loss of B ratings, and add its gradients to the last three arguments.

    The loss is the squared error plus l2 times the squares of both vectors. rows (B, 2); ratings, residuals (B,);
    whole, rated, met and their gradients (n_rows, dim + 1), biases last; shrinkage (n_rows,); span: the lowest
    prediction, the width from there, the mean rating as a logit; l2 ().
    """
    last = whole.shape[1] - 1
    left, right = np.empty_like(whole[0]), np.empty_like(whole[0])
    low, width, mean = span[0], span[1], span[2]
    total = 0.0
    for n in range(len(rows)):
        u, i, residual = rows[n, 0], rows[n, 1], residuals[n]
        h_u, h_i = shrinkage[u], shrinkage[i]
        for k in range(last + 1):
            left[k] = whole[u, k] - h_u * (residual * rated[i, k] + met[i, k])
            right[k] = whole[i, k] - h_i * (residual * rated[u, k] + met[u, k])
        logit, squares = mean + left[last] + right[last], 0.0
        for k in range(last):
            logit += left[k] * right[k]
            squares += left[k] * left[k] + right[k] * right[k]
        share = 1 / (1 + np.exp(-logit))
        error = low + width * share - ratings[n]
        total += error * error + l2[()] * squares
        slope = 2 * error * width * share * (1 - share) / len(rows)
        shrink = 2 * l2[()] / len(rows)
        for k in range(last + 1):
            if k < last:
                to_left, to_right = slope * right[k] + shrink * left[k], slope * left[k] + shrink * right[k]
            else:
                to_left = to_right = slope
            to_whole[u, k] += to_left
            to_whole[i, k] += to_right
            to_rated[i, k] -= h_u * residual * to_left
            to_met[i, k] -= h_u * to_left
            to_rated[u, k] -= h_i * residual * to_right
            to_met[u, k] -= h_i * to_right
    return total / len(rows)
