"""The Gibbs sampler of `bayes`: the chain of draws of everyone's vector and bias, and of what lies around them."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_turn
from palate.models.compiled_gibbs import draw_rows, products, row_sums
from palate.models.gibbs import Cutpoints, Link, Prior, leading

FIRST_STD = 0.1
"""Spread of the first vectors."""

LINK_RANK = 200
"""Singular vectors kept of a link, at most; more of them are no better on MovieLens."""

LEVELS = 16
"""Rating levels told apart, at most; finer ratings are put together, about as many in each."""

Likelihood = Literal["ordinal", "gaussian"]
Links = Literal["both", "items", "people", "none"]


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
    ) -> None:
        assert train.ratings is not None
        self.random, self.ordinal = random, likelihood == "ordinal"
        self.of_users = train.users, train.items, train.offsets
        self.by_item = in_turn(train.items.astype(np.int64))
        self.item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        self.its_users = train.users[self.by_item]
        self.levels, ranks = levels_of(train.ratings)
        self.mean = 0.0 if self.ordinal else float(train.ratings.mean(dtype=np.float64))
        self.values = (train.ratings - np.float32(self.mean)).astype(np.float32)  # (n,) c taken off
        self.cutpoints = Cutpoints(ranks, len(self.levels))
        self.noise_precision = 1.0
        width = dim + 1
        self.users = random.normal(0, FIRST_STD, (train.n_users, width)).astype(np.float32)
        self.items = random.normal(0, FIRST_STD, (train.n_items, width)).astype(np.float32)
        by_users = (train.offsets, train.items, self.item_starts, self.its_users)
        by_items = (self.item_starts, self.its_users, train.offsets, train.items)
        of_people = [implicit(*by_users, width, random)] if links in ("both", "people") else []
        of_items = [implicit(*by_items, width, random)] if links in ("both", "items") else []
        if with_categories:
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
    levels, ranks = np.unique(ratings.astype(np.float64), return_inverse=True)
    if len(levels) > LEVELS:
        edges = np.unique(np.quantile(ratings, np.arange(1, LEVELS) / LEVELS))
        _, ranks = np.unique(np.searchsorted(edges, ratings, side="right"), return_inverse=True)
        levels = np.bincount(ranks, weights=ratings) / np.bincount(ranks)
    return levels, ranks.astype(np.int64)


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
