"""BayesianFactorization: matrix factorization that keeps many plausible vectors of everyone, and averages over them.

Salakhutdinov & Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte Carlo", ICML 2008, sections
3.1 to 3.3, by block Gibbs sampling, a row at a time; the best of the rating models that Rendle et al., "On the
Difficulty of Evaluating Baselines", 2019, section 3, compared. As there, what a person or item rated shifts the mean
of their prior, and so do an item's categories: Simm et al., "Macau", MLSP 2017. Ratings are either numbers with normal
noise or ordered levels of a latent value (Albert & Chib, JASA 1993, section 4).

Differences: biases are the last number of a vector, drawn with it. Draws are kept from the second half of the chain. An
unseen rating level is predicted from the mean and variance of the latent value over the draws, as if that were normal.
A newcomer's prior is the distribution of the people in training, whatever they took; the latent values of their
ratings are fitted by mean-field steps, not drawn.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from palate.data.interactions import Interactions, in_turn
from palate.models.compiled_gibbs import draw_rows, products, row_sums
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel
from palate.models.gibbs import Cutpoints, Link, Prior, below, leading, posterior

FIRST_STD = 0.1
"""Spread of the first vectors."""

LINK_RANK = 200
"""Singular vectors kept of a link, at most; more of them are no better on MovieLens."""

LEVELS = 16
"""Rating levels told apart, at most; finer ratings are put together, about as many in each."""

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
    likelihood: Literal["ordinal", "gaussian"] = Field("ordinal", description="What a rating is: a level or a number.")
    links: Literal["both", "items", "people", "none"] = Field("both", description="Whose prior their events shift.")
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
        config, chain = self.config, Chain(train, self.config, random)
        every = config.sweeps // (2 * config.samples)
        cutpoints = np.zeros_like(chain.cutpoints.inner)
        for sweep in range(config.sweeps):
            chain.sweep(adapt=sweep < config.sweeps // 2)
            left, beyond = divmod(config.sweeps - 1 - sweep, every)
            if beyond or left >= config.samples:
                continue
            self._keep(config.samples - 1 - left, chain)
            cutpoints += (chain.cutpoints.inner - chain.cutpoints.inner.mean()) / config.samples
        normals = random.standard_normal((config.samples, config.dim + 1))
        self.normals.copy_(torch.from_numpy(normals - normals.mean(0)))
        self.mean.fill_(chain.mean)
        self.levels.copy_(torch.from_numpy(np.pad(chain.levels, (0, LEVELS - len(chain.levels)), mode="edge")))
        self.cutpoints[: len(cutpoints)] = torch.from_numpy(cutpoints)

    def _keep(self, at: int, chain: "Chain") -> None:
        """Note a draw; latent values are counted from the mean of the cutpoints."""
        self.users[:, at] = torch.from_numpy(chain.users)
        self.items[:, at] = torch.from_numpy(chain.items)
        if self.ordinal and len(chain.cutpoints.inner):
            self.items[:, at, -1] -= float(chain.cutpoints.inner.mean())
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
        return (found + drawn).squeeze(3)


class Chain:
    """The Gibbs sampler: what was drawn last, and a sweep that draws it all anew."""

    def __init__(self, train: Interactions, config: BayesConfig, random: np.random.Generator) -> None:
        assert train.ratings is not None
        self.random, self.ordinal = random, config.likelihood == "ordinal"
        self.of_users = train.users, train.items, train.offsets
        self.by_item = in_turn(train.items.astype(np.int64))
        self.item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        self.its_users = train.users[self.by_item]
        self.levels, ranks = levels_of(train.ratings)
        self.mean = 0.0 if self.ordinal else float(train.ratings.mean(dtype=np.float64))
        self.values = (train.ratings - np.float32(self.mean)).astype(np.float32)  # (n,) c taken off
        self.cutpoints = Cutpoints(ranks, len(self.levels))
        self.noise_precision = 1.0
        width = config.dim + 1
        self.users = random.normal(0, FIRST_STD, (train.n_users, width)).astype(np.float32)
        self.items = random.normal(0, FIRST_STD, (train.n_items, width)).astype(np.float32)
        by_users = (train.offsets, train.items, self.item_starts, self.its_users)
        by_items = (self.item_starts, self.its_users, train.offsets, train.items)
        of_people = [implicit(*by_users, width, random)] if config.links in ("both", "people") else []
        of_items = [implicit(*by_items, width, random)] if config.links in ("both", "items") else []
        if config.categories:
            of_items += categories(train, width)
        self.people_prior = Prior(train.n_users, width, of_people)
        self.items_prior = Prior(train.n_items, width, of_items)

    def sweep(self, adapt: bool) -> None:
        users, items, starts = self.of_users
        self._draw_noise(products(users, items, self.users, self.items), adapt)
        self.people_prior.draw(self.users, self.random)
        off = self.values - self.items[items, -1]
        self.users = self._rows(starts, items, off, self.items, self.people_prior)
        self.items_prior.draw(self.items, self.random)
        off = self.values[self.by_item] - self.users[self.its_users, -1]
        self.items = self._rows(self.item_starts, self.its_users, off, self.users, self.items_prior)

    def _draw_noise(self, fitted: NDArray[np.float32], adapt: bool) -> None:
        """The precision of ratings as numbers, or the cutpoints and latent values of ratings as levels."""
        if self.ordinal:
            self.cutpoints.move(fitted, adapt, self.random)
            self.values = self.cutpoints.latent(fitted, self.random)
        else:
            squares = np.sum((self.values - fitted) ** 2, dtype=np.float64)
            self.noise_precision = self.random.gamma(1 + len(fitted) / 2) / (1 + squares / 2)

    def _rows(
        self,
        starts: NDArray[np.int64],
        columns: NDArray[np.int32],
        off: NDArray[np.float32],
        others: NDArray[np.float32],
        prior: Prior,
    ) -> NDArray[np.float32]:
        """Everyone of a side, given the other side -> (n, dim + 1)"""
        features = others.copy()
        features[:, -1] = 1
        shift = (prior.means @ prior.precision).astype(np.float32)
        normals = self.random.standard_normal(shift.shape, dtype=np.float32)
        precision = prior.precision.astype(np.float32)
        return draw_rows(starts, columns, off, features, precision, shift, self.noise_precision, normals)


def levels_of(ratings: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The different ratings, ascending (n_levels,), and which of them each is (n,); close ones are put together."""
    levels, ranks = np.unique(ratings, return_inverse=True)
    if len(levels) > LEVELS:
        edges = np.unique(np.quantile(ratings, np.arange(1, LEVELS) / LEVELS))
        _, ranks = np.unique(np.searchsorted(edges, ratings, side="right"), return_inverse=True)
        levels = np.bincount(ranks, weights=ratings) / np.bincount(ranks)
    return levels.astype(np.float64), ranks.astype(np.int64)


