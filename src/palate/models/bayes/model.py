"""BayesianFactorization: matrix factorization that keeps many plausible vectors of everyone, and averages over them.

Salakhutdinov & Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte Carlo", ICML 2008, sections
3.1 to 3.3, by block Gibbs sampling, a row at a time; the best of the rating models that Rendle et al., "On the
Difficulty of Evaluating Baselines", 2019, section 3, compared. As there, what a person or item rated shifts the mean
of their prior, and so do an item's categories: Simm et al., "Macau", MLSP 2017. Ratings are ordered levels of a
latent value (Albert & Chib, JASA 1993, section 4), or numbers with normal noise, whose size is each person's and each
item's own (Lakshminarayanan et al., "Robust Bayesian Matrix Factorisation", AISTATS 2011). Chains of both kinds
together predict better than either.

Differences: biases are the last number of a vector, drawn with it. Of a link's matrix the leading singular vectors are
kept. Draws are of several short chains, as one that goes on keeps near where it is. A level is predicted from the mean
and variance of the latent value over the draws, as if that were normal. A newcomer's prior is what the people in
training are like, whatever they took, as what newcomers took is not yet what people take (`models/newcomers.py`).

Ratings of a day may share a vector and a bias of their own, and those of a person's session, which pair with those of
the person and the item and with each other. They are drawn as everything is, kept as what sets them apart from a mean
occasion, and used where the time of the rating that is asked about is known. That is so of held-out ratings: a random
split leaves others of the same minutes to learn from, later ones too, which flatters; of a rating yet to be given
nothing is known of its session. So both are off unless asked for, and then a prediction without a time is of a mean
occasion.

It holds chains * samples * (n_users + n_items) * (dim + 1) numbers, 306 MB for MovieLens 1M as set, and as many for
each day and session.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.bayes.chain import LEVELS, Chain, Likelihood, Links
from palate.models.bayes.fold_in import Histories
from palate.models.bayes.occasions import combined, occasions
from palate.models.bayes.priors import below, posterior
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel
from palate.models.shared.layers import identity
from palate.system import memory
from palate.system.jit import one_thread

NEVER = 1e6
"""The cutpoint before a level that there is not."""

LEAST_SPREAD = 0.01
"""Of a rating; there is rounding below it."""

FEWEST, MOST = 24, 64
"""Numbers in a vector where its setting leaves them to the table; the fewest where there is no table yet."""

NUMBERS = 2**23
"""Held at once when people's ratings are predicted."""


