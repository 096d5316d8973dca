"""What the ratings of people never seen make of the prior, in every draw of `bayes` at once.

A person's vector is a ridge regression of what they rated towards the prior. What it depends on, the latent values of
levels or the precision of numbers, is fitted with it by mean-field steps, each given what the other is expected to be.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from palate.models.bayes.priors import mean_within

LATENT_STEPS, NOISE_STEPS = 12, 3
"""To the latent values of somebody's ratings, and to how exact they are."""


@dataclass(frozen=True)
class Histories:
    """What B people rated, at most L items each, as D draws of these items see it."""

    features: Tensor  # (B, D, L, w) the items' vectors and a 1; all 0 where there is no more
    biases: Tensor  # (B, D, L, 1) of the items
    means: Tensor  # (D, w) of the prior
    precisions: Tensor  # (D, w, w) of the prior
    normals: Tensor  # (D, w) what makes a draw of a mean

    def among(self, draws: slice) -> "Histories":
        """The same, as some of the draws see it."""
        of_people = self.features[:, draws], self.biases[:, draws]
        return Histories(*of_people, self.means[draws], self.precisions[draws], self.normals[draws])

    def of_levels(self, low: Tensor, high: Tensor) -> Tensor:
        """Ratings that say between which values (B, 1, L, 1) the latent one is, with a noise of 1 -> (B, D, w)"""
        x, pull = self.features, self.precisions @ self.means.unsqueeze(2)
        factors = torch.linalg.cholesky(self.precisions + x.mT @ x)
        found = self.means.unsqueeze(2).expand(len(x), -1, -1, -1)
        for _ in range(LATENT_STEPS):
            latent = mean_within(x @ found + self.biases, low, high)
            found = torch.cholesky_solve(pull + x.mT @ (latent - self.biases), factors)
        return self._drawn(found, factors)

    def of_numbers(self, values: Tensor, weights: Tensor, shape: Tensor, rate: Tensor) -> Tensor:
        """Ratings (B, 1, L, 1) whose noise has these precisions (B, 1, L, 1), 0 where there is no rating, times one of
        the person's own, which is Gamma(shape, rate) -> (B, D, w)"""
        x, y = self.features * weights.sqrt(), (values - self.biases) * weights.sqrt()
        gram, pulled, pull = x.mT @ x, x.mT @ y, self.precisions @ self.means.unsqueeze(2)
        ratings = (weights > 0).sum(2, keepdim=True)  # (B, 1, 1, 1)
        exact = (shape / rate).expand(len(x), self.means.shape[0], 1, 1)
        for _ in range(NOISE_STEPS):
            factors = torch.linalg.cholesky(self.precisions + exact * gram)
            found = torch.cholesky_solve(pull + exact * pulled, factors)
            unsure = torch.linalg.solve_triangular(factors, x.mT, upper=False).square().sum((2, 3), keepdim=True)
            squares = (y - x @ found).square().sum(2, keepdim=True) + unsure  # (B, D, 1, 1)
            exact = (shape + ratings / 2) / (rate + squares / 2)
        return self._drawn(found, factors)

    def _drawn(self, means: Tensor, factors: Tensor) -> Tensor:
        """Draws around means (B, D, w, 1), of precisions with these Cholesky factors -> (B, D, w)"""
        drawn: Tensor = means + torch.linalg.solve_triangular(factors.mT, self.normals.unsqueeze(2), upper=True)
        return drawn.squeeze(3)
