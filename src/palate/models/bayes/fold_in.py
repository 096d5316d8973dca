"""Fold-in of `bayes`: the posterior of a new user's vector given their ratings, in all draws at once.

A new user's vector is a ridge regression of their ratings towards the prior. The regression depends on the latent
values of levels, or on the noise precision of numbers. These are fitted together with the vector by mean-field steps:
each is set given the expectation of the other.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from palate.models.bayes.priors import mean_within

LATENT_STEPS, NOISE_STEPS = 12, 3
"""Mean-field steps for the latent values of a user's ratings, and for their noise precision."""


@dataclass(frozen=True)
class Histories:
    """The rated items of B users, at most L each, with the item vectors of D draws."""

    features: Tensor  # (B, D, L, w) the items' vectors and a 1; all 0 at padding
    biases: Tensor  # (B, D, L, 1) of the items
    means: Tensor  # (D, w) of the prior
    precisions: Tensor  # (D, w, w) of the prior
    normals: Tensor  # (D, w) standard normal numbers that turn a mean into a draw

    def among(self, draws: slice) -> "Histories":
        """Return the histories with only these draws."""
        features, biases = self.features[:, draws], self.biases[:, draws]
        return Histories(features, biases, self.means[draws], self.precisions[draws], self.normals[draws])

    def of_levels(self, low: Tensor, high: Tensor) -> Tensor:
        """Draw each user's vector from ratings as levels -> (B, D, w).

        low, high: (B, 1, L, 1) the bounds of each rating's latent value, whose noise has variance 1.
        """
        x, pull = self.features, self.precisions @ self.means.unsqueeze(2)
        factors = torch.linalg.cholesky(self.precisions + x.mT @ x)
        vectors = self.means.unsqueeze(2).expand(len(x), -1, -1, -1)
        for _ in range(LATENT_STEPS):
            latent = mean_within(x @ vectors + self.biases, low, high)
            vectors = torch.cholesky_solve(pull + x.mT @ (latent - self.biases), factors)
        return self._drawn(vectors, factors)

    def of_numbers(self, values: Tensor, weights: Tensor, shape: Tensor, rate: Tensor) -> Tensor:
        """Draw each user's vector from ratings as numbers, values (B, 1, L, 1) -> (B, D, w).

        weights: (B, 1, L, 1) the noise precision of each rating, 0 at padding; it is multiplied by a precision of the
        user, which is Gamma(shape, rate).
        """
        x, y = self.features * weights.sqrt(), (values - self.biases) * weights.sqrt()
        gram, moment, pull = x.mT @ x, x.mT @ y, self.precisions @ self.means.unsqueeze(2)
        ratings = (weights > 0).sum(2, keepdim=True)  # (B, 1, 1, 1)
        noise_precision = (shape / rate).expand(len(x), self.means.shape[0], 1, 1)
        for _ in range(NOISE_STEPS):
            factors = torch.linalg.cholesky(self.precisions + noise_precision * gram)
            vectors = torch.cholesky_solve(pull + noise_precision * moment, factors)
            variance = torch.linalg.solve_triangular(factors, x.mT, upper=False).square().sum((2, 3), keepdim=True)
            squares = (y - x @ vectors).square().sum(2, keepdim=True) + variance  # (B, D, 1, 1)
            noise_precision = (shape + ratings / 2) / (rate + squares / 2)
        return self._drawn(vectors, factors)

    def _drawn(self, means: Tensor, factors: Tensor) -> Tensor:
        """Draw from normals with means (B, D, w, 1) and precisions with these Cholesky factors -> (B, D, w)"""
        drawn: Tensor = means + torch.linalg.solve_triangular(factors.mT, self.normals.unsqueeze(2), upper=True)
        return drawn.squeeze(3)
