"""MatrixFactorization: a vector and a bias for each person and each item; what suits both is the product of the two.

Koren, Bell & Volinsky, "Matrix Factorization Techniques for Recommender Systems", Computer 2009, equation (4), solved
by turns as Zhou et al., "Large-Scale Parallel Collaborative Filtering for the Netflix Prize", AAIM 2008, section 3.1:
with the items as they are each person is a ridge regression of their own, and with the people each item. Part of the
penalty grows with the number of ratings, as theirs does.
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
"""Spread of the first item vectors; they are the same in every run."""


class MatrixFactorizationConfig(BaseConfig):
    """Settings of `mf`."""

    dim: int = Field(16, ge=1, description="Numbers in a vector.")
    sweeps: int = Field(12, ge=1, description="How often all people and all items are solved by turns.")
    l2: float = Field(10.0, gt=0, description="Penalty on a vector's squares.")
    l2_per_rating: float = Field(0.03, ge=0, description="The same, for each rating of the person or item.")
    bias_l2: float = Field(3.0, gt=0, description="Penalty on a bias's square.")


class MatrixFactorization(SolvedModel):
    """rating(u, i) = mean + b_u + b_i + p_u · q_i; a person never seen is solved from their ratings as in training."""

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
        off = (train.ratings - mean).astype(np.float32)
        by_item = in_turn(train.items.astype(np.int64))
        item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        its_users, its_off = train.users[by_item], off[by_item]
        l2, per_rating = (penalty.numpy() for penalty in self._penalties(torch.device("cpu")))

        items = np.zeros(self.items.shape, dtype=np.float32)
        items[:, :-1] = np.random.default_rng(0).normal(0, FIRST_STD, (train.n_items, self.config.dim))
        for _ in range(self.config.sweeps):
            users = ridge(train.offsets, train.items, off - items[train.items, -1], joined(items), l2, per_rating)
            items = ridge(item_starts, its_users, its_off - users[its_users, -1], joined(users), l2, per_rating)
        self.mean.fill_(float(mean))
        self.users.copy_(torch.from_numpy(users))
        self.items.copy_(torch.from_numpy(items))

    def score(self, query: Query) -> Tensor:
        people = self._people(query)
        return dots_with_biases(people, self.items).add_(self.mean + people[:, -1:])

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        left, right = self._people(query)[people], self.items[items]
        return self.mean + left[:, -1] + right[:, -1] + (left[:, :-1] * right[:, :-1]).sum(1)

    def user_vectors(self) -> Tensor:
        return self.users[:, :-1]

    def item_vectors(self) -> Tensor:
        return self.items[:, :-1]

    def _penalties(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """On the square of each number of a vector and its bias: once, and for each rating -> (dim + 1,) twice."""
        l2 = torch.full((self.config.dim + 1,), self.config.l2, device=device)
        per_rating = torch.full_like(l2, self.config.l2_per_rating)
        l2[-1], per_rating[-1] = self.config.bias_l2, 0
        return l2, per_rating

    def _people(self, query: Query) -> Tensor:
        """-> (B, dim + 1): what was learned of a person known, what their ratings say of a person never seen."""
        return query.people(self.users, self._fold_in)

    def _fold_in(self, items: Tensor, ratings: Tensor) -> Tensor:
        """Histories (B, L) -> (B, dim + 1): the ridge regression of `solve`, for people in a batch."""
        known = (items != PADDING).float().unsqueeze(2)  # (B, L, 1)
        theirs = self.items[items.clamp(min=0)] * known
        target = (ratings - self.mean - theirs[..., -1]) * known.squeeze(2)
        features = torch.cat([theirs[..., :-1], known], dim=2)  # (B, L, dim + 1)
        l2, per_rating = self._penalties(items.device)
        penalty = torch.diag_embed(l2 + known.sum(1) * per_rating)
        found: Tensor = torch.linalg.solve(features.mT @ features + penalty, (features.mT @ target.unsqueeze(2)))
        return found.squeeze(2)


def joined(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the other side's vector and bias are multiplied with: (n, dim + 1) with 1 in the bias's place."""
    features = vectors.copy()
    features[:, -1] = 1
    return features
