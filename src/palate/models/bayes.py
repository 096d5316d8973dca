"""BayesianFactorization: matrix factorization that keeps many plausible vectors of everyone, and averages over them.

Salakhutdinov & Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte Carlo", ICML 2008, sections
3.1 to 3.3, by block Gibbs sampling, a row at a time; the best of the rating models that Rendle et al., "On the
Difficulty of Evaluating Baselines", 2019, section 3, compared. As there, what a person or item rated shifts the mean
of their prior, and so do an item's categories: Simm et al., "Macau", MLSP 2017. Ratings are either numbers with normal
noise or ordered levels of a latent value (Albert & Chib, JASA 1993, section 4).

Differences: biases are the last number of a vector, drawn with it. Of a link's matrix the leading singular vectors are
kept. Draws are kept from the second half of the chain. A level is predicted from the mean and variance of the latent
value over the draws, as if that were normal. A newcomer's prior is what the people in training are like, whatever they
took, as what newcomers took is not yet what people take; the latent values of their ratings are fitted by mean-field
steps, not drawn.

It holds samples * (n_users + n_items) * (dim + 1) numbers: 65 MB for MovieLens 1M as set.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.chain import LEVELS, Chain, Likelihood, Links
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel
from palate.models.gibbs import below, mean_within, posterior

NEVER = 1e6
"""The cutpoint before a level that there is not."""

MEAN_FIELD = 12
"""Steps to the latent values of a newcomer's ratings."""

NUMBERS = 2**23
"""Held at once when people's ratings are predicted."""


class BayesConfig(BaseConfig):
    """Settings of `bayes`."""

    dim: int = Field(16, ge=1, description="Numbers in a vector.")
    sweeps: int = Field(500, ge=2, description="How often everything is drawn, given the rest.")
    samples: int = Field(100, ge=1, description="Draws that are kept, evenly from the second half of the sweeps.")
    likelihood: Likelihood = Field("ordinal", description="What a rating is: a level or a number.")
    links: Links = Field("both", description="Whose prior their events shift.")
    categories: bool = Field(True, description="Whether an item's categories shift its prior.")

    @model_validator(mode="after")
    def _enough_sweeps(self) -> "BayesConfig":
        if self.samples > self.sweeps // 2:
            raise ValueError(f"samples: {self.samples} can't be kept of the second half of {self.sweeps} sweeps")
        return self


