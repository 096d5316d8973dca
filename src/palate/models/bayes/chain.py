"""The Gibbs sampler of `bayes`: the chain of draws of everyone's vector and bias, and of what lies around them."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.data.interactions import Interactions, in_turn
from palate.errors import UnsupportedError
from palate.models.bayes.loops import products, row_sums
from palate.models.bayes.occasions import combined, occasions
from palate.models.bayes.priors import Cutpoints, Link, Noise, Prior, leading, singular
from palate.models.shared.ridge import draw_rows

FIRST_STD = 0.1
"""Spread of the first vectors."""

LINK_RANK = 200
"""Singular vectors kept of a link, at most; more of them are no better on MovieLens."""

LEVELS = 16
"""Rating levels told apart, at most; finer ratings are put together, about as many in each."""

Likelihood = Literal["ordinal", "gaussian"]
Links = Literal["both", "items", "people", "none"]
Floats = NDArray[np.float32]


class Group:
    """Everybody, all items or all days: a vector and a bias each, of which every event has one."""

    def __init__(self, rows: NDArray[np.int32], n: int, width: int, random: np.random.Generator) -> None:
        self.rows = rows  # (n_events,) the row of each event
        self.order = in_turn(rows.astype(np.int64))  # (n_events,) events by row
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
        self.vectors = random.normal(0, FIRST_STD, (n, width)).astype(np.float32)
        self.prior = Prior(n, width)
        self.noise = Noise(n)

    def of_events(self) -> Tensor:
        """The vector of each event -> (n_events, dim + 1)"""
        return torch.from_numpy(self.vectors)[torch.from_numpy(self.rows)]


class Chain:
    """The Gibbs sampler: what was drawn last, and a sweep that draws it all anew."""

    def __init__(
        self,
        train: Interactions,
        dim: int,
        likelihood: Likelihood,
        links: Links,
        with_categories: bool,
        random: np.random.Generator,
        days: bool = False,
        sessions: Sequence[float] = (),
    ) -> None:
        assert train.ratings is not None
        self.random, self.ordinal = random, likelihood == "ordinal"
        self.levels, ranks = levels_of(train.ratings)
        self.mean = float(train.ratings.mean(dtype=np.float64))
        self.unit = float(train.ratings.std(dtype=np.float64)) or 1.0  # priors are for numbers with a spread of 1
        self.values = ((train.ratings - self.mean) / self.unit).astype(np.float32)  # (n,) what all fitted ones are like
        self.cutpoints = Cutpoints(ranks, len(self.levels))
        width = dim + 1
        self.people = Group(train.users, train.n_users, width, random)
        self.items = Group(train.items, train.n_items, width, random)
        self.people.noise = Noise(train.n_users, mean_one=False)  # the size of the noise is with them
        self.groups = [self.people, self.items]
        self.keys: list[NDArray[np.int64]] = []  # of the rows of each group after these two
        if days or sessions:
            if train.times is None:
                raise UnsupportedError("days and sessions are told by times, and this table has none: leave them out")
            when = torch.from_numpy(train.users), torch.from_numpy(train.times)
            for key in occasions(*when, train.n_users, days, sessions):
                keys, rows = np.unique(key.numpy(), return_inverse=True)
                self.keys.append(keys)
                self.groups.append(Group(rows.astype(np.int32), len(keys), width, random))
        self.people.prior.links = [implicit(self.people, self.items, random)] if links in ("both", "people") else []
        of_items = [implicit(self.items, self.people, random)] if links in ("both", "items") else []
        self.items.prior.links = [*of_items, *(categories(train, width) if with_categories else [])]

    def sweep(self, adapt: bool) -> None:
        self._fit()
        self._draw_noise(self.fitted.numpy(), adapt)
        for group in self.groups:
            group.prior.draw(torch.from_numpy(group.vectors), self.random)
            self._draw_pairs(group) if len(self.groups) == 2 else self._draw_sums(group)

    def _fit(self) -> None:
        """Each event's value as the draw has it, less the mean -> (n_events,)"""
        if len(self.groups) == 2:
            of_both = self.people.vectors, self.items.vectors
            self.fitted = torch.from_numpy(products(self.people.rows, self.items.rows, *of_both))
        else:
            self.fitted, self.sums = combined(group.of_events() for group in self.groups)

    def _draw_noise(self, fitted: Floats, adapt: bool) -> None:
        """The precisions of ratings as numbers, or the cutpoints and latent values of ratings as levels."""
        if self.ordinal:
            self.cutpoints.move(fitted, adapt, self.random)
            self.values = self.cutpoints.latent(fitted, self.random)
        else:
            squares = (self.values - fitted).astype(np.float64) ** 2
            for group, other in ((self.people, self.items), (self.items, self.people)):
                weighed = squares * other.noise.precision[other.rows]
                sums = np.bincount(group.rows, weighed, len(group.vectors))
                group.noise.draw(np.diff(group.starts), sums, self.random)

    def _draw_pairs(self, group: Group) -> None:
        """Every row of a group, given the one other: an event's features are the other's vector."""
        other = self.items if group is self.people else self.people
        columns, features, weights = other.rows[group.order], other.vectors.copy(), np.sqrt(other.noise.precision)
        rest = features[columns, -1]
        features[:, -1] = 1
        off = (self.values[group.order] - rest) * weights[columns]
        self._draw_rows(group, columns, features * weights[:, None], off, group.noise.precision)

    def _draw_sums(self, group: Group) -> None:
        """Every row of a group, given all others: an event's features are the sum of their vectors."""
        own = group.of_events()
        sums = self.sums - own[:, :-1]
        rest = self.fitted - own[:, -1] - (own[:, :-1] * sums).sum(1)
        features = functional.pad(sums, (0, 1), value=1.0).numpy()
        weights = np.sqrt(self.people.noise.precision[self.people.rows] * self.items.noise.precision[self.items.rows])
        off = (self.values - rest.numpy()) * weights
        once = np.ones(len(group.vectors), np.float32)
        self._draw_rows(group, group.order, features * weights[:, None], off[group.order], once)
        self.fitted, self.sums = combined([torch.cat([sums, rest[:, None]], dim=1), group.of_events()])

    def _draw_rows(
        self, group: Group, columns: NDArray[np.integer], features: Floats, off: Floats, noise_precision: Floats
    ) -> None:
        """Given what others leave of each event's value, and the features that its row of `columns` has, in units of
        noise that has the precision of the group's row."""
        shift, precision = group.prior.shift().float().numpy(), group.prior.precision.float().numpy()
        normals = self.random.standard_normal(shift.shape, dtype=np.float32)
        group.vectors = draw_rows(group.starts, columns, off, features, precision, shift, noise_precision, normals)


