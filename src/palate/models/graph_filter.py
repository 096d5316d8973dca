"""GraphFilter: a user's history is a signal on the items, passed through a low-pass filter of the user-item graph.

GF-CF of Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021, section 4.2: nothing is
trained; the sum of a linear low-pass filter and an ideal one is applied to a user's history. The singular vectors are
computed by power steps from a random start as in Halko, Martinsson & Tropp, "Finding Structure with Randomness", SIAM
Review 2011, algorithm 4.4. A pair of a user and an item counts once, however many events it has.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel
from palate.models.shared.cooccurrence import Pairs
from palate.models.shared.liked_history import LikedHistory, summed
from palate.models.shared.matmul import product
from palate.system.jit import Array, compiled_sums, in_threads

OVERSAMPLING = 16
"""Extra directions that the power steps follow, so that the last wanted ones are accurate."""

LEAST_EIGENVALUE = 1e-6
"""Directions whose eigenvalue of RᵀR is below this are not in the data."""

ROUNDING = 1e-6
"""A score of at most this share of a user's largest is what float32 leaves of 0."""

LANES = 16
"""Signals processed together: as many as a wide register holds."""


class GraphFilterConfig(BaseConfig):
    """Settings of `graph-filter`."""

    rank: int = Field(256, ge=1, description="Number of singular vectors that the ideal low-pass filter keeps.")
    ideal: float = Field(0.3, ge=0, description="Weight of the ideal filter; the linear filter has weight 1.")
    power_steps: int = Field(6, ge=1, description="Number of power iterations that compute the singular vectors.")


class GraphFilter(SolvedModel):
    """Low-pass filter on the user-item graph (GF-CF): `score(u, i) = (x RᵀR + ideal x D^-½ V Vᵀ D^½)_i`.

    x is the history of u: 1 at each of its items. R is the user-item matrix with each row and column divided by the
    square root of its sum, D holds those sums of the columns, V the leading right singular vectors of R. A new user
    (cold start) is scored like any other, from their history.
    """

    Config: ClassVar[type[BaseConfig]] = GraphFilterConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"rank": 2}
    SIZED_BY_DATA: ClassVar[frozenset[str]] = frozenset({"items"})

    config: GraphFilterConfig
    starts: Tensor  # (n_users + 1,) int64: the items of user u are items[starts[u]:starts[u + 1]]
    items: Tensor  # (n pairs,) int32
    counts: Tensor  # (n_items,) users who have each item; 1 for an item that nobody has
    vectors: Tensor  # (n_items, rank): V, padded with zeros where the data has a lower rank

    def __init__(self, config: GraphFilterConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_users, n_items)
        self.register_buffer("starts", torch.zeros(n_users + 1, dtype=torch.int64))
        self.register_buffer("items", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("counts", torch.ones(n_items))
        self.register_buffer("vectors", torch.zeros(n_items, config.rank))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        pairs = Pairs.of(self.history.learn(train))
        self.starts.copy_(torch.from_numpy(pairs.starts))
        self.items = torch.from_numpy(pairs.items.astype(np.int32)).to(self.device)
        self.counts.copy_(torch.from_numpy(pairs.counts)).clamp_(min=1)

        followed = min(self.config.rank + OVERSAMPLING, self.n_items)
        basis = torch.randn(followed, self.n_items, generator=generator, device=self.device)
        for _ in range(self.config.power_steps):
            basis = torch.linalg.qr(self._linear(basis).T).Q.T  # (followed, n_items)
        values, rotation = torch.linalg.eigh(self._linear(basis) @ basis.T)
        best = values.argsort(descending=True)[: self.config.rank]
        best = best[values[best] > LEAST_EIGENVALUE]
        self.vectors[:, : len(best)] = basis.T @ rotation[:, best]

    def score(self, query: Query) -> Tensor:
        return self.history.or_popular(self.evidence(query), query.histories)

    def evidence(self, query: Query) -> Tensor:
        signal = self.history.weights(query, decay=1.0)  # (B, n_items)
        roots = self.counts.sqrt()
        ideal = product(summed(signal / roots, self.vectors), self.vectors.T).mul_(roots)  # (B, n_items)
        scores = self._linear(signal).add_(ideal, alpha=self.config.ideal)
        sizes = scores.abs()
        return scores.masked_fill_(sizes <= ROUNDING * sizes.amax(1, keepdim=True), 0)

    def _linear(self, signals: Tensor) -> Tensor:
        """Multiply signals (n, n_items) by RᵀR."""
        tensors = self.starts, self.items, self.counts.rsqrt(), signals
        arrays = (tensor.contiguous().cpu().numpy() for tensor in tensors)
        return torch.from_numpy(filtered(*arrays)).to(self.device)

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *arguments: Any) -> None:
        starts, items = state_dict[f"{prefix}starts"], state_dict[f"{prefix}items"]
        if len(items) and not (items.min() >= 0 and items.max() < self.n_items):
            raise ValueError("weight items has rows out of bounds")
        if starts[0] != 0 or starts[-1] != len(items) or (starts.diff() < 0).any():
            raise ValueError("weight starts does not divide the items")
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def filtered(starts: Array, items: Array, scale: Array, signals: Array) -> Array:
    """Multiply signals on the items (n, n_items), float32, by RᵀR -> (n, n_items) float32.

    R (n_users, n_items) is 1 / sqrt(n_u) * scale_i where user u has item i, else 0; n_u is their number of items.
    starts (n_users + 1,): the items of user u are items[starts[u]:starts[u + 1]], each once; scale (n_items,) float32.
    """
    output = np.empty_like(signals)

    def apply(part: slice) -> None:
        _filter(starts, items, scale, signals[part], output[part])

    in_threads(apply, len(signals), LANES)
    return output


@compiled_sums
def _filter(starts: Array, items: Array, scale: Array, signals: Array, output: Array) -> None:
    n = len(signals)
    scaled = np.zeros((len(scale), LANES), np.float32)
    sums = np.zeros((len(scale), LANES), np.float32)
    at_user = np.empty(LANES, np.float32)
    for lane in range(n):
        for item in range(len(scale)):
            scaled[item, lane] = signals[lane, item] * scale[item]
    for user in range(len(starts) - 1):
        at_user[:] = 0
        for e in range(starts[user], starts[user + 1]):
            for lane in range(LANES):
                at_user[lane] += scaled[items[e], lane]
        if not at_user.any():
            continue
        at_user /= starts[user + 1] - starts[user]
        for e in range(starts[user], starts[user + 1]):
            for lane in range(LANES):
                sums[items[e], lane] += at_user[lane]
    for lane in range(n):
        for item in range(len(scale)):
            output[lane, item] = sums[item, lane] * scale[item]
