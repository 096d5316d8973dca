"""The hidden layer of every left with every right, on the CPU."""

import numpy as np
from torch import Tensor

from palate.compiled import Array, compiled_sums, in_threads

LEFTS_A_PART = 32
"""Lefts that one thread takes at a time."""

RIGHTS_A_TILE = 128
"""Rights that all lefts meet before the next are fetched: half a megabyte at 1,024 units."""


def pairs(lefts: Tensor, rights: Tensor, output: Tensor, values: Tensor) -> None:
    """values (B, I) = sum over h of w_h relu(l_bh + r_ih), from l (B, n_hidden), r (I, n_hidden) and w (n_hidden,).

    A pair's value does not depend, to the last bit, on which others are asked with it.
    """
    left, right, weights, found = (tensor.numpy() for tensor in (lefts, rights, output, values))
    in_threads(lambda part: _pairs(left[part], right, weights, found[part]), len(lefts), LEFTS_A_PART)


@compiled_sums
def _pairs(lefts: Array, rights: Array, output: Array, values: Array) -> None:
    """relu(l + r) is max(r, -l) + l: a loop over two lefts and four rights sums the first part for all eight pairs.

    Where lefts or rights run out, the last is taken again: every pair goes through the same code.
    """
    n_left, n_right = values.shape
    thresholds, zero = -lefts, np.zeros_like(output[:1])[0]
    own = np.zeros_like(lefts[:, 0])  # (B,) sums of the second part
    for b in range(n_left):
        for h in range(len(output)):
            own[b] += lefts[b, h] * output[h]
    for start in range(0, n_right, RIGHTS_A_TILE):
        for b in range(0, n_left, 2):
            c = min(b + 1, n_left - 1)
            for i in range(start, min(start + RIGHTS_A_TILE, n_right), 4):
                j, k, m = min(i + 1, n_right - 1), min(i + 2, n_right - 1), min(i + 3, n_right - 1)
                bi = bj = bk = bm = ci = cj = ck = cm = zero
                for h in range(len(output)):
                    w, t, u = output[h], thresholds[b, h], thresholds[c, h]
                    ri, rj, rk, rm = rights[i, h], rights[j, h], rights[k, h], rights[m, h]
                    bi += max(ri, t) * w
                    bj += max(rj, t) * w
                    bk += max(rk, t) * w
                    bm += max(rm, t) * w
                    ci += max(ri, u) * w
                    cj += max(rj, u) * w
                    ck += max(rk, u) * w
                    cm += max(rm, u) * w
                values[b, i], values[b, j], values[b, k], values[b, m] = bi, bj, bk, bm
                values[c, i], values[c, j], values[c, k], values[c, m] = ci, cj, ck, cm
        for b in range(n_left):
            values[b, start : start + RIGHTS_A_TILE] += own[b]
