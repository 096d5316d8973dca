"""BayesianFactorization: matrix factorization that averages predictions over many draws from the posterior.

Salakhutdinov & Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte Carlo", ICML 2008, sections
3.1 to 3.3, by block Gibbs sampling, a row at a time; the best of the rating models that Rendle et al., "On the
Difficulty of Evaluating Baselines", 2019, section 3, compared. As there, the events of a user or item shift the mean of
its prior, and so do an item's categories: Simm et al., "Macau", MLSP 2017. Ratings are ordered levels of a latent value
(Albert & Chib, JASA 1993, section 4), or numbers with normal noise whose size depends on the user and on the item
(Lakshminarayanan et al., "Robust Bayesian Matrix Factorisation", AISTATS 2011). Chains of both kinds together predict
better than either.

Differences: biases are the last number of a vector and drawn with it. A link keeps the leading singular vectors of its
matrix. Draws come from several short chains, because a single long one stays near its start. A level is predicted from
the mean and variance of the latent value over the draws, as if that were normal. The prior of a new user (cold start)
is the distribution of all users in training, whatever they rated: the few items that a new user rated so far are not
yet typical of them (`fold_in.py`).

Ratings of one day may share a vector and a bias, and so may the ratings of a user's session (`occasions.py`); they pair
with the vectors of user and item and with each other. They are drawn like everything else, stored as differences from
the mean occasion, and used where a rating's time is known. Held-out ratings have a time: a random split leaves other
ratings of the same minutes in training, later ones too, which flatters the result. For a rating that is yet to be given
nothing is known of its session. So both are off by default, and a prediction without a time is for the mean occasion.

The model holds chains * samples * (n_users + n_items) * (dim + 1) numbers, 306 MB for MovieLens 1M with the defaults,
and as many for each day and session.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.bayes.chain import LEVELS, Chain, Likelihood
from palate.models.bayes.config import MIN_DIM, BayesConfig
from palate.models.bayes.fold_in import Histories
from palate.models.bayes.occasions import combined, occasions
from palate.models.bayes.priors import below, posterior
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel
from palate.models.shared.layers import identity
from palate.system import memory
from palate.system.jit import one_thread

NEVER = 1e6
"""The cutpoint before a level that does not exist."""

LEAST_SPREAD = 0.01
"""Lower bound of the spread of a rating; below it there is only rounding error."""

NUMBERS = 2**23
"""Numbers held in memory at a time in prediction."""


class BayesianFactorization(SolvedModel):
    """Bayesian matrix factorization: `rating(u, i) = mean + unit (b_u + b_i + p_u · q_i)`, averaged over the draws.

    In the draws that take ratings as ordered levels, the rating is the level that b_u + b_i + p_u · q_i falls in.
    """

    Config: ClassVar[type[BaseConfig]] = BayesConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"dim": 4, "chains": 1, "sweeps": 60, "samples": 20}
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False
    SIZED_BY_DATA: ClassVar[frozenset[str]] = frozenset({"occasions", "occasion_keys"})

    config: BayesConfig
    mean: Tensor  # () mean of the ratings
    unit: Tensor  # () standard deviation of the ratings, the unit of latent numbers
    users: Tensor  # (n_users, draws, dim + 1): vector and bias in each draw
    items: Tensor  # (n_items, draws, dim + 1)
    occasions: Tensor  # (n_occasions + 1, draws, dim + 1): less the mean occasion; the last row, 0, is for unknown ones
    occasion_keys: Tensor  # (n_occasions,) ascending keys, see `occasions.py`
    people_means: Tensor  # (draws, dim + 1): mean of the prior of a new user
    people_precisions: Tensor  # (draws, dim + 1, dim + 1): its precision
    people_noise: Tensor  # (n_users,) noise variance of numbers, mean over the draws; multiplied by that of the item
    item_noise: Tensor  # (n_items,)
    noise_prior: Tensor  # (2,) shape and rate of the noise precision of a new user
    normals: Tensor  # (draws, dim + 1): standard normal numbers for the draw of a new user
    levels: Tensor  # (LEVELS,) ratings, ascending, the last repeated
    cutpoints: Tensor  # (LEVELS - 1,)

    def __init__(self, config: BayesConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        draws, width = config.chains * config.samples, self.dim + 1
        contents = f"{draws} draws of {n_users + n_items:,} vectors"
        memory.check("bayes", draws * width * (n_users + n_items), contents, "fewer samples, or svdpp, do with less")
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("users", torch.zeros(n_users, draws, width))
        self.register_buffer("items", torch.zeros(n_items, draws, width))
        self.register_buffer("occasions", torch.zeros(1, draws, width))
        self.register_buffer("occasion_keys", torch.empty(0, dtype=torch.int64))
        self.register_buffer("people_means", torch.zeros(draws, width))
        self.register_buffer("people_precisions", identity(width, draws))
        self.register_buffer("people_noise", torch.zeros(n_users))
        self.register_buffer("item_noise", torch.zeros(n_items))
        self.register_buffer("noise_prior", torch.zeros(2))
        self.register_buffer("normals", torch.zeros(draws, width))
        self.register_buffer("levels", torch.zeros(LEVELS))
        self.register_buffer("cutpoints", torch.full((LEVELS - 1,), NEVER))

    @property
    def dim(self) -> int:
        return self.config.dim or MIN_DIM

    @property
    def of_levels(self) -> int:
        """Number of draws, the first ones, that take ratings as ordered levels."""
        return self.config.of_levels * self.config.samples

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        random = np.random.default_rng(int(seed))
        config = self.config
        for number in range(config.chains):
            likelihood: Likelihood = "ordinal" if number < config.of_levels else "gaussian"
            options = config.links, config.categories, random, config.days, config.sessions
            chain = Chain(train, self.dim, likelihood, *options)
            if not number:
                self._begin(chain)
            self._run(chain, number * config.samples)
        normals = random.standard_normal(self.normals.shape)
        self.normals.copy_(torch.from_numpy(normals - normals.mean(0)))

    def _begin(self, chain: Chain) -> None:
        """Set the buffers that all chains share."""
        self.mean.fill_(chain.mean)
        self.unit.fill_(chain.unit)
        self.levels.copy_(torch.from_numpy(np.pad(chain.levels, (0, LEVELS - len(chain.levels)), mode="edge")))
        self.cutpoints[: len(chain.levels) - 1] = 0
        for noise in (self.people_noise, self.item_noise, self.noise_prior):
            noise.zero_()
        self.occasion_keys = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *chain.keys])).to(self.device)
        self.occasions = self.occasions.new_zeros(len(self.occasion_keys) + 1, *self.occasions.shape[1:])

    def _run(self, chain: Chain, first: int) -> None:
        """Run the sweeps of a chain and keep its draws at positions from `first` on."""
        kept, samples = self.config.kept, self.config.samples
        for to_come in reversed(range(self.config.sweeps)):
            chain.sweep(adapt=to_come >= kept)
            draws_left, between = divmod(to_come, kept // samples)
            if not between and draws_left < samples:
                self._keep(first + samples - 1 - draws_left, chain)

    @one_thread()
    def _keep(self, at: int, chain: Chain) -> None:
        """Store the chain's last draw at position `at`. The mean occasion goes into the users and items, and the mean
        of the cutpoints becomes 0."""
        users, items, *rest = (torch.from_numpy(group.vectors).double() for group in chain.groups)
        means = [vectors.mean(0) for vectors in rest]
        if means:
            mean = torch.stack(means).sum(0)[:-1]  # (dim,)
            users[:, -1] += users[:, :-1] @ mean
            items[:, -1] += items[:, :-1] @ mean + combined(means)[0]
            differences = [vectors - own for vectors, own in zip(rest, means, strict=True)]
            for vectors, own in zip(differences, means, strict=True):
                vectors[:, -1] += vectors[:, :-1] @ (mean - own[:-1])
            self.occasions[:-1, at] = torch.cat(differences).to(self.occasions)
        if chain.ordinal:
            items[:, -1] -= chain.cutpoints.centre
            cutpoints = torch.from_numpy(chain.cutpoints.inner - chain.cutpoints.centre)
            self.cutpoints[: len(cutpoints)] += cutpoints.to(self.cutpoints) / self.of_levels
        else:
            user_noise, item_noise = chain.users.noise, chain.items.noise
            prior = np.array([user_noise.shape, user_noise.rate])
            draws = (1 / user_noise.precision, 1 / item_noise.precision, prior)
            for mean_noise, draw in zip((self.people_noise, self.item_noise, self.noise_prior), draws, strict=True):
                mean_noise += torch.from_numpy(draw).to(mean_noise) / (len(self.normals) - self.of_levels)
        self.users[:, at], self.items[:, at] = users.to(self.users), items.to(self.items)
        mean, scatter, n = posterior(users)
        self.people_means[at] = mean
        self.people_precisions[at] = (len(mean) + n) * torch.linalg.inv(scatter)

    def score(self, query: Query) -> Tensor:
        users = query.people(self.users, self._fold_in).transpose(0, 1)  # (draws, B, dim + 1)
        items = self.items.transpose(0, 1)  # (draws, n_items, dim + 1)
        scores = []
        for block in users.split(max(1, NUMBERS // items[..., 0].numel()), dim=1):
            fitted = torch.baddbmm(items[:, None, :, -1], block[..., :-1], items[..., :-1].mT) + block[..., -1:]
            scores.append(self._expected(fitted))
        return torch.cat(scores) if scores else self.items.new_empty(0, self.n_items)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._of_pairs(self._expected, query, people, items)

    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        return self._of_pairs(self._expected, query, people, items, times)

    def spread(self, query: Query, people: Tensor, items: Tensor, times: Tensor | None = None) -> Tensor:
        typical = self.people_noise.mean()
        known = query.people(self.people_noise, lambda histories, _: typical.expand(len(histories)))
        share = 1 - self.of_levels / len(self.normals)
        noise = share * self.unit**2 * known[people] * self.item_noise[items]
        variance = self._of_pairs(self._variance, query, people, items, times)
        return (variance + noise).clamp(min=LEAST_SPREAD**2).sqrt()

    def user_vectors(self) -> Tensor:
        """Return the vectors of all draws side by side, so that a product is the sum over the draws."""
        return self.users[..., :-1].flatten(1)

    def item_vectors(self) -> Tensor:
        return self.items[..., :-1].flatten(1)

    def _of_pairs(
        self,
        statistic: Callable[[Tensor], Tensor],
        query: Query,
        people: Tensor,
        items: Tensor,
        times: Tensor | None = None,
    ) -> Tensor:
        """Apply `statistic`, (draws, n) -> (n,), to the latent values of the pairs, n at a time -> (N,)"""
        vectors = query.people(self.users, self._fold_in)
        rows = [] if times is None else list(self._occasions(query.users[people], times))
        size = max(1, NUMBERS // self.users[0].numel())
        values = torch.empty(len(people), device=people.device)
        for start in range(0, len(people), size):
            part = slice(start, start + size)
            when = [self.occasions[row[part]] for row in rows]
            fitted, _ = combined([vectors[people[part]], self.items[items[part]], *when])  # (n, draws)
            values[part] = statistic(fitted.T)
        return values

    def _occasions(self, users: Tensor, times: Tensor) -> Iterator[Tensor]:
        """Yield the rows in `occasions` for ratings by users (N,) at times (N,) -> (N,) for the day and each
        session."""
        n = len(self.occasion_keys)
        for keys in occasions(users, times, self.n_users, self.config.days, self.config.sessions) if n else ():
            at = torch.searchsorted(self.occasion_keys, keys).clamp(max=n - 1)
            yield torch.where(self.occasion_keys[at] == keys, at, n)

    def _expected(self, fitted: Tensor) -> Tensor:
        """Return the expected rating given latent values (draws, ...) -> (...)"""
        return self.mean + self._moments(fitted, 1)[0]

    def _variance(self, fitted: Tensor) -> Tensor:
        """Return the variance of the rating (draws, ...) -> (...), without the noise of numbers."""
        first, second = self._moments(fitted, 1, 2)
        return second - first**2

    def _moments(self, fitted: Tensor, *powers: int) -> list[Tensor]:
        """Return the mean over the draws of each power of (rating - mean rating)."""
        level_draws, number_draws = fitted.tensor_split([self.of_levels])
        totals = [((self.unit * number_draws) ** power).sum(0) for power in powers]
        if len(level_draws):
            variance, mean = torch.var_mean(level_draws, 0, correction=0)
            scale, levels = (1 + variance).sqrt_(), self.levels - self.mean
            values = [len(level_draws) * levels**power for power in powers]
            for total, value in zip(totals, values, strict=True):
                total += value[0]
            for at, cutpoint in enumerate(self.cutpoints.tolist()):
                if cutpoint < NEVER:
                    share = below((mean - cutpoint) / scale)
                    for total, value in zip(totals, values, strict=True):
                        total += (value[at + 1] - value[at]) * share
        return [total / len(fitted) for total in totals]

    def _fold_in(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Draw the vectors of new users given their histories (B, L) -> (B, draws, dim + 1)"""
        size = max(1, NUMBERS // (max(histories.shape[1], self.dim + 1) * self.users[0].numel()))
        parts = zip(histories.split(size), ratings.split(size), strict=True)
        return torch.cat([self._fold_in_block(*part) for part in parts])

    def _fold_in_block(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Do the work of `_fold_in` for as many users as fit into memory."""
        rows, known = histories.clamp(min=0), (histories != PADDING).float()[:, None, :, None]  # (B, 1, L, 1)
        features = self.items[rows].transpose(1, 2) * known  # (B, draws, L, dim + 1)
        biases = features[..., -1:].clone()
        features[..., -1:] = known
        history = Histories(features, biases, self.people_means, self.people_precisions, self.normals)
        vectors = []
        if self.of_levels:
            edges = torch.cat([self.cutpoints.new_tensor([-NEVER]), self.cutpoints, self.cutpoints.new_tensor([NEVER])])
            ranks = (ratings.unsqueeze(-1) - self.levels).abs().argmin(-1)[:, None, :, None]
            vectors.append(history.among(slice(self.of_levels)).of_levels(edges[ranks], edges[ranks + 1]))
        if self.of_levels < len(self.normals):
            values, weights = (ratings - self.mean) / self.unit, 1 / self.item_noise[rows]  # (B, L)
            numbers = history.among(slice(self.of_levels, None))
            per_draw = values[:, None, :, None], weights[:, None, :, None] * known
            vectors.append(numbers.of_numbers(*per_draw, *self.noise_prior))
        return torch.cat(vectors, dim=1)