def implicit(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    its_starts: NDArray[np.int64],
    its_rows: NDArray[np.int32],
    width: int,
    random: np.random.Generator,
) -> Link:
    """Who took what: a row's events, each 1 / sqrt(how many there are)."""
    scale = (1 / np.sqrt(np.maximum(np.diff(starts), 1)).astype(np.float32))[:, None]
    rank = min(LINK_RANK, len(starts) - 1, len(its_starts) - 1)
    u, s = leading(
        lambda basis: scale * row_sums(starts, columns, basis),
        lambda basis: row_sums(its_starts, its_rows, scale * basis),
        len(its_starts) - 1,
        rank,
        random,
    )
    return Link(u, s, width)


def categories(train: Interactions, width: int) -> Iterator[Link]:
    """A link to each item's categories, 1 for each it has; none where no item has any."""
    listed = train.catalogue.frame["categories"].explode()
    flags = train.catalogue.frame["categories"].list
    names = listed.drop_nulls().unique().sort()
    if len(names):
        x = np.stack([flags.contains(name).to_numpy() for name in names], axis=1).astype(np.float32)
        u, s, _ = np.linalg.svd(x, full_matrices=False)
        yield Link(u[:, s > 1e-5 * s.max()], s[s > 1e-5 * s.max()], width)


def mean_within(mean: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The mean of N(mean, 1) between low and high."""
    a, b = (low - mean).double(), (high - mean).double()
    flip = a > 0
    a, b = torch.where(flip, -b, a), torch.where(flip, -a, b)
    share = (below(b) - below(a)).clamp(min=1e-300)
    off = ((-a * a / 2).exp() - (-b * b / 2).exp()) / (share * (2 * torch.pi) ** 0.5)
    off = torch.minimum(torch.maximum(off, a), b)
    return mean + torch.where(flip, -off, off).to(mean.dtype)