def levels_of(ratings: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The different ratings, ascending (n_levels,), and which of them each is (n,); close ones are put together."""
    levels, ranks = np.unique(ratings.astype(np.float64), return_inverse=True)
    if len(levels) > LEVELS:
        edges = np.unique(np.quantile(ratings, np.arange(1, LEVELS) / LEVELS))
        _, ranks = np.unique(np.searchsorted(edges, ratings, side="right"), return_inverse=True)
        levels = np.bincount(ranks, weights=ratings) / np.bincount(ranks)
    return levels, ranks.astype(np.int64)


def implicit(group: Group, other: Group, random: np.random.Generator) -> Link:
    """Who took what: a row's events, each 1 / sqrt(how many there are)."""
    scale = torch.from_numpy(1 / np.sqrt(np.maximum(np.diff(group.starts), 1)).astype(np.float32))[:, None]
    theirs, its = other.rows[group.order], group.rows[other.order]
    u, s = leading(
        lambda basis: scale * torch.from_numpy(row_sums(group.starts, theirs, basis.numpy())),
        lambda basis: torch.from_numpy(row_sums(other.starts, its, (scale * basis).numpy())),
        len(other.vectors),
        min(LINK_RANK, len(group.vectors), len(other.vectors)),
        random,
    )
    return Link(u, s, group.vectors.shape[1])


def categories(train: Interactions, width: int) -> Iterator[Link]:
    """A link to each item's categories, 1 for each it has; none where no item has any."""
    listed = train.catalogue.frame["categories"].explode()
    flags = train.catalogue.frame["categories"].list
    names = listed.drop_nulls().unique().sort()
    if len(names):
        x = np.stack([flags.contains(name).to_numpy() for name in names], axis=1).astype(np.float32)
        yield Link(*singular(torch.from_numpy(x)), width)
