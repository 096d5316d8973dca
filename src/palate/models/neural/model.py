"""NeuralRating: user and item embeddings, joined, through one hidden layer, to a predicted rating.

The neural recommender of a PyTorch course: two embedding tables, concatenated, a hidden layer with ReLU, one output,
squared error. It is the one-hidden-layer case of He et al., "Neural Collaborative Filtering", WWW 2017, section 3.3,
with a linear output for ratings.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from palate.data.batches import RatingBatch, RatingBatches
from palate.data.interactions import Interactions
from palate.models.contract import PADDING, BaseConfig, LearnedConfig, LearnedModel, Query
from palate.models.neural.hidden_layer import HiddenLayer
from palate.models.shared.layers import EmbeddingTable, identity

FOLD_IN_STEPS = 16
"""Points tried for a person never seen, at most, the prior mean first."""

STILL = 1e-3
"""A step so long, in spreads of people's vectors, is none any more."""

DAMPING, EASE = 1.0, 10.0
"""How much the first step is held back, and how much less every next one, or more where a step made things worse."""

LEAST_NOISE = 1e-6
"""No prediction is taken as closer than this, squared: where all ratings are the same, none would be off at all."""

NOISE_SAMPLE = 100_000
"""Training ratings, evenly spread over the table, that the noise around a prediction is measured on."""


class NeuralRatingConfig(LearnedConfig):
    """Settings of `neural`; the defaults are the preset `sgd`."""

    learning_rate: float = Field(0.08, gt=0, le=1e6, description="Size of a step.")
    average: int = Field(5, ge=1, description="Epochs whose closing weights are averaged, if a validation part judges.")
    dim: int = Field(10, ge=1, description="Numbers in an embedding.")
    hidden: int = Field(1024, ge=1, description="Units in the hidden layer.")
    init_std: float = Field(0.01, gt=0, description="Spread s of the first embeddings, drawn from N(0, s squared).")


