"""The Gibbs sampler of `bayes`: a chain of draws of all vectors, biases, priors and noise."""

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
"""Standard deviation of the initial vectors."""

LINK_RANK = 200
"""Maximum number of singular vectors kept of a link; more of them are no better on MovieLens."""

LEVELS = 16
"""Maximum number of rating levels; finer ratings are merged into levels with about equally many ratings."""

Likelihood = Literal["ordinal", "gaussian"]
Links = Literal["both", "items", "people", "none"]
Floats = NDArray[np.float32]


class Group:
    """The vectors and biases of all users, all items, or all days or sessions. Each event belongs to one row of a
    group."""

    def __init__(self, rows: NDArray[np.int32], n: int, width: int, random: np.random.Generator) -> None:
        self.rows = rows  # (n_events,) the row of each event
        self.order = in_turn(rows.astype(np.int64))  # (n_events,) events by row
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
        self.vectors = random.normal(0, FIRST_STD, (n, width)).astype(np.float32)
        self.prior = Prior(n, width)
        self.noise = Noise(n)

    def of_events(self) -> Tensor:
        """Return the vector and bias of each event -> (n_events, dim + 1)."""
        return torch.from_numpy(self.vectors)[torch.from_numpy(self.rows)]


class Chain:
    """The Gibbs sampler: the last draw, and a sweep that draws everything again."""

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
        self.unit = float(train.ratings.std(dtype=np.float64)) or 1.0  # priors expect a spread of 1
        self.values = ((train.ratings - self.mean) / self.unit).astype(np.float32)  # (n,) the values to fit
        self.cutpoints = Cutpoints(ranks, len(self.levels))
        width = dim + 1
        self.users = Group(train.users, train.n_users, width, random)
        self.items = Group(train.items, train.n_items, width, random)
        self.users.noise = Noise(train.n_users, mean_one=False)  # holds the overall size of the noise
        self.groups = [self.users, self.items]
        self.keys: list[NDArray[np.int64]] = []  # of the rows of each further group
        if days or sessions:
            if train.times is None:
                raise UnsupportedError("days and sessions need times, and this table has none: leave them out")
            users, times = torch.from_numpy(train.users), torch.from_numpy(train.times)
            for key in occasions(users, times, train.n_users, days, sessions):
                keys, rows = np.unique(key.numpy(), return_inverse=True)
                self.keys.append(keys)
                self.groups.append(Group(rows.astype(np.int32), len(keys), width, random))
        self.users.prior.links = [implicit(self.users, self.items, random)] if links in ("both", "people") else []
        item_links = [implicit(self.items, self.users, random)] if links in ("both", "items") else []
        self.items.prior.links = [*item_links, *(categories(train, width) if with_categories else [])]

    def sweep(self, adapt: bool) -> None:
        """Draw everything once, each part given the rest. adapt: tune the step length of the cutpoints."""
        self._fit()
        self._draw_noise(self.fitted.numpy(), adapt)
        for group in self.groups:
            group.prior.draw(torch.from_numpy(group.vectors), self.random)
            self._draw_pairs(group) if len(self.groups) == 2 else self._draw_sums(group)

    def _fit(self) -> None:
        """Compute `fitted` (n_events,): each event's value by the last draw, without the mean."""
        if len(self.groups) == 2:
            vectors = self.users.vectors, self.items.vectors
            self.fitted = torch.from_numpy(products(self.users.rows, self.items.rows, *vectors))
        else:
            self.fitted, self.sums = combined(group.of_events() for group in self.groups)

    def _draw_noise(self, fitted: Floats, adapt: bool) -> None:
        """Draw the noise precisions of ratings as numbers, or the cutpoints and latent values of ratings as levels."""
        if self.ordinal:
            self.cutpoints.move(fitted, adapt, self.random)
            self.values = self.cutpoints.latent(fitted, self.random)
        else:
            squares = (self.values - fitted).astype(np.float64) ** 2
            for group, other in ((self.users, self.items), (self.items, self.users)):
                weighted = squares * other.noise.precision[other.rows]
                sums = np.bincount(group.rows, weighted, len(group.vectors))
                group.noise.draw(np.diff(group.starts), sums, self.random)

    def _draw_pairs(self, group: Group) -> None:
        """Draw every row of a group, given the only other group: an event's features are the other row's vector."""
        other = self.items if group is self.users else self.users
        columns, features, weights = other.rows[group.order], other.vectors.copy(), np.sqrt(other.noise.precision)
        biases = features[columns, -1]
        features[:, -1] = 1
        targets = (self.values[group.order] - biases) * weights[columns]
        self._draw_rows(group, columns, features * weights[:, None], targets, group.noise.precision)

    def _draw_sums(self, group: Group) -> None:
        """Draw every row of a group, given all other groups: an event's features are the sum of their vectors."""
        own = group.of_events()
        sums = self.sums - own[:, :-1]
        rest = self.fitted - own[:, -1] - (own[:, :-1] * sums).sum(1)
        features = functional.pad(sums, (0, 1), value=1.0).numpy()
        weights = np.sqrt(self.users.noise.precision[self.users.rows] * self.items.noise.precision[self.items.rows])
        targets = (self.values - rest.numpy()) * weights
        ones = np.ones(len(group.vectors), np.float32)
        self._draw_rows(group, group.order, features * weights[:, None], targets[group.order], ones)
        self.fitted, self.sums = combined([torch.cat([sums, rest[:, None]], dim=1), group.of_events()])

    def _draw_rows(
        self, group: Group, columns: NDArray[np.integer], features: Floats, targets: Floats, noise_precision: Floats
    ) -> None:
        """Draw every row of a group from its posterior. targets, features: of each event, the latter by its row of
        `columns`, in units of noise with the precision of the group's row."""
        shift, precision = group.prior.shift().float().numpy(), group.prior.precision.float().numpy()
        normals = self.random.standard_normal(shift.shape, dtype=np.float32)
        group.vectors = draw_rows(group.starts, columns, targets, features, precision, shift, noise_precision, normals)


