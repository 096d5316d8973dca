"""Bias: the mean, a bias of the user and a bias of the item. The baseline for every rating model.

Koren, "Factorization Meets the Neighborhood", KDD 2008, section 2.1: the ridge-regularised least squares of equation
(1), solved by alternating between users and items until convergence.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import PADDING, UNSEEN, BaseConfig, Query, SolvedModel

SWEEPS = 100
"""Maximum number of alternations; the biases of MovieLens converge after about ten."""

TOLERANCE = 1e-6
"""Alternation stops when no user's bias changes by this much, in rating units."""


class BiasConfig(BaseConfig):
    """Settings of `bias`."""

    user_l2: float = Field(5.0, ge=0, description="L2 regularization of user biases (number of ratings at the mean).")
    item_l2: float = Field(3.0, ge=0, description="L2 regularization of item biases (number of ratings at the mean).")


class Bias(SolvedModel):
    """Baseline of a user bias and an item bias: `rating(u, i) = mean + b_u + b_i`.

    The bias of a new user (cold start) follows from their ratings (fold-in).
    """

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
        residuals = train.ratings.astype(np.float64) - mean  # (n,)
        by_user, by_item = np.zeros(train.n_users), np.zeros(train.n_items)
        n_by_user = np.diff(train.offsets) + self.config.user_l2
        n_by_item = train.item_counts + self.config.item_l2
        for _ in range(SWEEPS):
            before = by_user
            by_item = shrunken_means(train.items, residuals - by_user[train.users], n_by_item)
            by_user = shrunken_means(train.users, residuals - by_item[train.items], n_by_user)
            if np.abs(by_user - before).max() < TOLERANCE:
                break
        self.mean.fill_(float(mean))
        self.users.copy_(torch.from_numpy(by_user))
        self.items.copy_(torch.from_numpy(by_item))

    def score(self, query: Query) -> Tensor:
        return self.mean + self._user_biases(query).unsqueeze(1) + self.items

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self.mean + self._user_biases(query)[people] + self.items[items]

    def _user_biases(self, query: Query) -> Tensor:
        """Return the bias of each user -> (B,)"""
        biases = self.users[query.users.clamp(min=0)] * (query.users != UNSEEN)
        if query.ratings is None:
            return biases
        known = query.histories != PADDING  # (B, L)
        residuals = (query.ratings - self.mean - self.items[query.histories.clamp(min=0)]) * known
        fitted = residuals.sum(1) / (known.sum(1) + self.config.user_l2).clamp(min=1e-9)
        return torch.where(query.users == UNSEEN, fitted, biases)


def shrunken_means(rows: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the sum of the values of each row divided by its weight; 0 for a row without ratings and weight."""
    sums = np.bincount(rows, weights=values, minlength=len(weight))
    means: np.ndarray = np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)
    return means
