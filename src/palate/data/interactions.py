"""Interactions: a table of events, checked and with ids coded as integer rows."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import Catalogue
from palate.data.outliers import usual_ends
from palate.data.vocabulary import Vocabulary

DAY = 86_400.0
"""Seconds of a day; times are in seconds."""

WIDE, FEW = 10.0, 0.05
"""Ratings are counts with a long tail if their scale is wider than this and fewer than this share reach the upper
quarter of it."""

TIME_GAP = 0.02
"""Latest times are outliers beyond a gap of more than this share of the others' span: a wrong clock."""

DIGIT = 16
"""Bits of a key in one pass of the radix sort."""


class Scale(NamedTuple):
    """The lowest and the highest rating of a table."""

    low: float
    high: float


class ItemNames(NamedTuple):
    """The columns by which items are named, by item row."""

    ids: pl.Series  # (n_items,)
    titles: pl.Series  # (n_items,), null if unknown


@dataclass(frozen=True, eq=False)
class Interactions:
    """A table of n events, sorted by user row, then time, then order of reading."""

    users: NDArray[np.int32]  # (n,) rows of user_ids
    items: NDArray[np.int32]  # (n,) rows of item_ids
    ratings: NDArray[np.float32] | None  # (n,); None if the table has no ratings
    times: NDArray[np.float64] | None  # (n,) unix seconds; None if the table has no times
    user_ids: Vocabulary
    item_ids: Vocabulary
    catalogue: Catalogue
    notes: tuple[str, ...] = ()
    """Notes of the reading for the user: what was read and what was left out, a line each."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The arrays that the table has, each (n,)."""
        named = {"users": self.users, "items": self.items, "ratings": self.ratings, "times": self.times}
        return {name: column for name, column in named.items() if column is not None}

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Interactions":
        """Return the events of a mask (n,), of numbers or of a slice; vocabularies and catalogue stay whole."""
        with ThreadPoolExecutor() as pool:
            columns = pool.map(lambda column: column[keep], self.columns.values())
        return replace(self, **dict(zip(self.columns, columns, strict=True)))

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(n_users + 1,): the events of user row u are offsets[u]:offsets[u + 1]."""
        counts = np.bincount(self.users, minlength=self.n_users)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """(n_items,): number of events of each item."""
        return np.bincount(self.items, minlength=self.n_items).astype(np.int64)

    @cached_property
    def item_names(self) -> ItemNames:
        """The id and the title of each item row."""
        return ItemNames(self.item_ids.ids, self.catalogue.frame["title"])

    @cached_property
    def scale(self) -> Scale | None:
        """The lowest and the highest rating; None if the table has no ratings."""
        return None if self.ratings is None else Scale(float(self.ratings.min()), float(self.ratings.max()))

    @cached_property
    def usual_scale(self) -> Scale | None:
        """The scale that says what is liked (`data/relevance.py`); None if the table has no ratings.

        It is the scale without outliers. Where ratings are counts with a long tail, such as plays, next to none of them
        reach its upper part: then both ends are the median of the counts above 0, so that about half of them are liked.
        """
        if self.ratings is None:
            return None
        low, high = usual_ends(self.ratings)
        if high - low <= WIDE or (self.ratings >= low + 0.75 * (high - low)).mean() >= FEW:
            return Scale(low, high)
        counts = self.ratings[self.ratings > 0]
        middle = float(np.partition(counts, len(counts) // 2)[len(counts) // 2]) if len(counts) else high
        return Scale(middle, middle)

    @cached_property
    def now(self) -> float | None:
        """The latest time that is no outlier, from which recency is measured; None if the table has no times."""
        return None if self.times is None else usual_ends(self.times, TIME_GAP)[1]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, rows, ratings and times: the same for the same table in any file format."""
        digest = hashlib.sha256()
        for vocabulary in (self.user_ids, self.item_ids):
            digest.update("\n".join(map(str, vocabulary.ids.to_list())).encode())
        columns: tuple[NDArray[Any] | None, ...] = (self.users, self.items, self.ratings, self.times)
        for column in columns:
            digest.update(b"none" if column is None else np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def in_order(users: NDArray[np.int32], times: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Return the permutation (n,), n > 0, that sorts by user, then time, then row."""
    if times is None:
        return in_turn(users.astype(np.int64))
    low, high = float(times.min()), float(times.max())
    if (int(users.max()) + 1) * (high - low + 1) < 2**53 and (np.floor(times) == times).all():
        when = (times - low).astype(np.int64)
    else:
        _, when = np.unique(times, return_inverse=True)
    return in_turn(users * (when.max() + 1) + when)


def in_turn(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the permutation (n,), n > 0, that sorts keys of 0 and more; equal keys keep their order."""
    rows = keys.astype(np.uint16).argsort(kind="stable")  # the lowest digit; for two bytes numpy uses a radix sort
    for shift in range(DIGIT, int(keys.max()).bit_length(), DIGIT):
        digits = (keys >> shift).astype(np.uint16).take(rows)
        rows = rows.take(digits.argsort(kind="stable"))
    return rows
