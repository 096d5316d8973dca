"""ItemKNN: of every item its nearest others, by who took them.

Deshpande & Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004, section 4: cosine similarity, and a score
that sums over a person's items. The cosine is shrunk, so that a few people in common count for less, as in Ferrari
Dacrema, Cremonesi & Jannach, "Are We Really Making Much Progress?", RecSys 2019, section 3.2. Beyond both, the last
items of a history may weigh more.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.compiled_counts import Pairs
from palate.models.contract import BaseConfig, Query, SolvedModel
from palate.models.liked_history import LikedHistory

NUMBERS_AT_ONCE = 2**24
"""Similarities that are held at once, in training and in scoring."""


class ItemKNNConfig(BaseConfig):
    """Settings of `item-knn`."""

    neighbours: int = Field(200, ge=1, description="Nearest items kept of each item.")
    shrinkage: float = Field(3.0, ge=0, description="Added below the fraction of the cosine.")
    decay: float = Field(1.0, gt=0, le=1, description="Weight of an item in a history against the one after it.")


class ItemKNN(SolvedModel):
    """score(u, i) = Σ decay^age cosine(j, i) over the items j of u's history that i is a neighbour of"""

    Config: ClassVar[type[BaseConfig]] = ItemKNNConfig

    config: ItemKNNConfig
    neighbours: Tensor  # (n_items, neighbours) int32 item rows, nearest first
    nearness: Tensor  # (n_items, neighbours)

    def __init__(self, config: ItemKNNConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_items)
        shape = n_items, min(config.neighbours, n_items)
        self.register_buffer("neighbours", torch.zeros(shape, dtype=torch.int32))
        self.register_buffer("nearness", torch.zeros(shape))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        pairs = Pairs.of(self.history.learn(train))
        norms = torch.from_numpy(pairs.counts).sqrt_()
        size = max(1, NUMBERS_AT_ONCE // self.n_items)
        for first in range(0, self.n_items, size):
            last = min(first + size, self.n_items)
            near = torch.from_numpy(pairs.together(first, last))  # (size, n_items)
            near /= (torch.outer(norms[first:last], norms) + self.config.shrinkage).clamp_(min=1)
            near[torch.arange(last - first), torch.arange(first, last)] = 0
            nearest = near.topk(self.neighbours.shape[1])
            self.neighbours[first:last] = nearest.indices
            self.nearness[first:last] = nearest.values

    def score(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay)
        scores = torch.zeros_like(weights)
        people, items = weights.nonzero(as_tuple=True)
        for part in torch.arange(len(items), device=items.device).split(NUMBERS_AT_ONCE // self.neighbours.shape[1]):
            who, what = people[part, None], items[part]
            added = weights[people[part], what][:, None] * self.nearness[what]  # (part, neighbours)
            scores.view(-1).index_add_(0, (who * self.n_items + self.neighbours[what]).flatten(), added.flatten())
        return self.history.or_popular(scores, weights)
