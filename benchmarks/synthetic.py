"""Tables of any size in the shape of MovieLens 20M: log-normal activity of users, power-law popularity of items."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions
from palate.data.vocabulary import Vocabulary

USERS, ITEMS = 138_493, 26_744


def interactions(n: int, n_users: int = USERS, n_items: int = ITEMS, seed: int = 0) -> Interactions:
    """Return n random ratings in half stars, sorted by user."""
    random = np.random.default_rng(seed)
    users = active(random, n, n_users)
    items = random.permutation(n_items)[popular(random, n, n_items)]
    return Interactions(
        users.astype(np.int32),
        items.astype(np.int32),
        (random.integers(1, 11, n) / 2).astype(np.float32),
        None,
        Vocabulary("user", pl.Series(np.arange(n_users))),
        Vocabulary("item", pl.Series(np.arange(n_items))),
        Catalogue.empty(n_items),
    )


def active(random: np.random.Generator, n: int, n_users: int) -> NDArray[np.int64]:
    """Draw the user of each of n ratings, in order -> (n,)."""
    activity = np.cumsum(random.lognormal(sigma=1.2, size=n_users))
    return np.searchsorted(activity, np.sort(random.uniform(high=activity[-1], size=n)))


def popular(random: np.random.Generator, n: int, n_items: int) -> NDArray[np.int64]:
    """Draw the item of each of n ratings, the i-th in proportion to 1 / sqrt(i) -> (n,)."""
    return (n_items * random.random(n) ** 2).astype(np.int64)