class NeuralRating(LearnedModel):
    """rating(u, i) = mean + relu([p_u, q_i] W + b) · w + c

    A person never seen gets the vector p that explains their ratings best under the prior N(mean, covariance) of the
    learned user vectors, with items and network as they are.
    """

    Config: ClassVar[type[BaseConfig]] = NeuralRatingConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "sgd": {"optimizer": "sgd", "learning_rate": 0.08, "momentum": 0.9, "init_std": 0.01},
        "adam": {"optimizer": "adam", "learning_rate": 0.001, "init_std": 1.0},
    }
    SMALL: ClassVar[Mapping[str, Any]] = {"hidden": 64, "batch_size": 16, "epochs": 40, "learning_rate": 0.01}
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False
    ANY_THREADS: ClassVar[bool] = True
    REPEATABLE: ClassVar[bool] = True

    config: NeuralRatingConfig
    mean: Tensor  # () of the training ratings
    noise: Tensor  # () variance of a rating around its prediction
    prior_mean: Tensor  # (dim,) of the users' vectors
    prior_precision: Tensor  # (dim, dim) inverse of their covariance

    def __init__(self, config: NeuralRatingConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.vectors = EmbeddingTable(n_users + n_items, config.dim)  # users first, then items
        self.network = HiddenLayer(2 * config.dim, config.hidden)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("noise", torch.ones(()))
        self.register_buffer("prior_mean", torch.zeros(config.dim))
        self.register_buffer("prior_precision", identity(config.dim))

    def start(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        self.mean.fill_(float(train.ratings.mean(dtype=np.float64)))
        self.vectors.weight.normal_(0, self.config.init_std, generator=generator)
        self.network.draw(generator)

    def batches(self, train: Interactions) -> RatingBatches:
        return RatingBatches(train, self.config.batch_size, self.device, self.mean)

    def loss(self, batch: RatingBatch) -> Tensor:
        joined = self.vectors(batch.rows).flatten(1)  # (B, 2 dim)
        return functional.mse_loss(self.network(joined), batch.ratings)

    def backward(self, batch: RatingBatch) -> Tensor:
        """Equal to automatic differentiation of `loss`, by the formulas of `HiddenLayer`."""
        lender = self.vectors.lender
        assert lender is not None
        loss, gradient = self.network.squared_error(lender.read(batch.rows), batch.ratings)
        lender.collect(batch.rows, gradient)
        return loss

    def finish(self, train: Interactions) -> None:
        assert train.ratings is not None
        events_of = ((self.user_vectors(), np.diff(train.offsets)), (self.item_vectors(), train.item_counts))
        for vectors, events in events_of:
            rated = torch.from_numpy(events > 0).to(self.device)
            vectors[~rated] = vectors[rated].mean(0)  # drawn by chance and never learned from: now as any other
        known = self.user_vectors().cpu().double()[torch.from_numpy(np.flatnonzero(np.diff(train.offsets)))]
        away = known - known.mean(0)
        one_more = self.config.init_std**2 * torch.eye(self.config.dim)  # counts as a person: few alone span no space
        self.prior_mean.copy_(known.mean(0))
        self.prior_precision.copy_(torch.linalg.inv((away.T @ away + one_more) / (len(known) + 1)))

        some = slice(None, None, -(-len(train) // NOISE_SAMPLE))
        columns = (train.users, train.items, train.ratings)
        users, items, ratings = (torch.from_numpy(column[some]).to(self.device) for column in columns)
        error = self._rating(self.user_vectors()[users], items) - ratings
        self.noise.copy_(error.square().mean().clamp(min=LEAST_NOISE))

    def score(self, query: Query) -> Tensor:
        return self.network.pairs(self._people(query), self.item_vectors()).add_(self.mean)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._rating(self._people(query)[people], items)

    def user_vectors(self) -> Tensor:
        return self.vectors.weight[: self.n_users].detach()

    def item_vectors(self) -> Tensor:
        return self.vectors.weight[self.n_users :].detach()

    def _rating(self, people: Tensor, items: Tensor) -> Tensor:
        """People's vectors (N, dim) and item rows (N,) -> (N,)"""
        return self.network.values(torch.cat([people, self.item_vectors()[items]], dim=1)) + self.mean

    def _people(self, query: Query) -> Tensor:
        """-> (B, dim): the learned vector of a person known, a fitted one for a person never seen."""
        return query.people(self.user_vectors(), self._fold_in)

    def _fold_in(self, items: Tensor, ratings: Tensor) -> Tensor:
        """Histories (B, L) -> (B, dim): Levenberg-Marquardt from the prior mean, with a damping for each person.

        The network is piecewise linear, so a step is exact within the piece it starts in. One that ends in another and
        is no better is tried again, shorter. Marquardt, "An Algorithm for Least-Squares Estimation of Nonlinear
        Parameters", SIAM Journal 1963, with the prior's precision in place of the identity.
        """
        known = (items != PADDING).float()  # (B, L)
        vectors = self.item_vectors()[items.clamp(min=0)]  # (B, L, dim)
        target = (ratings - self.mean) * known  # (B, L)
        best = trial = self.prior_mean.expand(len(items), -1)  # (B, dim)
        least = best.new_full((len(items),), torch.inf)
        hessian, pull = best.new_zeros(len(items), *self.prior_precision.shape), torch.zeros_like(best)
        damping = best.new_full((len(items), 1, 1), DAMPING * EASE)
        for _ in range(FOLD_IN_STEPS):
            found = self._explain(trial, vectors, target, known)
            better = found[0] < least
            least = torch.minimum(found[0], least)
            best = torch.where(better.view(-1, 1), trial, best)
            hessian = torch.where(better.view(-1, 1, 1), found[1], hessian)
            pull = torch.where(better.view(-1, 1), found[2], pull)
            damping = torch.where(better.view(-1, 1, 1), damping / EASE, damping * EASE)
            step = torch.linalg.solve(hessian + damping * self.prior_precision, pull)  # (B, dim)
            still = ((step @ self.prior_precision) * step).sum(1, keepdim=True) <= STILL**2  # (B, 1)
            if still.all():
                break
            trial = torch.where(still, best, best + step)
        return best

    def _explain(self, people: Tensor, vectors: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """How badly people (B, dim) explain what they rated -> cost (B,), half its Hessian, minus half its gradient."""
        joined = torch.cat([people.unsqueeze(1).expand_as(vectors), vectors], dim=2)  # (B, L, 2 dim)
        value, slope = (t.unflatten(0, known.shape) for t in self.network.slopes(joined.flatten(0, 1)))
        slope = slope[..., : self.config.dim] * known.unsqueeze(2)  # (B, L, dim)
        error = target - value * known  # (B, L)
        away = people - self.prior_mean
        drawn = away @ self.prior_precision
        cost = error.square().sum(1) / self.noise + (drawn * away).sum(1)
        hessian = slope.mT @ slope / self.noise + self.prior_precision  # (B, dim, dim)
        return cost, hessian, (slope.mT @ error.unsqueeze(2)).squeeze(2) / self.noise - drawn
