"""Ease: a linear item-item model that reconstructs each user's items as a weighted sum of their other items.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation (8) and algorithm 1, where no item may
take part in its own sum. The setting `own` allows it up to a bound: Moon, Kim & Lee, "It's Enough: Relaxing Diagonal
Constraints in Linear Autoencoders for Recommendation", SIGIR 2023; this shrinks the weights of rarely liked items less.
The diagonal itself is not kept, because lists leave out the items of the history.

Three settings go beyond the papers. `decay` gives the last items of a history more weight when scores are computed.
`half_life` gives users with recent events more weight in training, where the table has times. `taken` gives items that
were rated low some weight among the targets, where the table has ratings, but never among the inputs: users like items
that they chose more often than items that they never chose, even if they rated some of them low.
"""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from palate.data.interactions import DAY, Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel
from palate.models.shared.cooccurrence import Pairs
from palate.models.shared.liked_history import LikedHistory, summed
from palate.system import memory

WORKING = 3.5
"""Numbers that training holds in memory for each pair of items, besides the weights."""


class EaseConfig(BaseConfig):
    """Settings of `ease`."""

    l2: float = Field(500.0, gt=0, description="L2 regularization of the item-item weights.")
    decay: float = Field(1.0, gt=0, le=1, description="Weight of each history item relative to the next newer one.")
    taken: float = Field(
        0.25, ge=0, le=1, description="Weight of an item that a user rated low, where a liked item has weight 1."
    )
    own: float = Field(0.0, ge=0, le=1, description="Upper bound of an item's weight on itself; 0 as in EASE.")
    half_life: float | None = Field(
        None,
        gt=0,
        description="Half-life of a user's weight in training, in days since their last event (needs times); "
        "if not set, all users have weight 1.",
    )


class Ease(SolvedModel):
    """Linear item-item model (EASE): `score(u, i) = Σ decay^age B_ji` over the items j of u's history.

    The last item of the history has age 0.
    """

    Config: ClassVar[type[BaseConfig]] = EaseConfig

    config: EaseConfig
    weights: Tensor  # (n_items, n_items): B of the paper

    def __init__(self, config: EaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        memory.check_pairs("ease", n_items, 1)
        self.history = LikedHistory(n_users, n_items)
        self.register_buffer("weights", torch.zeros(n_items, n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        likes = self.history.learn(train)
        taken = self.config.taken if len(likes) < len(train) else 0.0
        memory.check_pairs("ease", self.n_items, WORKING + bool(taken))
        pairs = Pairs.of(likes)
        user_weights = self._user_weights(train)
        liked = self.history.counts.nonzero().flatten()  # the weights of all other items are 0
        gram = self._cooccurrence(pairs, pairs, user_weights, liked)
        if taken:
            extra = self._cooccurrence(pairs, Pairs.of(train), user_weights, liked).sub_(gram).mul_(taken)
        gram.diagonal().add_(self.config.l2)
        torch.cholesky_inverse(torch.linalg.cholesky(gram), out=gram)
        excess = torch.full_like(liked, 1 - self.config.own, dtype=gram.dtype)
        if taken:
            extra = gram @ extra
            excess += extra.diagonal()
        # B = P Xᵀ(X + extra) less the multiple of P that keeps the diagonal within `own`; P = (XᵀX + l2 I)⁻¹, so
        # P XᵀX = I - l2 P
        gram *= -(excess / gram.diagonal()).clamp(min=self.config.l2)
        if taken:
            gram += extra
        gram.diagonal().zero_()
        self.weights.zero_()[liked[:, None], liked] = gram

    def _user_weights(self, train: Interactions) -> NDArray[np.float32] | None:
        """Return each user's weight (n_users,), with mean 1 over the events; None stands for 1 everywhere."""
        if self.config.half_life is None or train.times is None or train.now is None:
            return None
        last = np.full(self.n_users, -np.inf)
        np.maximum.at(last, train.users, train.times)
        weights = 0.5 ** ((train.now - last).clip(min=0) / (self.config.half_life * DAY))  # 0 without events
        scaled: NDArray[np.float32] = (weights / weights[train.users].mean()).astype(np.float32)
        return scaled

    def _cooccurrence(
        self, pairs: Pairs, others: Pairs, user_weights: NDArray[np.float32] | None, items: Tensor
    ) -> Tensor:
        """Count the users who have one item in `pairs` and the other in `others` -> (n, n) for n items"""
        counts = torch.from_numpy(pairs.together(0, self.n_items, others, user_weights)).to(self.device)
        return counts[items[:, None], items]

    def score(self, query: Query) -> Tensor:
        return self.history.or_popular(self.evidence(query), query.histories)

    def evidence(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay)
        return summed(weights, self.weights)