class BayesConfig(BaseConfig):
    """Settings of `bayes`."""

    dim: int | None = Field(
        None, ge=1, description="Numbers in a vector; by default about half of a row's ratings, from 24 to 64."
    )
    chains: int = Field(4, ge=1, description="How often it all begins anew, from another start.")
    sweeps: int = Field(250, ge=2, description="How often everything is drawn, given the rest, in each chain.")
    samples: int = Field(40, ge=1, description="Draws kept of each chain, evenly from all but its first quarter.")
    likelihood: Likelihood | Literal["both"] = Field(
        "both",
        description="What a rating is: a level, a number, or a level to half of the chains.",
    )
    links: Links = Field("both", description="Whose prior their events shift.")
    categories: bool = Field(True, description="Whether an item's categories shift its prior.")
    days: bool = Field(False, description="Whether ratings of a day share a vector; for ratings whose time is known.")
    sessions: tuple[Annotated[float, Field(ge=1)], ...] = Field(
        (), description="Seconds within which a person's ratings share a vector; for ratings whose time is known."
    )

    @model_validator(mode="after")
    def _enough_sweeps(self) -> "BayesConfig":
        if self.samples > self.kept:
            raise ValueError(f"samples: {self.samples} can't be kept of the {self.kept} last of {self.sweeps} sweeps")
        return self

    @property
    def kept(self) -> int:
        """Sweeps of a chain that draws are kept of."""
        return self.sweeps - self.sweeps // 4

    @property
    def of_levels(self) -> int:
        """Chains, the first ones, to which a rating is a level."""
        return {"ordinal": self.chains, "gaussian": 0, "both": (self.chains + 1) // 2}[self.likelihood]

    def suited(self, table: Interactions) -> Self:
        if self.dim is not None:
            return self
        numbers = len(table) // (table.n_users + table.n_items) // 16 * 8
        return self.model_copy(update={"dim": min(max(numbers, FEWEST), MOST)})


class BayesianFactorization(SolvedModel):
    """rating(u, i) = mean over draws of mean + unit (b_u + b_i + p_u · q_i), or of the level that the sum falls in."""

    Config: ClassVar[type[BaseConfig]] = BayesConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"dim": 4, "chains": 1, "sweeps": 60, "samples": 20}
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False
    SIZED_BY_DATA: ClassVar[frozenset[str]] = frozenset({"occasions", "occasion_keys"})

    config: BayesConfig
    mean: Tensor  # () of the ratings
    unit: Tensor  # () their spread, in which numbers are counted
    users: Tensor  # (n_users, draws, dim + 1): vector and bias in each draw
    items: Tensor  # (n_items, draws, dim + 1)
    occasions: Tensor  # (n_occasions + 1, draws, dim + 1): away from a mean one; the last, 0, is of those not known
    occasion_keys: Tensor  # (n_occasions,) ascending, see `models/occasions.py`
    people_means: Tensor  # (draws, dim + 1): a newcomer's prior
    people_precisions: Tensor  # (draws, dim + 1, dim + 1)
    people_noise: Tensor  # (n_users,) of numbers: variance, mean over the draws; times that of the item
    item_noise: Tensor  # (n_items,)
    noise_prior: Tensor  # (2,) a newcomer's: shape and rate of its precision
    normals: Tensor  # (draws, dim + 1): what makes a draw of a newcomer's mean
    levels: Tensor  # (LEVELS,) ratings, ascending, the last repeated
    cutpoints: Tensor  # (LEVELS - 1,)

    def __init__(self, config: BayesConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        draws, width = config.chains * config.samples, self.dim + 1
        drawn = f"{draws} draws of {n_users + n_items:,} vectors"
        memory.check("bayes", draws * width * (n_users + n_items), drawn, "fewer samples, or svdpp, do with less")
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
        return self.config.dim or FEWEST

    @property
    def of_levels(self) -> int:
        """Draws, the first ones, to which a rating is a level."""
        return self.config.of_levels * self.config.samples

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        random = np.random.default_rng(int(seed))
        config = self.config
        for number in range(config.chains):
            likelihood: Likelihood = "ordinal" if number < config.of_levels else "gaussian"
            side = config.categories, random, config.days, config.sessions
            chain = Chain(train, self.dim, likelihood, config.links, *side)
            if not number:
                self._begin(chain)
            self._run(chain, number * config.samples)
        normals = random.standard_normal(self.normals.shape)
        self.normals.copy_(torch.from_numpy(normals - normals.mean(0)))

    def _begin(self, chain: Chain) -> None:
        """Note what all chains share."""
        self.mean.fill_(chain.mean)
        self.unit.fill_(chain.unit)
        self.levels.copy_(torch.from_numpy(np.pad(chain.levels, (0, LEVELS - len(chain.levels)), mode="edge")))
        self.cutpoints[: len(chain.levels) - 1] = 0
        for noise in (self.people_noise, self.item_noise, self.noise_prior):
            noise.zero_()
        self.occasion_keys = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *chain.keys])).to(self.device)
        self.occasions = self.occasions.new_zeros(len(self.occasion_keys) + 1, *self.occasions.shape[1:])

    def _run(self, chain: Chain, first: int) -> None:
        """Sweep, and keep draws in the rows from `first` on."""
        kept, samples = self.config.kept, self.config.samples
        for to_come in reversed(range(self.config.sweeps)):
            chain.sweep(adapt=to_come >= kept)
            left, beyond = divmod(to_come, kept // samples)
            if not beyond and left < samples:
                self._keep(first + samples - 1 - left, chain)

    @one_thread()
    def _keep(self, at: int, chain: Chain) -> None:
        """Note a draw, as row `at`. People and items take over what they make with a mean occasion, and latent values
        are counted from the mean of the cutpoints."""
        people, items, *rest = (torch.from_numpy(group.vectors).double() for group in chain.groups)
        means = [vectors.mean(0) for vectors in rest]
        if means:
            mean = torch.stack(means).sum(0)[:-1]  # (dim,)
            people[:, -1] += people[:, :-1] @ mean
            items[:, -1] += items[:, :-1] @ mean + combined(means)[0]
            away = [vectors - own for vectors, own in zip(rest, means, strict=True)]
            for vectors, own in zip(away, means, strict=True):
                vectors[:, -1] += vectors[:, :-1] @ (mean - own[:-1])
            self.occasions[:-1, at] = torch.cat(away).to(self.occasions)
        if chain.ordinal:
            items[:, -1] -= chain.cutpoints.centre
            cutpoints = torch.from_numpy(chain.cutpoints.inner - chain.cutpoints.centre)
            self.cutpoints[: len(cutpoints)] += cutpoints.to(self.cutpoints) / self.of_levels
        else:
            of_people, of_items = chain.people.noise, chain.items.noise
            prior = np.array([of_people.shape, of_people.rate])
            drawn = (1 / of_people.precision, 1 / of_items.precision, prior)
            for noise, one in zip((self.people_noise, self.item_noise, self.noise_prior), drawn, strict=True):
                noise += torch.from_numpy(one).to(noise) / (len(self.normals) - self.of_levels)
        self.users[:, at], self.items[:, at] = people.to(self.users), items.to(self.items)
        typical, scatter, n = posterior(people)
        self.people_means[at] = typical
        self.people_precisions[at] = (len(typical) + n) * torch.linalg.inv(scatter)

    def score(self, query: Query) -> Tensor:
        people = query.people(self.users, self._fold_in).transpose(0, 1)  # (draws, B, dim + 1)
        items = self.items.transpose(0, 1)  # (draws, n_items, dim + 1)
        found = []
        for some in people.split(max(1, NUMBERS // items[..., 0].numel()), dim=1):
            fitted = torch.baddbmm(items[:, None, :, -1], some[..., :-1], items[..., :-1].mT) + some[..., -1:]
            found.append(self._expected(fitted))
        return torch.cat(found) if found else self.items.new_empty(0, self.n_items)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._of_each(self._expected, query, people, items)

    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        return self._of_each(self._expected, query, people, items, times)

    def spread(self, query: Query, people: Tensor, items: Tensor, times: Tensor | None = None) -> Tensor:
        typical = self.people_noise.mean()
        known = query.people(self.people_noise, lambda histories, _: typical.expand(len(histories)))
        share = 1 - self.of_levels / len(self.normals)
        noise = share * self.unit**2 * known[people] * self.item_noise[items]
        variance = self._of_each(self._variance, query, people, items, times)
        return (variance + noise).clamp(min=LEAST_SPREAD**2).sqrt()

    def user_vectors(self) -> Tensor:
        """All draws side by side: a product is their sum over the draws."""
        return self.users[..., :-1].flatten(1)

    def item_vectors(self) -> Tensor:
        return self.items[..., :-1].flatten(1)

    def _of_each(
        self,
        fact: Callable[[Tensor], Tensor],
        query: Query,
        people: Tensor,
        items: Tensor,
        times: Tensor | None = None,
    ) -> Tensor:
        """A fact (n,) of the latent values (draws, n) of n pairs at a time -> (N,)"""
        vectors = query.people(self.users, self._fold_in)
        rows = [] if times is None else list(self._occasions(query.users[people], times))
        size = max(1, NUMBERS // self.users[0].numel())
        found = torch.empty(len(people), device=people.device)
        for start in range(0, len(people), size):
            some = slice(start, start + size)
            when = [self.occasions[row[some]] for row in rows]
            fitted, _ = combined([vectors[people[some]], self.items[items[some]], *when])  # (n, draws)
            found[some] = fact(fitted.T)
        return found

    def _occasions(self, users: Tensor, times: Tensor) -> Iterator[Tensor]:
        """The rows of the occasions of ratings by these user rows (N,) at these times (N,) -> (N,) each"""
        n = len(self.occasion_keys)
        for keys in occasions(users, times, self.n_users, self.config.days, self.config.sessions) if n else ():
            at = torch.searchsorted(self.occasion_keys, keys).clamp(max=n - 1)
            yield torch.where(self.occasion_keys[at] == keys, at, n)

    def _expected(self, fitted: Tensor) -> Tensor:
        """The rating of latent values (draws, ...) -> (...)"""
        return self.mean + self._moments(fitted, 1)[0]

    def _variance(self, fitted: Tensor) -> Tensor:
        """That of the rating, but for the noise of numbers."""
        first, second = self._moments(fitted, 1, 2)
        return second - first**2

    def _moments(self, fitted: Tensor, *powers: int) -> list[Tensor]:
        """The mean of each power of what ratings are away from the mean rating."""
        of_levels, numbers = fitted.tensor_split([self.of_levels])
        totals = [((self.unit * numbers) ** power).sum(0) for power in powers]
        if len(of_levels):
            variance, mean = torch.var_mean(of_levels, 0, correction=0)
            scale, levels = (1 + variance).sqrt_(), self.levels - self.mean
            values = [len(of_levels) * levels**power for power in powers]
            for total, value in zip(totals, values, strict=True):
                total += value[0]
            for at, cutpoint in enumerate(self.cutpoints.tolist()):
                if cutpoint < NEVER:
                    share = below((mean - cutpoint) / scale)
                    for total, value in zip(totals, values, strict=True):
                        total += (value[at + 1] - value[at]) * share
        return [total / len(fitted) for total in totals]

    def _fold_in(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Histories (B, L) -> (B, draws, dim + 1)"""
        size = max(1, NUMBERS // (max(histories.shape[1], self.dim + 1) * self.users[0].numel()))
        parts = zip(histories.split(size), ratings.split(size), strict=True)
        return torch.cat([self._fold_in_some(*part) for part in parts])

    def _fold_in_some(self, histories: Tensor, ratings: Tensor) -> Tensor:
        rows, known = histories.clamp(min=0), (histories != PADDING).float()[:, None, :, None]  # (B, 1, L, 1)
        features = self.items[rows].transpose(1, 2) * known  # (B, draws, L, dim + 1)
        biases = features[..., -1:].clone()
        features[..., -1:] = known
        history = Histories(features, biases, self.people_means, self.people_precisions, self.normals)
        found = []
        if self.of_levels:
            edges = torch.cat([self.cutpoints.new_tensor([-NEVER]), self.cutpoints, self.cutpoints.new_tensor([NEVER])])
            ranks = (ratings.unsqueeze(-1) - self.levels).abs().argmin(-1)[:, None, :, None]
            found.append(history.among(slice(self.of_levels)).of_levels(edges[ranks], edges[ranks + 1]))
        if self.of_levels < len(self.normals):
            values, weights = (ratings - self.mean) / self.unit, 1 / self.item_noise[rows]  # (B, L)
            numbers = history.among(slice(self.of_levels, None))
            per_draw = values[:, None, :, None], weights[:, None, :, None] * known
            found.append(numbers.of_numbers(*per_draw, *self.noise_prior))
        return torch.cat(found, dim=1)
