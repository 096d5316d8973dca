"""ItemKNN: of every item its nearest others, by who liked them.

Sarwar, Karypis, Konstan & Riedl, "Item-Based Collaborative Filtering Recommendation Algorithms", WWW 2001, sections 3.1
and 3.2: an item's score is a sum over those of its nearest items that a person has. The cosine is that of who liked an
item and who did not; it is shrunk, so that a few people in common count for less, as in Ferrari Dacrema, Cremonesi &
Jannach, "Are We Really Making Much Progress?", RecSys 2019. The sum is not divided by that of the cosines, which would
lose how much there is to say for an item. Beyond these papers the last items of a history may weigh more.
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
"""Similarities that are held at once, in training and in scoring."""


class ItemKNNConfig(BaseConfig):
    """Settings of `item-knn`."""

    neighbours: int = Field(100, ge=1, description="Nearest items kept of each item.")
    shrinkage: float = Field(10.0, ge=0, description="Added below the fraction of the cosine.")
    decay: float = Field(1.0, gt=0, le=1, description="Weight of an item in a history against the one after it.")


class ItemKNN(SolvedModel):
    """score(u, i) = Σ decay^age cosine(i, j) over the items j of u's history that are neighbours of i"""

    Config: ClassVar[type[BaseConfig]] = ItemKNNConfig

    config: ItemKNNConfig
    starts: Tensor  # (n_items + 1,): those that item j is a neighbour of are items[starts[j]:starts[j + 1]]
    items: Tensor  # (n_items * neighbours,) int32 item rows; what stands after the last start means nothing
    cosines: Tensor  # (n_items * neighbours,)

    def __init__(self, config: ItemKNNConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_items)
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
        cosines = torch.cat([found.values for found in nearest]).flatten()
        near_to = torch.cat([found.indices for found in nearest]).flatten()
        near_to[cosines == 0] = self.n_items
        near_to, order = near_to.sort(stable=True)
        self.starts.copy_(torch.searchsorted(near_to, torch.arange(self.n_items + 1)))
        self.items.copy_(order // neighbours)
        self.cosines.copy_(cosines[order])

    def score(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay)
        scores = torch.zeros_like(weights)
        people, items = weights.nonzero(as_tuple=True)  # (n,)
        lengths = self.starts[items + 1] - self.starts[items]
        parts = torch.bincount(lengths.cumsum(0) // NUMBERS_AT_ONCE).tolist()
        for who, what, length in zip(people.split(parts), items.split(parts), lengths.split(parts), strict=True):
            first = self.starts[what] - length.cumsum(0) + length
            at = torch.arange(int(length.sum()), device=scores.device) + first.repeat_interleave(length)
            added = weights[who, what].repeat_interleave(length) * self.cosines[at]
            scores.view(-1).index_add_(0, (who * self.n_items).repeat_interleave(length) + self.items[at], added)
        return self.history.or_popular(scores, weights)
