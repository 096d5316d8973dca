"""ItemKNN: item-based nearest neighbours, by which users liked both items.

Sarwar, Karypis, Konstan & Riedl, "Item-Based Collaborative Filtering Recommendation Algorithms", WWW 2001, sections 3.1
and 3.2: an item's score is a sum over those of its nearest items that are in the user's history. The similarity is the
cosine of the two columns of the user-item matrix of likes; it is shrunk, so that a few common users count for less, as
in Ferrari Dacrema, Cremonesi & Jannach, "Are We Really Making Much Progress?", RecSys 2019. The sum is not divided by
the sum of the cosines: that would hide how much evidence there is for an item. Beyond these papers, the last items of a
history may weigh more.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel
from palate.models.shared.cooccurrence import Pairs
from palate.models.shared.liked_history import LikedHistory

NUMBERS_AT_ONCE = 2**22
"""Similarities held in memory at a time, in training and in scoring."""


class ItemKNNConfig(BaseConfig):
    """Settings of `item-knn`."""

    neighbours: int = Field(100, ge=1, description="Number of nearest items kept for each item.")
    shrinkage: float = Field(10.0, ge=0, description="Shrinkage: a number added to the denominator of the cosine.")
    decay: float = Field(1.0, gt=0, le=1, description="Weight of each history item relative to the next newer one.")


class ItemKNN(SolvedModel):
    """Item nearest neighbours: `score(u, i) = Σ decay^age cosine(i, j)` over u's items j that are neighbours of i."""

    Config: ClassVar[type[BaseConfig]] = ItemKNNConfig

    config: ItemKNNConfig
    starts: Tensor  # (n_items + 1,): item j is a neighbour of the items items[starts[j]:starts[j + 1]]
    items: Tensor  # (n_items * neighbours,) int32 item rows; entries after the last start are unused
    cosines: Tensor  # (n_items * neighbours,)

    def __init__(self, config: ItemKNNConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_users, n_items)
        size = n_items * min(config.neighbours, n_items)
        self.register_buffer("starts", torch.zeros(n_items + 1, dtype=torch.int64))
        self.register_buffer("items", torch.zeros(size, dtype=torch.int32))
        self.register_buffer("cosines", torch.zeros(size))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        pairs = Pairs.of(self.history.learn(train))
        norms = torch.from_numpy(pairs.counts).sqrt_()
        neighbours = len(self.items) // self.n_items
        size = max(1, NUMBERS_AT_ONCE // self.n_items)
        nearest = []
        for first in range(0, self.n_items, size):
            last = min(first + size, self.n_items)
            near = torch.from_numpy(pairs.together(first, last))  # (size, n_items)
            near /= (torch.outer(norms[first:last], norms) + self.config.shrinkage).clamp_(min=1)
            near[torch.arange(last - first), torch.arange(first, last)] = 0
            nearest.append(near.topk(neighbours))
        cosines = torch.cat([part.values for part in nearest]).flatten()
        neighbour = torch.cat([part.indices for part in nearest]).flatten()
        neighbour[cosines == 0] = self.n_items
        neighbour, order = neighbour.sort(stable=True)
        self.starts.copy_(torch.searchsorted(neighbour, torch.arange(self.n_items + 1)))
        self.items.copy_(order // neighbours)
        self.cosines.copy_(cosines[order])

    def score(self, query: Query) -> Tensor:
        return self.history.or_popular(self.evidence(query), query.histories)

    def evidence(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay)
        scores = torch.zeros_like(weights)
        users, items = weights.nonzero(as_tuple=True)  # (n,)
        lengths = self.starts[items + 1] - self.starts[items]
        parts = torch.bincount(lengths.cumsum(0) // NUMBERS_AT_ONCE).tolist()
        for user, item, length in zip(users.split(parts), items.split(parts), lengths.split(parts), strict=True):
            first = self.starts[item] - length.cumsum(0) + length
            at = torch.arange(int(length.sum()), device=scores.device) + first.repeat_interleave(length)
            added = weights[user, item].repeat_interleave(length) * self.cosines[at]
            scores.view(-1).index_add_(0, (user * self.n_items).repeat_interleave(length) + self.items[at], added)
        return scores
