"""Popularity: the items with the most events, the same list for every user. The baseline of every top-N comparison."""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import DAY, Interactions
from palate.errors import UnsupportedError
from palate.models.contract import BaseConfig, Query, SolvedModel


class PopularityConfig(BaseConfig):
    """Settings of `popularity`."""

    days: float | None = Field(
        None, gt=0, description="Count only events of this many last days (needs times); if not set, count all events."
    )


class Popularity(SolvedModel):
    """Popularity baseline: score(u, i) = the number of events of item i in training."""

    Config: ClassVar[type[BaseConfig]] = PopularityConfig
    LOOKS_BACK: ClassVar[bool] = False

    config: PopularityConfig
    counts: Tensor  # (n_items,)

    def __init__(self, config: PopularityConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("counts", torch.zeros(n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        items = train.items
        if self.config.days is not None:
            if train.times is None or train.now is None:
                raise UnsupportedError("days needs times, and this table has none: leave days out")
            items = items[train.times > train.now - self.config.days * DAY]
        self.counts.copy_(torch.from_numpy(np.bincount(items, minlength=self.n_items)))

    def score(self, query: Query) -> Tensor:
        return self.counts.repeat(len(query), 1)