class BayesianFactorization(SolvedModel):
    """rating(u, i) = mean over draws of c + b_u + b_i + p_u · q_i, or of the level that this latent value falls in."""

    Config: ClassVar[type[BaseConfig]] = BayesConfig
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False

    config: BayesConfig
    mean: Tensor  # () c
    users: Tensor  # (n_users, samples, dim + 1): vector and bias in each draw
    items: Tensor  # (n_items, samples, dim + 1)
    people_means: Tensor  # (samples, dim + 1): a newcomer's prior
    people_precisions: Tensor  # (samples, dim + 1, dim + 1)
    noise_precisions: Tensor  # (samples,)
    normals: Tensor  # (samples, dim + 1): what makes a draw of a newcomer's mean
    levels: Tensor  # (LEVELS,) ratings, ascending, the last repeated
    cutpoints: Tensor  # (LEVELS - 1,)

    def __init__(self, config: BayesConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        samples, width = config.samples, config.dim + 1
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("users", torch.zeros(n_users, samples, width))
        self.register_buffer("items", torch.zeros(n_items, samples, width))
        self.register_buffer("people_means", torch.zeros(samples, width))
        self.register_buffer("people_precisions", torch.eye(width).repeat(samples, 1, 1))
        self.register_buffer("noise_precisions", torch.ones(samples))
        self.register_buffer("normals", torch.zeros(samples, width))
        self.register_buffer("levels", torch.zeros(LEVELS))
        self.register_buffer("cutpoints", torch.full((LEVELS - 1,), NEVER))

    @property
    def ordinal(self) -> bool:
        return self.config.likelihood == "ordinal"

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        random = np.random.default_rng(int(seed))
        config = self.config
        chain = Chain(train, config.dim, config.likelihood, config.links, config.categories, random)
        every = config.sweeps // (2 * config.samples)
        cutpoints = np.zeros_like(chain.cutpoints.inner)
        for sweep in range(config.sweeps):
            chain.sweep(adapt=sweep < config.sweeps // 2)
            left, beyond = divmod(config.sweeps - 1 - sweep, every)
            if beyond or left >= config.samples:
                continue
            self._keep(config.samples - 1 - left, chain)
            cutpoints += (chain.cutpoints.inner - chain.cutpoints.centre) / config.samples
        normals = random.standard_normal((config.samples, config.dim + 1))
        self.normals.copy_(torch.from_numpy(normals - normals.mean(0)))
        self.mean.fill_(chain.mean)
        self.levels.copy_(torch.from_numpy(np.pad(chain.levels, (0, LEVELS - len(chain.levels)), mode="edge")))
        self.cutpoints[: len(cutpoints)] = torch.from_numpy(cutpoints)

    def _keep(self, at: int, chain: Chain) -> None:
        """Note a draw; latent values are counted from the mean of the cutpoints."""
        self.users[:, at] = torch.from_numpy(chain.users)
        self.items[:, at] = torch.from_numpy(chain.items)
        if self.ordinal:
            self.items[:, at, -1] -= chain.cutpoints.centre
        mean, scatter, n = posterior(chain.users.astype(np.float64))
        self.people_means[at] = torch.from_numpy(mean)
        self.people_precisions[at] = torch.from_numpy((len(mean) + n) * np.linalg.inv(scatter))
        self.noise_precisions[at] = chain.noise_precision

    def score(self, query: Query) -> Tensor:
        people = query.people(self.users, self._fold_in).transpose(0, 1)  # (samples, B, dim + 1)
        items = self.items.transpose(0, 1)  # (samples, n_items, dim + 1)
        found = []
        for some in people.split(max(1, NUMBERS // items[..., 0].numel()), dim=1):
            fitted = torch.baddbmm(items[:, None, :, -1], some[..., :-1], items[..., :-1].mT) + some[..., -1:]
            found.append(self._expected(*torch.var_mean(fitted, 0, correction=0)))
        return torch.cat(found) if found else self.items.new_empty(0, self.n_items)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._expected(*self._moments(query, people, items))

    def spread(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        variance, mean = self._moments(query, people, items)
        if not self.ordinal:
            return (variance + (1 / self.noise_precisions).mean()).sqrt()
        squared = self._expected(variance, mean, power=2)
        return (squared - self._expected(variance, mean) ** 2).clamp(min=0).sqrt()

    def user_vectors(self) -> Tensor:
        """All draws side by side: a product is their sum over the draws."""
        return self.users[..., :-1].flatten(1)

    def item_vectors(self) -> Tensor:
        return self.items[..., :-1].flatten(1)

    def _moments(self, query: Query, people: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Variance and mean over the draws of each pair's latent value, less c -> (N,) twice"""
        vectors = query.people(self.users, self._fold_in)
        size = max(1, NUMBERS // self.users[0].numel())
        variance, mean = torch.empty(len(people), device=people.device), torch.empty(len(people), device=people.device)
        for start in range(0, len(people), size):
            some = slice(start, start + size)
            left, right = vectors[people[some]], self.items[items[some]]
            fitted = left[..., -1] + right[..., -1] + (left[..., :-1] * right[..., :-1]).sum(-1)  # (N, samples)
            variance[some], mean[some] = torch.var_mean(fitted, 1, correction=0)
        return variance, mean

    def _expected(self, variance: Tensor, mean: Tensor, power: int = 1) -> Tensor:
        """The rating, or its square, of latent values with this variance and mean, before noise."""
        if not self.ordinal:
            return self.mean + mean
        scale = (1 + variance).sqrt_()
        levels = self.levels**power
        found = levels[0].expand_as(mean).clone()
        for step, cutpoint in zip(levels.diff().tolist(), self.cutpoints.tolist(), strict=True):
            if cutpoint < NEVER:
                found += step * below((mean - cutpoint) / scale)
        return found

    def _fold_in(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Histories (B, L) -> (B, samples, dim + 1)"""
        size = max(1, NUMBERS // (max(histories.shape[1], self.config.dim + 1) * self.users[0].numel()))
        parts = zip(histories.split(size), ratings.split(size), strict=True)
        return torch.cat([self._fold_in_some(*part) for part in parts])

    def _fold_in_some(self, histories: Tensor, ratings: Tensor) -> Tensor:
        known = (histories != PADDING).float()[:, None, :, None]  # (B, 1, L, 1)
        features = self.items[histories.clamp(min=0)].transpose(1, 2) * known  # (B, samples, L, dim + 1)
        biases = features[..., -1:].clone()
        features[..., -1:] = known
        noise = self.noise_precisions[:, None, None]
        precisions = self.people_precisions + noise * features.mT @ features
        factors = torch.linalg.cholesky(precisions)
        prior = self.people_precisions @ self.people_means.unsqueeze(2)  # (samples, dim + 1, 1)

        def solved(values: Tensor) -> Tensor:
            return torch.cholesky_solve(prior + noise * features.mT @ ((values - biases) * known), factors)

        if self.ordinal:
            edges = torch.cat([self.cutpoints.new_tensor([-NEVER]), self.cutpoints, self.cutpoints.new_tensor([NEVER])])
            ranks = (ratings.unsqueeze(-1) - self.levels).abs().argmin(-1)[:, None, :, None]
            low, high = edges[ranks], edges[ranks + 1]
            found = self.people_means.unsqueeze(2).expand(len(histories), -1, -1, -1)
            for _ in range(MEAN_FIELD):
                found = solved(mean_within(features @ found + biases, low, high))
        else:
            found = solved((ratings - self.mean)[:, None, :, None])
        drawn = torch.linalg.solve_triangular(factors.mT, self.normals.unsqueeze(2), upper=True)
        newcomers: Tensor = (found + drawn).squeeze(3)
        return newcomers
