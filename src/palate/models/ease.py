"""Ease: the linear model that best writes everybody's items as a sum over their other items.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation (8) and algorithm 1, where no item may
stand in its own sum; it may up to a bound (`own`) in Moon, Kim & Lee, "It's Enough: Relaxing Diagonal Constraints in
Linear Autoencoders for Recommendation", SIGIR 2023, which shrinks the weights of rarely liked items less. What an item
would say of itself is not kept: lists hold what is new.

Beyond the papers the last items of a history may weigh more, when scores are asked for. Where there are times, who was
there lately may count for more in training. And where there are ratings, what was taken and not liked may count for
something in what is written, though never in what it is written as a sum over: people like more of what they take than
of what they do not.
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
"""Numbers that training holds for each pair of items beside the weights."""


class EaseConfig(BaseConfig):
    """Settings of `ease`."""

    l2: float = Field(500.0, gt=0, description="Penalty on a weight's square.")
    decay: float = Field(1.0, gt=0, le=1, description="Weight of an item in a history against the one after it.")
    taken: float = Field(
        0.25, ge=0, le=1, description="What an item that was rated low counts, where one that was liked counts 1."
    )
    own: float = Field(0.0, ge=0, le=1, description="The most that an item may weigh in its own sum.")
    half_life: float | None = Field(
        None,
        gt=0,
        description="Days since a person's last event after which they count half in training, where there are times; "
        "none: all count the same.",
    )


class Ease(SolvedModel):
    """score(u, i) = Σ decay^age B_ji over the items j of u's history, age counted from its end"""

    Config: ClassVar[type[BaseConfig]] = EaseConfig

    config: EaseConfig
    weights: Tensor  # (n_items, n_items), the paper's B

    def __init__(self, config: EaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        memory.check_pairs("ease", n_items, 1)
        self.history = LikedHistory(n_items)
        self.register_buffer("weights", torch.zeros(n_items, n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        likes = self.history.learn(train)
        taken = self.config.taken if len(likes) < len(train) else 0.0
        memory.check_pairs("ease", self.n_items, WORKING + bool(taken))
        pairs = Pairs.of(likes)
        counting = self._counting(train)
        liked = self.history.counts.nonzero().flatten()  # the weights of all other items are 0
        gram = self._counted(pairs, pairs, counting, liked)
        if taken:
            more = self._counted(pairs, Pairs.of(train), counting, liked).sub_(gram).mul_(taken)
        gram.diagonal().add_(self.config.l2)
        torch.cholesky_inverse(torch.linalg.cholesky(gram), out=gram)
        excess = torch.full_like(liked, 1 - self.config.own, dtype=gram.dtype)
        if taken:
            more = gram @ more
            excess += more.diagonal()
        # P Xᵀ(X + more), P = (XᵀX + l2 I)⁻¹, of which P XᵀX = I - l2 P, less as much of P as holds the diagonal down
        gram *= -(excess / gram.diagonal()).clamp(min=self.config.l2)
        if taken:
            gram += more
        gram.diagonal().zero_()
        self.weights.zero_()[liked[:, None], liked] = gram

    def _counting(self, train: Interactions) -> NDArray[np.float32] | None:
        """What each person counts (n_users,), 1 in the mean over events; None: 1 for all."""
        if self.config.half_life is None or train.times is None:
            return None
        last = np.full(self.n_users, -np.inf)
        np.maximum.at(last, train.users, train.times)
        weights = 0.5 ** ((train.times.max() - last) / (self.config.half_life * DAY))  # 0 of who has no event
        found: NDArray[np.float32] = (weights / weights[train.users].mean()).astype(np.float32)
        return found

    def _counted(self, pairs: Pairs, others: Pairs, counting: NDArray[np.float32] | None, items: Tensor) -> Tensor:
        """How many people have one item in `pairs` and another in `others` -> (n, n) for n items"""
        found = torch.from_numpy(pairs.together(0, self.n_items, others, counting)).to(self.device)
        return found[items[:, None], items]

    def score(self, query: Query) -> Tensor:
        weights = self.history.weights(query, self.config.decay)
        return self.history.or_popular(summed(weights, self.weights), weights)
