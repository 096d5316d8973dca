"""Tables of any size in the shape of MovieLens 20M: log-normal activity of people, power-law popularity of items."""

import numpy as np
import polars as pl

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions
from palate.data.vocabulary import Vocabulary

USERS, ITEMS = 138_493, 26_744


def interactions(n: int, n_users: int = USERS, n_items: int = ITEMS, seed: int = 0) -> Interactions:
    """n ratings of half stars, sorted by user; what a rating is follows from chance alone."""
    random = np.random.default_rng(seed)
    activity = np.cumsum(random.lognormal(sigma=1.2, size=n_users))
    users = np.searchsorted(activity, np.sort(random.uniform(high=activity[-1], size=n)))
    items = random.permutation(n_items)[(n_items * random.random(n) ** 2).astype(np.int64)]
    return Interactions(
        users.astype(np.int32),
        items.astype(np.int32),
        (random.integers(1, 11, n) / 2).astype(np.float32),
        None,
        Vocabulary("user", pl.Series(np.arange(n_users))),
        Vocabulary("item", pl.Series(np.arange(n_items))),
        Catalogue.empty(n_items),
    )
