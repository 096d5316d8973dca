"""The hidden layer's loops on the CPU: what surrounds a step's products, and every left with every right."""

import numpy as np
import torch
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


def joined(x: Tensor) -> Tensor:
    """This and the two below: see `tensor_layer`."""
    return torch.from_numpy(_joined(x.numpy()))


def errors(joined: Tensor, q: Tensor, constant: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    by_x = joined.new_empty(len(target), len(joined) - 1)
    loss = _errors(joined.numpy(), q.numpy(), constant.numpy(), target.numpy(), by_x.numpy())
    return torch.from_numpy(loss)[0], by_x, joined


def gradient(flow: Tensor, weighted: Tensor, first: Tensor, output: Tensor) -> Tensor:
    return torch.from_numpy(_gradient(flow.numpy(), weighted.numpy(), first.numpy(), output.numpy()))


@compiled_sums
def _joined(x: Array) -> Array:
    found = np.ones((x.shape[1] + 1, x.shape[0]), x.dtype)
    for k in range(x.shape[1]):
        for b in range(x.shape[0]):
            found[k, b] = x[b, k]
    return found


@compiled_sums
def _errors(joined: Array, q: Array, constant: Array, target: Array, by_x: Array) -> Array:
    """joined is weighted in place; -> (1,) loss"""
    n_inputs, n = joined.shape
    error = constant[0] - target
    for k in range(n_inputs):
        for b in range(n):
            error[b] += joined[k, b] * q[k, b]
    loss: Array = np.zeros_like(error[:1])
    for b in range(n):
        loss[0] += error[b] * error[b]
        error[b] += error[b]
    loss /= n
    error /= n
    for k in range(n_inputs):
        for b in range(n):
            joined[k, b] *= error[b]
    for b in range(n):
        for k in range(n_inputs - 1):
            by_x[b, k] = q[k, b] * error[b]
    return loss


@compiled_sums
def _gradient(flow: Array, weighted: Array, first: Array, output: Array) -> Array:
    n_inputs, n_hidden = first.shape
    found = np.zeros((n_inputs + 1) * n_hidden + 1, first.dtype)
    by_first, by_output = found[:-1].reshape(n_inputs + 1, n_hidden)[:-1], found[n_inputs * n_hidden : -1]
    for k in range(n_inputs):
        for h in range(n_hidden):
            by_first[k, h] = flow[k, h] * output[h]
            by_output[h] += flow[k, h] * first[k, h]
    for b in range(weighted.shape[1]):
        found[-1] += weighted[-1, b]
    return found
