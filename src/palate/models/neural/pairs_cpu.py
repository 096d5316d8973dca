"""The hidden layer of every left with every right, on the CPU, without most of its units.

A unit's input is l + r, a share of the left and one of the right. Over rights that are near each other r varies little,
so that to one left most units are above 0 for all of them, or below 0 for all. So rights lie in tiles of near ones, and
the least and the most of r in a tile tell which units are neither. Let A be the units that are above 0 at the mean of
all rights. Then

    sum of w relu(l + r)  =  sum over A of w (l + r) + w relu(-l - r)  +  sum over the others of w relu(l + r)

where w (l + r) adds up to something linear in the right, and relu is 0 for all units that are in the whole tile as they
are at the mean: for most. Only the others are looked at.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.models.shared.matmul import product
from palate.system.jit import Array, compiled_sums, in_threads

TILE = 128
"""Rights in a tile. Of more the shares vary more, of fewer there are more tiles whose units have to be told apart."""

LEFTS_A_PART = 32
"""Lefts that one thread takes at a time."""

Floats = NDArray[np.float32]


def near_ones(right: Tensor, weights: Tensor) -> NDArray[np.int64]:
    """The rows of rights (I, a) so that TILE in a row are near each other -> (tiles, TILE); the last is there again.

    A k-d tree: halves along the input that varies most in what it does to the units, by weights (a, n_hidden), and so
    on. Bentley, "Multidimensional Binary Search Trees Used for Associative Searching", CACM 1975.
    """
    inputs = (right * weights.norm(dim=1)).numpy()

    def halved(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if len(rows) <= TILE:
            return [rows]
        theirs = inputs[rows]
        rows = rows[theirs[:, theirs.var(axis=0).argmax()].argsort(kind="stable")]
        half = -(-len(rows) // 2 // TILE) * TILE
        return [*halved(rows[:half]), *halved(rows[half:])]

    order = np.concatenate(halved(np.arange(len(inputs))))
    return np.pad(order, (0, -len(order) % TILE), mode="edge").reshape(-1, TILE)


@dataclass(frozen=True)
class Tiles:
    """Rights in tiles, and what they add to the hidden units."""

    rows: NDArray[np.int64]  # (tiles, TILE)
    inputs: Floats  # (tiles, a + 1, TILE) the rights and a 1
    shares: Floats  # (tiles, n_hidden, TILE)
    least: Floats  # (tiles, n_hidden) of the shares
    most: Floats  # (tiles, n_hidden)
    mean: Floats  # (n_hidden,) of the shares of all rights
    slopes: Floats  # (n_hidden, a + 1): shares by inputs

    @classmethod
    def of(cls, rows: NDArray[np.int64], right: Tensor, mean: Tensor, weights: Tensor) -> "Tiles":
        """Of rights (I, a), mean (1, a), by weights (a + 1, n_hidden), the last for the 1; rows: of `near_ones`."""
        joined = functional.pad(right[torch.from_numpy(rows)], (0, 1), value=1.0)  # (tiles, TILE, a + 1)
        shares = torch.empty(len(rows), weights.shape[1], TILE)
        for tile, theirs in zip(shares, joined, strict=True):
            tile.copy_(product(theirs, weights).T)
        least, most = torch.aminmax(shares, dim=2)
        middle = product(functional.pad(mean, (0, 1), value=1.0), weights)[0]
        parts = (joined.mT.contiguous(), shares, least, most, middle, weights.T.contiguous())
        return cls(rows, *(part.numpy() for part in parts))

    def pairs(self, lefts: Tensor, output: Tensor, values: Tensor) -> None:
        """values (B, I) at these rights = sum over h of w_h relu(l_bh + r_ih), from l (B, n_hidden) and w (n_hidden,).

        A pair's value does not depend, to the last bit, on which other lefts are asked with it.
        """
        left, weights, found = (tensor.numpy() for tensor in (lefts, output, values))
        tiles = (self.rows, self.inputs, self.shares, self.least, self.most, self.mean, self.slopes)
        in_threads(lambda part: _pairs(left[part], weights, *tiles, found[part]), len(left), LEFTS_A_PART)


@compiled_sums
def _pairs(
    lefts: Array,
    output: Array,
    rows: Array,
    inputs: Array,
    shares: Array,
    least: Array,
    most: Array,
    mean: Array,
    slopes: Array,
    values: Array,
) -> None:
    n_left, n_hidden = lefts.shape
    above, below, turns = np.empty_like(lefts), np.empty_like(lefts), -lefts
    linear = np.zeros((n_left, slopes.shape[1]), lefts.dtype)
    for b in range(n_left):
        _split(lefts[b], output, mean, slopes, above[b], below[b], linear[b])
    off, on = np.zeros(n_hidden, np.uint8), np.zeros(n_hidden, np.uint8)
    gone, come = np.empty(n_hidden + 1, np.int64), np.empty(n_hidden + 1, np.int64)
    sums = np.empty(TILE, lefts.dtype)
    for tile in range(len(rows)):
        for b in range(n_left):
            _tell(above[b], below[b], least[tile], most[tile], off, on)
            n, m = _list(off, on, gone, come)
            _add_linear(linear[b], inputs[tile], sums)
            rest = _add_gone(gone[:n], output, turns[b], shares[tile], sums)
            rest += _add_come(come[:m], output, turns[b], shares[tile], sums)
            for i in range(TILE):
                values[b, rows[tile, i]] = sums[i] + rest


@compiled_sums
def _split(left: Array, output: Array, mean: Array, slopes: Array, above: Array, below: Array, linear: Array) -> None:
    """Shares of the units in A to `above` and of the others to `below`, and the first sum by the inputs and the 1."""
    for h in range(len(left)):
        if left[h] + mean[h] > 0:
            above[h], below[h] = left[h], -np.inf
            for k in range(len(linear)):
                linear[k] += output[h] * slopes[h, k]
            linear[-1] += output[h] * left[h]
        else:
            above[h], below[h] = np.inf, left[h]


@compiled_sums
def _tell(above: Array, below: Array, least: Array, most: Array, off: Array, on: Array) -> None:
    """1 for each unit of A that is not above 0 in all of a tile, for each other that is not below 0 in all of it."""
    for h in range(len(off)):
        off[h] = above[h] + least[h] < 0
        on[h] = below[h] + most[h] > 0


@compiled_sums
def _list(off: Array, on: Array, gone: Array, come: Array) -> tuple[int, int]:
    """Where off and on are 1, in order, to the first of gone and come -> how many of each."""
    n = m = 0
    for h in range(len(off)):
        gone[n] = come[m] = h
        n += off[h]
        m += on[h]
    return n, m


@compiled_sums
def _add_linear(linear: Array, inputs: Array, sums: Array) -> None:
    for i in range(TILE):
        sums[i] = 0
    for k in range(len(linear)):
        for i in range(TILE):
            sums[i] += linear[k] * inputs[k, i]


@compiled_sums
def _add_gone(listed: Array, output: Array, turns: Array, shares: Array, sums: Array) -> float:
    """w relu(t - r) = w t - w min(r, t) of the units listed, t = -l, four at a time: the second parts, which sums get,
    and -> the sum of the first."""
    rest: float = np.zeros_like(output[:1])[0]
    whole = len(listed) // 4 * 4
    for n in range(0, whole, 4):
        g, h, j, k = listed[n], listed[n + 1], listed[n + 2], listed[n + 3]
        rest += output[g] * turns[g] + output[h] * turns[h] + output[j] * turns[j] + output[k] * turns[k]
        for i in range(TILE):
            sums[i] -= (
                output[g] * min(shares[g, i], turns[g])
                + output[h] * min(shares[h, i], turns[h])
                + output[j] * min(shares[j, i], turns[j])
                + output[k] * min(shares[k, i], turns[k])
            )
    for h in listed[whole:]:
        rest += output[h] * turns[h]
        for i in range(TILE):
            sums[i] -= output[h] * min(shares[h, i], turns[h])
    return rest


@compiled_sums
def _add_come(listed: Array, output: Array, turns: Array, shares: Array, sums: Array) -> float:
    """The same of w relu(r - t) = w max(r, t) - w t."""
    rest: float = np.zeros_like(output[:1])[0]
    whole = len(listed) // 4 * 4
    for n in range(0, whole, 4):
        g, h, j, k = listed[n], listed[n + 1], listed[n + 2], listed[n + 3]
        rest -= output[g] * turns[g] + output[h] * turns[h] + output[j] * turns[j] + output[k] * turns[k]
        for i in range(TILE):
            sums[i] += (
                output[g] * max(shares[g, i], turns[g])
                + output[h] * max(shares[h, i], turns[h])
                + output[j] * max(shares[j, i], turns[j])
                + output[k] * max(shares[k, i], turns[k])
            )
    for h in listed[whole:]:
        rest -= output[h] * turns[h]
        for i in range(TILE):
            sums[i] += output[h] * max(shares[h, i], turns[h])
    return rest
