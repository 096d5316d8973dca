"""A list model outside Palate, as in docs/how-to/own-model.md: learned from pairs, on tables with or without ratings.

Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from palate.data.batches import RatingBatch, RatingBatches
from palate.data.interactions import Interactions
from palate.models.contract import PADDING, BaseConfig, LearnedConfig, LearnedModel, Query


class BprConfig(LearnedConfig):
    optimizer: Literal["sgd", "adam"] = Field("adam", description="Optimizer that applies the gradients.")
    dim: int = Field(16, ge=1, description="Number of latent factors (embedding size).")
    l2: float = Field(0.01, ge=0, description="L2 regularization of the vectors.")


class Bpr(LearnedModel):
    """score(u, i) = p_u · q_i + b_i; the vector of a new user is the mean of their items' vectors."""

    Config: ClassVar[type[BaseConfig]] = BprConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"dim": 4, "batch_size": 32, "epochs": 40, "learning_rate": 0.05}
    LOOKS_BACK: ClassVar[bool] = False

    config: BprConfig

    def __init__(self, config: BprConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.users = nn.Parameter(torch.zeros(n_users, config.dim))
        self.items = nn.Parameter(torch.zeros(n_items, config.dim))
        self.biases = nn.Parameter(torch.zeros(n_items))

    def start(self, train: Interactions, generator: torch.Generator) -> None:
        for vectors in (self.users, self.items):
            vectors.normal_(0, 0.1, generator=generator)

    def batches(self, train: Interactions) -> RatingBatches:
        return RatingBatches(train, self.config.batch_size, self.device)

    def loss(self, batch: RatingBatch) -> Tensor:
        items = batch.rows[:, 1] - self.n_users
        drawn = torch.randint(self.n_items, items.shape, device=items.device)
        user, item, other = self.users[batch.rows[:, 0]], self.items[items], self.items[drawn]  # (B, dim) each
        difference = (user * (item - other)).sum(1) + self.biases[items] - self.biases[drawn]  # (B,)
        squares = torch.stack([user, item, other]).square().sum(2).mean()
        return -functional.logsigmoid(difference).mean() + self.config.l2 * squares

    def finish(self, train: Interactions) -> None:
        pass

    def score(self, query: Query) -> Tensor:
        return query.people(self.users, self._fold_in) @ self.items.T + self.biases

    def _fold_in(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Return the vectors of new users, from histories (N, L) -> (N, dim)."""
        known = (histories != PADDING).unsqueeze(2)  # (N, L, 1)
        vectors = self.items[histories.clamp(min=0)] * known
        return vectors.sum(1) / known.sum(1).clamp(min=1)

    def user_vectors(self) -> Tensor:
        return self.users

    def item_vectors(self) -> Tensor:
        return self.items
