"""Lay out item vectors on a plane, so that items with similar vectors are near each other.

The layout starts from the two principal components; stochastic gradient descent then pulls each item to its nearest
neighbours and pushes it away from random items: Tang, Liu, Zhang & Mei, "Visualizing Large-scale and High-dimensional
Data", WWW 2016, section 3.3, equation (6) with f(x) = 1 / (1 + x^2).

It differs from the paper in two ways: all neighbours have the same weight, where the paper weighs them by distance; and
the neighbours are exact. docs/decisions/0016-a-map-of-our-own.md compares this method with others.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.inference.abilities import item_vectors
from palate.models.contract import HasVectors, Model
from palate.system.jit import Array, compiled_sums

MOST = 10_000
"""Most items on a map; of a larger catalogue, those with the most ratings are taken."""

NEIGHBOURS, PUSHES = 10, 5
"""Neighbours that pull an item, and random items that push it away for each of them."""

PASSES = 200
"""Passes of the gradient descent over all items."""

STRENGTH = 100.0
"""Weight of a push, the paper's gamma (7 there): a larger one separates neighbours better."""

LONGEST = 4.0
"""Longest move by one push in the first pass, long enough to separate items with equal vectors."""

BLOCK = 1024
"""Items whose cosines to all others are in memory at once."""


def item_map(model: Model, counts: NDArray[np.int64], seed: int) -> NDArray[np.float32] | None:
    """Return the place of each item -> (n_items, 2), within -1 and 1, NaN off the map.

    The result is None for a model without vectors. The same seed gives the same map.
    counts: (n_items,), the ratings of each item.
    """
    if not isinstance(model, HasVectors):
        return None
    rows = np.sort(np.argsort(-counts, kind="stable")[:MOST])
    places = np.full((len(counts), 2), np.nan, dtype=np.float32)
    places[rows] = layout(item_vectors(model).float().cpu()[torch.from_numpy(rows)], seed)
    return places


def layout(vectors: Tensor, seed: int) -> NDArray[np.float32]:
    """Lay out vectors (n, d) -> places (n, 2) within -1 and 1, with mean 0."""
    units = functional.normalize(vectors, dim=1)
    places = np.ascontiguousarray(principal_components(units).numpy()) * np.float32(10)
    _pull_and_push(places, nearest(units, NEIGHBOURS).numpy(), PASSES, STRENGTH, (seed + 1) % 2**64)
    places -= places.mean(0)
    scaled: NDArray[np.float32] = places / max(np.abs(places).max(), np.finfo(np.float32).tiny)
    return scaled


def principal_components(vectors: Tensor) -> Tensor:
    """Return the first two principal components of vectors (n, d) -> (n, 2), the first with variance 1.

    The sign of an axis is free: it is chosen so that the item farthest from 0 is positive.
    """
    centred = vectors - vectors.mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :2]  # (d, 2)
    components = functional.pad(centred @ axes, (0, 2 - axes.shape[1]))
    components = components * components.gather(0, components.abs().argmax(0, keepdim=True)).sign()
    return components / components[:, 0].square().mean().sqrt().clamp(min=1e-6)


def nearest(units: Tensor, k: int) -> Tensor:
    """Return the k rows with the largest cosine to each of the unit vectors (n, d) -> (n, k), or (n, n - 1)."""
    neighbours = []
    for start in range(0, len(units), BLOCK):
        cosines = units[start : start + BLOCK] @ units.T  # (BLOCK, n)
        cosines[:, start:].fill_diagonal_(-torch.inf)
        neighbours.append(cosines.topk(min(k, len(units) - 1)).indices)
    return torch.cat(neighbours)


@compiled_sums
def _pull_and_push(places: Array, near: Array, passes: int, strength: float, seed: int) -> None:
    """Move places (n, 2) by stochastic gradient descent; near: (n, k) neighbours of each item.

    A push moves an item by at most LONGEST times the rate.
    """
    n, k = near.shape
    draw = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)  # xorshift: Marsaglia 2003, never 0
    one, floor = np.float32(1), np.float32(0.01)
    for done in range(passes):
        rate = np.float32(1 - done / passes)
        for i in range(n):
            x, y = places[i, 0], places[i, 1]
            for e in range(k):
                j = near[i, e]
                dx, dy = x - places[j, 0], y - places[j, 1]
                pull = rate / (one + dx * dx + dy * dy)
                x, y = x - pull * dx, y - pull * dy
                places[j, 0] += pull * dx
                places[j, 1] += pull * dy
                for _ in range(PUSHES):
                    draw ^= draw << np.uint64(13)
                    draw ^= draw >> np.uint64(7)
                    draw ^= draw << np.uint64(17)
                    other = np.int64((draw >> np.uint64(33)) % np.uint64(n))
                    if other != i:
                        dx, dy = x - places[other, 0], y - places[other, 1]
                        square = dx * dx + dy * dy
                        push = np.float32(strength) / ((floor + square) * (one + square))
                        push = rate * min(push, np.float32(LONGEST) / np.sqrt(floor + square))
                        x, y = x + push * dx, y + push * dy
            places[i, 0], places[i, 1] = x, y
