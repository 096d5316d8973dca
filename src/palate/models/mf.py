"""MatrixFactorization: a vector and a bias for each user and each item; a rating is predicted from their product.

Koren, Bell & Volinsky, "Matrix Factorization Techniques for Recommender Systems", Computer 2009, equation (4), solved
by alternating least squares as in Zhou et al., "Large-Scale Parallel Collaborative Filtering for the Netflix Prize",
AAIM 2008, section 3.1: with the items fixed, each user is a ridge regression of their own; with the users fixed, each
item is one. Part of the penalty grows with the number of ratings, as theirs does.
"""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions, in_turn
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel
from palate.models.shared.layers import dots_with_biases
from palate.models.shared.ridge import ridge

FIRST_STD = 0.1
"""Standard deviation of the initial item vectors, which are the same in every run."""


class MatrixFactorizationConfig(BaseConfig):
    """Settings of `mf`."""

    dim: int = Field(16, ge=1, description="Number of latent factors (embedding size).")
    sweeps: int = Field(12, ge=1, description="Number of sweeps; each solves all users, then all items.")
    l2: float = Field(10.0, gt=0, description="L2 regularization of the vectors.")
    l2_per_rating: float = Field(0.03, ge=0, description="Additional L2 of the vectors per rating of the user or item.")
    bias_l2: float = Field(3.0, gt=0, description="L2 regularization of the biases.")


class MatrixFactorization(SolvedModel):
    """Matrix factorization by alternating least squares: `rating(u, i) = mean + b_u + b_i + p_u · q_i`.

    The vector and bias of a new user (cold start) are solved from their ratings as in training (fold-in).
    """

    Config: ClassVar[type[BaseConfig]] = MatrixFactorizationConfig
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False

    config: MatrixFactorizationConfig
    mean: Tensor  # () of the training ratings
    users: Tensor  # (n_users, dim + 1): vector and bias
    items: Tensor  # (n_items, dim + 1)

    def __init__(self, config: MatrixFactorizationConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("users", torch.zeros(n_users, config.dim + 1))
        self.register_buffer("items", torch.zeros(n_items, config.dim + 1))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        mean = train.ratings.mean(dtype=np.float64)
        residuals = (train.ratings - mean).astype(np.float32)
        by_item = in_turn(train.items.astype(np.int64))
        item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        users_by_item, residuals_by_item = train.users[by_item], residuals[by_item]
        l2, per_rating = (penalty.numpy() for penalty in self._penalties(torch.device("cpu")))

        items = np.zeros(self.items.shape, dtype=np.float32)
        items[:, :-1] = np.random.default_rng(0).normal(0, FIRST_STD, (train.n_items, self.config.dim))
        for _ in range(self.config.sweeps):
            targets = residuals - items[train.items, -1]
            users = ridge(train.offsets, train.items, targets, features_of(items), l2, per_rating)
            targets = residuals_by_item - users[users_by_item, -1]
            items = ridge(item_starts, users_by_item, targets, features_of(users), l2, per_rating)
        self.mean.fill_(float(mean))
        self.users.copy_(torch.from_numpy(users))
        self.items.copy_(torch.from_numpy(items))

    def score(self, query: Query) -> Tensor:
        users = self._vectors(query)
        return dots_with_biases(users, self.items).add_(self.mean + users[:, -1:])

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        left, right = self._vectors(query)[people], self.items[items]
        return self.mean + left[:, -1] + right[:, -1] + (left[:, :-1] * right[:, :-1]).sum(1)

    def user_vectors(self) -> Tensor:
        return self.users[:, :-1]

    def item_vectors(self) -> Tensor:
        return self.items[:, :-1]

    def _penalties(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the L2 penalties of the factors and the bias: constant and per rating -> (dim + 1,) each"""
        l2 = torch.full((self.config.dim + 1,), self.config.l2, device=device)
        per_rating = torch.full_like(l2, self.config.l2_per_rating)
        l2[-1], per_rating[-1] = self.config.bias_l2, 0
        return l2, per_rating

    def _vectors(self, query: Query) -> Tensor:
        """Return each user's vector and bias: learned in training, or by fold-in for a new user -> (B, dim + 1)"""
        return query.people(self.users, self._fold_in)

    def _fold_in(self, items: Tensor, ratings: Tensor) -> Tensor:
        """Solve the ridge regression of `solve` for new users in a batch: histories (B, L) -> (B, dim + 1)"""
        known = (items != PADDING).float().unsqueeze(2)  # (B, L, 1)
        vectors = self.items[items.clamp(min=0)] * known
        target = (ratings - self.mean - vectors[..., -1]) * known.squeeze(2)
        features = torch.cat([vectors[..., :-1], known], dim=2)  # (B, L, dim + 1)
        l2, per_rating = self._penalties(items.device)
        penalty = torch.diag_embed(l2 + known.sum(1) * per_rating)
        solution: Tensor = torch.linalg.solve(features.mT @ features + penalty, (features.mT @ target.unsqueeze(2)))
        return solution.squeeze(2)


def features_of(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features for the regressions of the other side: (n, dim + 1), with 1 in place of the bias."""
    features = vectors.copy()
    features[:, -1] = 1
    return features
