"""Popularity: what most people took, the same list for everybody. The baseline of every top-N comparison."""

from typing import ClassVar

import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel


class Popularity(SolvedModel):
    """score(u, i) = how many events item i has in training."""

    LOOKS_BACK: ClassVar[bool] = False

    counts: Tensor  # (n_items,)

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("counts", torch.zeros(n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        self.counts.copy_(torch.from_numpy(train.item_counts))

    def score(self, query: Query) -> Tensor:
        return self.counts.repeat(len(query), 1)
