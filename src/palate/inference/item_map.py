"""Item vectors to places on a plane: near on the map are items whose vectors are near.

Each item is drawn to its nearest neighbours and pushed away from items drawn by chance, from the two principal
components on: Tang, Liu, Zhang & Mei, "Visualizing Large-scale and High-dimensional Data", WWW 2016, section 3.3,
equation (6) with f(x) = 1 / (1 + x^2).

Two deviations: every neighbour counts alike, where the paper weighs them by distance; and the neighbours are exact. Why
this method, and what others keep of the neighbours: docs/decisions/0016-a-map-of-our-own.md.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.models.contract import HasVectors, Model
from palate.system.jit import Array, compiled_sums

MOST = 10_000
"""Items on a map; of more, the most rated."""

NEIGHBOURS, PUSHES = 10, 5
"""How many items draw an item, and how many push it away for each of them."""

PASSES = 200
STRENGTH = 100.0
"""How much a push counts; the paper's gamma, which it sets to 7: the larger, the better neighbours are kept apart."""

LONGEST = 4.0
"""How far a push may move an item in the first pass: far enough for equal vectors to stand beside each other."""

BLOCK = 1024
"""Items whose distances to all others are held at once."""


def item_map(model: Model, counts: NDArray[np.int64], seed: int) -> NDArray[np.float32] | None:
    """Where each item lies: (n_items, 2), both within -1 and 1, NaN off the map; None for a model without vectors.

    counts: (n_items,), how often each item was rated. The same seed gives the same map.
    """
    if not isinstance(model, HasVectors):
        return None
    rows = np.sort(np.argsort(-counts, kind="stable")[:MOST])
    places = np.full((len(counts), 2), np.nan, dtype=np.float32)
    places[rows] = laid_out(model.item_vectors().detach().float().cpu()[torch.from_numpy(rows)], seed)
    return places


def laid_out(vectors: Tensor, seed: int) -> NDArray[np.float32]:
    """Vectors (n, d) -> places (n, 2) within -1 and 1, the mean at 0."""
    units = functional.normalize(vectors, dim=1)
    places = np.ascontiguousarray(principal(units).numpy()) * np.float32(10)
    _pull_and_push(places, nearest(units, NEIGHBOURS).numpy(), PASSES, STRENGTH, seed + 1)
    places -= places.mean(0)
    shown: NDArray[np.float32] = places / max(np.abs(places).max(), np.finfo(np.float32).tiny)
    return shown


def principal(vectors: Tensor) -> Tensor:
    """The two first principal components of vectors (n, d) -> (n, 2), the first of variance 1.

    An axis points to where the item farthest from its middle lies, as its sign is free.
    """
    away = vectors - vectors.mean(0)
    axes = torch.linalg.eigh(away.T @ away).eigenvectors.flip(1)[:, :2]  # (d, 2)
    found = functional.pad(away @ axes, (0, 2 - axes.shape[1]))
    found = found * found.gather(0, found.abs().argmax(0, keepdim=True)).sign()
    return found / found[:, 0].square().mean().sqrt().clamp(min=1e-6)


def nearest(units: Tensor, k: int) -> Tensor:
    """The k others with the largest cosine to each of the unit vectors (n, d) -> (n, k) rows; fewer where n is less."""
    found = []
    for start in range(0, len(units), BLOCK):
        cosines = units[start : start + BLOCK] @ units.T  # (BLOCK, n)
        cosines[:, start:].fill_diagonal_(-torch.inf)
        found.append(cosines.topk(min(k, len(units) - 1)).indices)
    return torch.cat(found)


@compiled_sums
def _pull_and_push(places: Array, near: Array, passes: int, strength: float, seed: int) -> None:
    """Moves places (n, 2) by stochastic gradient descent; near: (n, k). A push is at most LONGEST times the rate."""
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
