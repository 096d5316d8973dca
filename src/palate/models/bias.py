"""Bias: the mean, how generous the person is, and how well the item is liked. The baseline of every rating model.

Koren, "Factorization Meets the Neighborhood", KDD 2008, section 2.1: the ridge-regularised least squares of equation
(1), solved by alternating between the two groups until nothing moves.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import PADDING, UNSEEN, BaseConfig, Query, SolvedModel

SWEEPS = 100
"""Alternations at most; the biases of MovieLens no longer move after about ten."""

STILL = 1e-6
"""Biases that move less than this, in ratings, are taken as solved."""


class BiasConfig(BaseConfig):
    """Settings of `bias`."""

    user_l2: float = Field(5.0, ge=0, description="How many ratings of the mean are added to each person's own.")
    item_l2: float = Field(3.0, ge=0, description="How many ratings of the mean are added to each item's own.")


class Bias(SolvedModel):
    """rating(u, i) = mean + b_u + b_i; a person's b_u follows from their ratings, seen in training or not."""

    Config: ClassVar[type[BaseConfig]] = BiasConfig
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False

    config: BiasConfig
    mean: Tensor  # ()
    users: Tensor  # (n_users,)
    items: Tensor  # (n_items,)

    def __init__(self, config: BiasConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("users", torch.zeros(n_users))
        self.register_buffer("items", torch.zeros(n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        mean = train.ratings.mean(dtype=np.float64)
        off = train.ratings.astype(np.float64) - mean  # (n,)
        by_user, by_item = np.zeros(train.n_users), np.zeros(train.n_items)
        n_by_user = np.diff(train.offsets) + self.config.user_l2
        n_by_item = train.item_counts + self.config.item_l2
        for _ in range(SWEEPS):
            before = by_user
            by_item = shrunk(train.items, off - by_user[train.users], n_by_item)
            by_user = shrunk(train.users, off - by_item[train.items], n_by_user)
            if np.abs(by_user - before).max() < STILL:
                break
        self.mean.fill_(float(mean))
        self.users.copy_(torch.from_numpy(by_user))
        self.items.copy_(torch.from_numpy(by_item))

    def score(self, query: Query) -> Tensor:
        return self.mean + self._people(query).unsqueeze(1) + self.items

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self.mean + self._people(query)[people] + self.items[items]

    def _people(self, query: Query) -> Tensor:
        """-> (B,) the bias of each person."""
        people = self.users[query.users.clamp(min=0)] * (query.users != UNSEEN)
        if query.ratings is None:
            return people
        known = query.histories != PADDING  # (B, L)
        off = (query.ratings - self.mean - self.items[query.histories.clamp(min=0)]) * known
        fitted = off.sum(1) / (known.sum(1) + self.config.user_l2).clamp(min=1e-9)
        return torch.where(query.users == UNSEEN, fitted, people)


def shrunk(rows: np.ndarray, off: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The sum of `off` by row, over `weight`; 0 where there is neither rating nor weight."""
    sums = np.bincount(rows, weights=off, minlength=len(weight))
    means: np.ndarray = np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)
    return means
