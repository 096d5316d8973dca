"""Interactions: the validated, integer-coded form of a ratings table."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.catalogue import Catalogue
from palate.data.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Interactions:
    """n events, person by person and oldest first: sorted by user row, then time, then as read."""

    users: NDArray[np.int32]  # (n,) rows of user_ids
    items: NDArray[np.int32]  # (n,) rows of item_ids
    ratings: NDArray[np.float32] | None  # (n,), None for data without ratings
    times: NDArray[np.float64] | None  # (n,) unix seconds; None where the table has no times
    user_ids: Vocabulary
    item_ids: Vocabulary
    catalogue: Catalogue
    notes: tuple[str, ...] = ()
    """What the reading took and what it left out, a line each, for a person."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Interactions":
        """The events selected by a mask (n,), or by their numbers; vocabularies and catalogue stay whole."""
        return replace(
            self,
            users=self.users[keep],
            items=self.items[keep],
            ratings=None if self.ratings is None else self.ratings[keep],
            times=None if self.times is None else self.times[keep],
        )

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(n_users + 1,): the events of user row u are offsets[u]:offsets[u + 1]."""
        counts = np.bincount(self.users, minlength=self.n_users)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """(n_items,): how many events each item has."""
        return np.bincount(self.items, minlength=self.n_items).astype(np.int64)

    @cached_property
    def scale(self) -> tuple[float, float] | None:
        """The lowest and the highest rating, None for data without ratings."""
        return None if self.ratings is None else (float(self.ratings.min()), float(self.ratings.max()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, rows, ratings and times: the same table gives the same one, whatever its file's format."""
        digest = hashlib.sha256()
        for vocabulary in (self.user_ids, self.item_ids):
            digest.update("\n".join(map(str, vocabulary.ids.to_list())).encode())
        columns: tuple[NDArray[Any] | None, ...] = (self.users, self.items, self.ratings, self.times)
        for column in columns:
            digest.update(b"none" if column is None else np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def in_order(users: NDArray[np.int32], times: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """The permutation (n,) that sorts by user, then time, then row."""
    first = np.arange(len(users)) if times is None else _stable(times)
    return first[_stable(users[first])]


def _stable(values: NDArray[Any]) -> NDArray[np.int64]:
    """The permutation that sorts, equal values in turn; polars sorts a single column fastest."""
    order = pl.DataFrame({"value": values}).with_row_index("row").sort("value", maintain_order=True)["row"]
    return order.to_numpy().astype(np.int64)
