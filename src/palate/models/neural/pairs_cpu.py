"""Outputs of the hidden layer for every pair of a left and a right input, on the CPU, without most of its units.

A unit's input is l + r, a share of the left and one of the right. Rights that are close to each other have similar r,
so that for one left most units are above 0 for all of them, or below 0 for all. Therefore rights lie in tiles of close
ones, and the minimum and maximum of r in a tile tell which units change sign within it. Let A be the units that are
above 0 at the mean of all rights. Then

    sum of w relu(l + r)  =  sum over A of w (l + r) + w relu(-l - r)  +  sum over the others of w relu(l + r)

where the sum of w (l + r) is linear in the right, and relu is 0 for each unit whose sign in the whole tile is its sign
at the mean: for most. Only the other units are computed.
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
"""Rights in a tile. In larger tiles more units change sign; smaller ones make more tiles, each with units to check."""

LEFTS_PER_PART = 32
"""Lefts that a thread processes at a time."""

Floats = NDArray[np.float32]


def tiles_of_rows(right: Tensor, weights: Tensor) -> NDArray[np.int64]:
    """Arrange the rows of rights (I, a) in tiles of close ones -> (tiles, TILE); the last row fills up the last tile.

    A k-d tree: it splits in halves along the input whose effect on the units, by weights (a, n_hidden), varies most,
    and each half likewise. Bentley, "Multidimensional Binary Search Trees Used for Associative Searching", CACM 1975.
    """
    inputs = (right * weights.norm(dim=1)).numpy()

    def halved(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if len(rows) <= TILE:
            return [rows]
        values = inputs[rows]
        rows = rows[values[:, values.var(axis=0).argmax()].argsort(kind="stable")]
        half = -(-len(rows) // 2 // TILE) * TILE
        return [*halved(rows[:half]), *halved(rows[half:])]

    order = np.concatenate(halved(np.arange(len(inputs))))
    return np.pad(order, (0, -len(order) % TILE), mode="edge").reshape(-1, TILE)


@dataclass(frozen=True)
class Tiles:
    """Rights in tiles, and their shares of the hidden units."""

    rows: NDArray[np.int64]  # (tiles, TILE)
    inputs: Floats  # (tiles, a + 1, TILE) the rights and a 1
    shares: Floats  # (tiles, n_hidden, TILE)
    least: Floats  # (tiles, n_hidden) minimum of the shares in each tile
    most: Floats  # (tiles, n_hidden) maximum
    mean: Floats  # (n_hidden,) share of the mean of all rights
    slopes: Floats  # (n_hidden, a + 1): derivative of the shares by the inputs

    @classmethod
    def of(cls, rows: NDArray[np.int64], right: Tensor, mean: Tensor, weights: Tensor) -> "Tiles":
        """Compute the tiles of rights (I, a), whose mean is (1, a), by weights (a + 1, n_hidden), the last for the
        bias.

        rows: (tiles, TILE) from `tiles_of_rows`.
        """
        joined = functional.pad(right[torch.from_numpy(rows)], (0, 1), value=1.0)  # (tiles, TILE, a + 1)
        shares = torch.empty(len(rows), weights.shape[1], TILE)
        for tile, inputs in zip(shares, joined, strict=True):
            tile.copy_(product(inputs, weights).T)
        least, most = torch.aminmax(shares, dim=2)
        middle = product(functional.pad(mean, (0, 1), value=1.0), weights)[0]
        parts = (joined.mT.contiguous(), shares, least, most, middle, weights.T.contiguous())
        return cls(rows, *(part.numpy() for part in parts))

    def pairs(self, lefts: Tensor, output: Tensor, values: Tensor) -> None:
        """Write sum over h of w_h relu(l_bh + r_ih) to values (B, I) at these rights, from l (B, n_hidden), w
        (n_hidden,).

        To the last bit, the value of a pair does not depend on the other lefts of the call.
        """
        left, weights, result = (tensor.numpy() for tensor in (lefts, output, values))
        tiles = (self.rows, self.inputs, self.shares, self.least, self.most, self.mean, self.slopes)
        in_threads(lambda part: _pairs(left[part], weights, *tiles, result[part]), len(left), LEFTS_PER_PART)


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
    above, below, thresholds = np.empty_like(lefts), np.empty_like(lefts), -lefts
    linear = np.zeros((n_left, slopes.shape[1]), lefts.dtype)
    for b in range(n_left):
        _split(lefts[b], output, mean, slopes, above[b], below[b], linear[b])
    off, on = np.zeros(n_hidden, np.uint8), np.zeros(n_hidden, np.uint8)
    turned_off, turned_on = np.empty(n_hidden + 1, np.int64), np.empty(n_hidden + 1, np.int64)
    sums = np.empty(TILE, lefts.dtype)
    for tile in range(len(rows)):
        for b in range(n_left):
            _mark(above[b], below[b], least[tile], most[tile], off, on)
            n, m = _list(off, on, turned_off, turned_on)
            _add_linear(linear[b], inputs[tile], sums)
            rest = _add_off(turned_off[:n], output, thresholds[b], shares[tile], sums)
            rest += _add_on(turned_on[:m], output, thresholds[b], shares[tile], sums)
            for i in range(TILE):
                values[b, rows[tile, i]] = sums[i] + rest


@compiled_sums
def _split(left: Array, output: Array, mean: Array, slopes: Array, above: Array, below: Array, linear: Array) -> None:
    """Write the shares of the units in A to `above` and of the others to `below`, and add up the linear sum."""
    for h in range(len(left)):
        if left[h] + mean[h] > 0:
            above[h], below[h] = left[h], -np.inf
            for k in range(len(linear)):
                linear[k] += output[h] * slopes[h, k]
            linear[-1] += output[h] * left[h]
        else:
            above[h], below[h] = np.inf, left[h]


@compiled_sums
def _mark(above: Array, below: Array, least: Array, most: Array, off: Array, on: Array) -> None:
    """Mark with 1 in `off` each unit of A that is not above 0 in all of a tile, in `on` each other one that is."""
    for h in range(len(off)):
        off[h] = above[h] + least[h] < 0
        on[h] = below[h] + most[h] > 0


@compiled_sums
def _list(off: Array, on: Array, turned_off: Array, turned_on: Array) -> tuple[int, int]:
    """Write the units marked in `off` and `on` to the beginning of turned_off and turned_on; return the numbers."""
    n = m = 0
    for h in range(len(off)):
        turned_off[n] = turned_on[m] = h
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
def _add_off(units: Array, output: Array, thresholds: Array, shares: Array, sums: Array) -> float:
    """Add w relu(t - r) = w t - w min(r, t) of the units, t = -l, four at a time: `sums` gets the second parts, and the
    sum of the first is returned."""
    rest: float = np.zeros_like(output[:1])[0]
    whole = len(units) // 4 * 4
    for n in range(0, whole, 4):
        g, h, j, k = units[n], units[n + 1], units[n + 2], units[n + 3]
        rest += (
            output[g] * thresholds[g]
            + output[h] * thresholds[h]
            + output[j] * thresholds[j]
            + output[k] * thresholds[k]
        )
        for i in range(TILE):
            sums[i] -= (
                output[g] * min(shares[g, i], thresholds[g])
                + output[h] * min(shares[h, i], thresholds[h])
                + output[j] * min(shares[j, i], thresholds[j])
                + output[k] * min(shares[k, i], thresholds[k])
            )
    for h in units[whole:]:
        rest += output[h] * thresholds[h]
        for i in range(TILE):
            sums[i] -= output[h] * min(shares[h, i], thresholds[h])
    return rest


@compiled_sums
def _add_on(units: Array, output: Array, thresholds: Array, shares: Array, sums: Array) -> float:
    """Add w relu(r - t) = w max(r, t) - w t likewise."""
    rest: float = np.zeros_like(output[:1])[0]
    whole = len(units) // 4 * 4
    for n in range(0, whole, 4):
        g, h, j, k = units[n], units[n + 1], units[n + 2], units[n + 3]
        rest -= (
            output[g] * thresholds[g]
            + output[h] * thresholds[h]
            + output[j] * thresholds[j]
            + output[k] * thresholds[k]
        )
        for i in range(TILE):
            sums[i] += (
                output[g] * max(shares[g, i], thresholds[g])
                + output[h] * max(shares[h, i], thresholds[h])
                + output[j] * max(shares[j, i], thresholds[j])
                + output[k] * max(shares[k, i], thresholds[k])
            )
    for h in units[whole:]:
        rest -= output[h] * thresholds[h]
        for i in range(TILE):
            sums[i] += output[h] * max(shares[h, i], thresholds[h])
    return rest