def levels_of(ratings: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct ratings, ascending (n_levels,), and the level of each rating (n,); close ratings are
    merged."""
    levels, ranks = np.unique(ratings.astype(np.float64), return_inverse=True)
    if len(levels) > LEVELS:
        edges = np.unique(np.quantile(ratings, np.arange(1, LEVELS) / LEVELS))
        _, ranks = np.unique(np.searchsorted(edges, ratings, side="right"), return_inverse=True)
        levels = np.bincount(ranks, weights=ratings) / np.bincount(ranks)
    return levels, ranks.astype(np.int64)


def implicit(group: Group, other: Group, random: np.random.Generator) -> Link:
    """Return the link of a group to the rows of the other: 1 / sqrt(number of events) at each of a row's events."""
    scale = torch.from_numpy(1 / np.sqrt(np.maximum(np.diff(group.starts), 1)).astype(np.float32))[:, None]
    columns, transposed = other.rows[group.order], group.rows[other.order]
    u, s = leading(
        lambda basis: scale * torch.from_numpy(row_sums(group.starts, columns, basis.numpy())),
        lambda basis: torch.from_numpy(row_sums(other.starts, transposed, (scale * basis).numpy())),
        len(other.vectors),
        min(LINK_RANK, len(group.vectors), len(other.vectors)),
        random,
    )
    return Link(u, s, group.vectors.shape[1])


def categories(train: Interactions, width: int) -> Iterator[Link]:
    """Yield the link of the items to their categories: 1 for each category of an item; nothing where no item has
    any."""
    column = train.catalogue.frame["categories"]
    names = column.explode().drop_nulls().unique().sort()
    if len(names):
        x = np.stack([column.list.contains(name).to_numpy() for name in names], axis=1).astype(np.float32)
        yield Link(*singular(torch.from_numpy(x)), width)
