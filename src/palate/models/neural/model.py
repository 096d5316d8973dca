"""NeuralRating: user and item embeddings, joined, pass through one hidden layer to a predicted rating.

The neural recommender of a PyTorch course: two embedding tables, concatenated, a hidden layer with ReLU, one output,
squared error. It is the one-hidden-layer case of He et al., "Neural Collaborative Filtering", WWW 2017, section 3.3,
with a linear output for ratings.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from palate.data.batches import RatingBatch, RatingBatches
from palate.data.interactions import Interactions
from palate.models.contract import PADDING, BaseConfig, LearnedConfig, LearnedModel, Query
from palate.models.neural.hidden_layer import HiddenLayer
from palate.models.shared.layers import EmbeddingTable, identity

FOLD_IN_STEPS = 16
"""Maximum number of points that fold-in of a new user tries, the prior mean first."""

TOLERANCE = 1e-3
"""Fold-in stops when the step is below this fraction of the prior's spread."""

DAMPING, DAMPING_FACTOR = 1.0, 10.0
"""Damping of the first step, and the factor by which it falls after a better step and rises after a worse one."""

LEAST_NOISE = 1e-6
"""Lower bound of the noise variance in squared units, which would be 0 where all ratings are equal."""

LEAST_SPREAD, USUAL_SPREAD, LARGEST_SPREAD = 0.5, 2.25, 4.0
"""Ratings whose standard deviation is outside the bounds are learned in a unit that makes it USUAL_SPREAD, that of
ratings of 1 to 10: the learning rate and the initial weights are for such numbers."""

NOISE_SAMPLE = 100_000
"""Number of training ratings, evenly spread over the table, on which the noise around a prediction is measured."""


class NeuralRatingConfig(LearnedConfig):
    """Settings of `neural`; the defaults are the preset `sgd`."""

    learning_rate: float = Field(0.08, gt=0, le=1e6, description="Learning rate.")
    average: int = Field(5, ge=1, description="Average the weights of this many last epochs (needs a validation part).")
    dim: int = Field(10, ge=1, description="Embedding size.")
    hidden: int = Field(1024, ge=1, description="Number of units in the hidden layer.")
    init_std: float = Field(0.01, gt=0, description="Standard deviation of the initial embeddings.")


