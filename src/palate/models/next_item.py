"""NextItem: a linear model that predicts each user's next item as a weighted sum of the items just before it.

Choi, Kim, Lee, Shim & Lee, "Session-aware Linear Item-Item Models for Session-based Recommendation", WWW 2021, the
transition model SLIT: ridge regression from past items to the items that follow. Here the past fades by decay^age in
place of exp(-age/δ), the next item alone is the target in place of all later ones, and all events of a user are one
session.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel
from palate.models.shared.cooccurrence import followers
from palate.models.shared.liked_history import LikedHistory, summed
from palate.system import memory

WORKING = 3.5
"""Numbers that training holds in memory for each pair of items, besides the weights."""

COLUMNS = 1024
"""Right-hand sides that are solved at a time."""


class NextItemConfig(BaseConfig):
    """Settings of `next-item`."""

    l2: float = Field(50.0, gt=0, description="L2 regularization of the item-item weights.")
    decay: float = Field(0.7, gt=0, le=1, description="Weight of each history item relative to the next newer one.")
    window: int = Field(20, ge=1, description="Number of last items of a history that the model reads.")


class NextItem(SolvedModel):
    """Linear next-item model (SLIT): `score(u, i) = Σ decay^age B_ji` over the last items j of u's history.

    The last item of the history has age 0.
    """

    Config: ClassVar[type[BaseConfig]] = NextItemConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"l2": 1000}

    config: NextItemConfig
    weights: Tensor  # (n_items, n_items): B

    def __init__(self, config: NextItemConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        memory.check_pairs("next-item", n_items, 1)
        self.history = LikedHistory(n_users, n_items)
        self.register_buffer("weights", torch.zeros(n_items, n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        """Solve B = (XᵀX + l2 I)⁻¹ XᵀY; X and Y have a row for every event that follows another of its user."""
        memory.check_pairs("next-item", self.n_items, WORKING)
        train = self.history.learn(train)
        liked = self.history.counts.nonzero().flatten()  # the weights of all other items are 0
        before, after = map(torch.from_numpy, followers(train, self.config.decay, self.config.window))
        before = before.to(self.device)[liked[:, None], liked]
        after = after.to(self.device)[liked[:, None], liked]
        before.diagonal().add_(self.config.l2)
        torch.linalg.cholesky(before, out=before)
        self.weights.zero_()
        for targets, columns in zip(after.split(COLUMNS, 1), liked.split(COLUMNS), strict=True):
            self.weights[liked[:, None], columns] = torch.cholesky_solve(targets, before)

    def score(self, query: Query) -> Tensor:
        return self.history.or_popular(self.evidence(query), query.histories)

    def evidence(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay, self.config.window, repeats="sum")
        return summed(weights, self.weights)