class NeuralRating(LearnedModel):
    """Neural network with one hidden layer: `rating(u, i) = mean + relu([p_u, q_i] W + b) · w + c`.

    A new user (cold start) gets the vector p that best explains their ratings under the prior N(mean, covariance) of
    the learned user vectors, with items and network fixed (fold-in).
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
        self.unit = 1.0  # ratings in the network's output of 1; above or below 1 only while it learns
        self.vectors = EmbeddingTable(n_users + n_items, config.dim)  # users first, then items
        self.network = HiddenLayer(2 * config.dim, config.hidden)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("noise", torch.ones(()))
        self.register_buffer("prior_mean", torch.zeros(config.dim))
        self.register_buffer("prior_precision", identity(config.dim))

    def start(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        self.mean.fill_(float(train.ratings.mean(dtype=np.float64)))
        self.unit = unit_of(train.ratings)
        self.vectors.weight.normal_(0, self.config.init_std, generator=generator)
        self.network.draw(generator)

    def batches(self, train: Interactions) -> RatingBatches:
        batches = RatingBatches(train, self.config.batch_size, self.device, self.mean)
        batches.ratings /= self.unit
        return batches

    def loss(self, batch: RatingBatch) -> Tensor:
        joined = self.vectors(batch.rows).flatten(1)  # (B, 2 dim)
        return functional.mse_loss(self.network(joined), batch.ratings)

    def backward(self, batch: RatingBatch) -> Tensor:
        """Compute the gradients of `loss` by the formulas of `HiddenLayer`, equal to automatic differentiation.

        The loss that it returns is in squared ratings, that of `loss` in squared units.
        """
        lender = self.vectors.lender
        assert lender is not None
        loss, gradient = self.network.squared_error(lender.read(batch.rows), batch.ratings)
        lender.collect(batch.rows, gradient)
        return loss if self.unit == 1 else loss * self.unit**2

    def finish(self, train: Interactions) -> None:
        assert train.ratings is not None
        unit, self.unit = self.unit, 1.0
        for part in self.network.parts(self.network.flat.data)[1:]:
            part.mul_(unit)  # from now on the output is in ratings
        sides = ((self.user_vectors(), np.diff(train.offsets)), (self.item_vectors(), train.item_counts))
        for vectors, events in sides:
            rated = torch.from_numpy(events > 0).to(self.device)
            vectors[~rated] = vectors[rated].mean(0)  # untrained rows become the mean
        known = self.user_vectors().cpu().double()[torch.from_numpy(np.flatnonzero(np.diff(train.offsets)))]
        centred = known - known.mean(0)
        ridge = self.config.init_std**2 * torch.eye(self.config.dim)  # counts as one user: few alone span no space
        self.prior_mean.copy_(known.mean(0))
        self.prior_precision.copy_(torch.linalg.inv((centred.T @ centred + ridge) / (len(known) + 1)))

        sample = slice(None, None, -(-len(train) // NOISE_SAMPLE))
        columns = (train.users, train.items, train.ratings)
        users, items, ratings = (torch.from_numpy(column[sample]).to(self.device) for column in columns)
        error = self._rating(self.user_vectors()[users], items) - ratings
        self.noise.copy_(error.square().mean().clamp(min=LEAST_NOISE * unit**2))

    def score(self, query: Query) -> Tensor:
        values = self.network.pairs(self._vectors(query), self.item_vectors())
        return torch.add(self.mean, values, alpha=self.unit, out=values)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._rating(self._vectors(query)[people], items)

    def user_vectors(self) -> Tensor:
        return self.vectors.weight[: self.n_users].detach()

    def item_vectors(self) -> Tensor:
        return self.vectors.weight[self.n_users :].detach()

    def _rating(self, users: Tensor, items: Tensor) -> Tensor:
        """Return the ratings of pairs of user vectors (N, dim) and item rows (N,) -> (N,)"""
        values = self.network.values(torch.cat([users, self.item_vectors()[items]], dim=1))
        return torch.add(self.mean, values, alpha=self.unit)

    def _vectors(self, query: Query) -> Tensor:
        """Return each user's vector: learned in training, or by fold-in for a new user -> (B, dim)"""
        return query.people(self.user_vectors(), self._fold_in)

    def _fold_in(self, items: Tensor, ratings: Tensor) -> Tensor:
        """Fit the vectors of new users by Levenberg-Marquardt from the prior mean: histories (B, L) -> (B, dim)

        The network is piecewise linear, so a step is exact within the piece it starts in. A step that ends in another
        piece and is no better is repeated with more damping; each user has their own. Marquardt, "An Algorithm for
        Least-Squares Estimation of Nonlinear Parameters", SIAM Journal 1963, with the prior's precision in place of the
        identity.
        """
        known = (items != PADDING).float()  # (B, L)
        vectors = self.item_vectors()[items.clamp(min=0)]  # (B, L, dim)
        target = (ratings - self.mean) * known  # (B, L)
        best = trial = self.prior_mean.expand(len(items), -1)  # (B, dim)
        least_cost = best.new_full((len(items),), torch.inf)
        hessian, pull = best.new_zeros(len(items), *self.prior_precision.shape), torch.zeros_like(best)
        damping = best.new_full((len(items), 1, 1), DAMPING * DAMPING_FACTOR)
        for _ in range(FOLD_IN_STEPS):
            cost, trial_hessian, trial_pull = self._cost(trial, vectors, target, known)
            better = cost < least_cost
            least_cost = torch.minimum(cost, least_cost)
            best = torch.where(better.view(-1, 1), trial, best)
            hessian = torch.where(better.view(-1, 1, 1), trial_hessian, hessian)
            pull = torch.where(better.view(-1, 1), trial_pull, pull)
            damping = torch.where(better.view(-1, 1, 1), damping / DAMPING_FACTOR, damping * DAMPING_FACTOR)
            step = torch.linalg.solve(hessian + damping * self.prior_precision, pull)  # (B, dim)
            converged = ((step @ self.prior_precision) * step).sum(1, keepdim=True) <= TOLERANCE**2  # (B, 1)
            if converged.all():
                break
            trial = torch.where(converged, best, best + step)
        return best

    def _cost(self, users: Tensor, vectors: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the cost (B,) of user vectors (B, dim) given the ratings, half its Hessian, and minus half its
        gradient."""
        joined = torch.cat([users.unsqueeze(1).expand_as(vectors), vectors], dim=2)  # (B, L, 2 dim)
        value, slope = (t.unflatten(0, known.shape) for t in self.network.slopes(joined.flatten(0, 1)))
        slope = slope[..., : self.config.dim] * known.unsqueeze(2)  # (B, L, dim)
        error = target - value * known  # (B, L)
        centred = users - self.prior_mean
        prior_pull = centred @ self.prior_precision
        cost = error.square().sum(1) / self.noise + (prior_pull * centred).sum(1)
        hessian = slope.mT @ slope / self.noise + self.prior_precision  # (B, dim, dim)
        return cost, hessian, (slope.mT @ error.unsqueeze(2)).squeeze(2) / self.noise - prior_pull


def unit_of(ratings: NDArray[np.float32]) -> float:
    """Return the unit that ratings (n,) are learned in: 1, unless their standard deviation is far from USUAL_SPREAD."""
    spread = float(ratings.std(dtype=np.float64))
    return 1.0 if spread == 0 or LEAST_SPREAD <= spread <= LARGEST_SPREAD else spread / USUAL_SPREAD
