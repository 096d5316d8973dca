"""Build a `Query`, the one question that every model answers, from interactions or from single people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.models.contract import PADDING, UNSEEN, Model, Query


@dataclass(frozen=True, eq=False)
class Person:
    """A user of the table or a new user, and their history, oldest first."""

    row: int  # the user row, UNSEEN for a new user
    items: NDArray[np.int64]  # (L,)
    ratings: NDArray[np.float32] | None = None  # (L,)
    times: NDArray[np.float64] | None = None  # (L,)
    viewed: NDArray[np.int64] | None = None  # (n,) other items that they saw and did not rate

    @property
    def unseen(self) -> "Person":
        """Return the same person as a new user: scored by their history alone (fold-in)."""
        return replace(self, row=UNSEEN)

    def keeping(self, events: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Person":
        """Return the same person with these events alone, given as a mask, their numbers or a slice."""
        return Person(
            self.row,
            self.items[events],
            None if self.ratings is None else self.ratings[events],
            None if self.times is None else self.times[events],
            self.viewed,
        )

    def then(
        self, items: NDArray[np.int64], ratings: NDArray[np.float32] | None, times: NDArray[np.float64] | None
    ) -> "Person":
        """Return the person as a new user after n further events: they replace the earlier ones of the same items, and
        all are in order of time."""
        before = self.unseen.keeping(~np.isin(self.items, items))

        def joined(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if first is None or second is None else np.concatenate([first, second])

        whole = Person(
            UNSEEN,
            np.concatenate([before.items, items]),
            joined(before.ratings, ratings),
            joined(before.times, times),
            self.viewed,
        )
        return whole if whole.times is None else whole.keeping(np.argsort(whole.times, kind="stable"))


def of_row(split: Split, row: int) -> Person:
    """Return a user of the table with all their events, as a new user if the model has not learned from them."""
    table, events = split.table, slice(split.table.offsets[row], split.table.offsets[row + 1])
    return Person(
        UNSEEN if split.newcomers[row] else row,
        table.items[events].astype(np.int64),
        None if table.ratings is None else table.ratings[events],
        None if table.times is None else table.times[events],
    )


def of_people(people: Sequence[Person], model: Model) -> Query:
    """Build the query of B people, with histories where the model needs them.

    All of them have ratings or none has, and all have times or none has.
    """
    device = model.device
    rows = torch.from_numpy(np.array([person.row for person in people], np.int64)).to(device)
    by_history = [model.LOOKS_BACK or person.row == UNSEEN for person in people]
    if not any(by_history):
        return _by_row(rows)
    needed = [person if folded else person.keeping(slice(0)) for person, folded in zip(people, by_history, strict=True)]
    longest = max((len(person.items) for person in needed), default=0)

    def padded(columns: Sequence[NDArray[Any] | None], padding: float, dtype: torch.dtype) -> Tensor | None:
        if any(column is None for column in columns):
            return None
        values = torch.full((len(columns), longest), padding, dtype=dtype)  # (B, L)
        for row, column in zip(values, columns, strict=True):
            if column is not None and len(column):
                row[-len(column) :] = torch.from_numpy(column)
        return values.to(device)

    histories = padded([person.items for person in needed], PADDING, torch.int64)
    assert histories is not None
    return Query(
        rows,
        histories,
        padded([person.ratings for person in needed], 0.0, torch.float32),
        padded([person.times for person in needed], 0.0, torch.float64),
    )


def _by_row(rows: Tensor) -> Query:
    """Build the query of users from training, for a model that needs no history of them."""
    return Query(rows, rows.new_empty(len(rows), 0))


def of_users(
    history: Interactions, users: NDArray[np.int64], model: Model, newcomers: NDArray[np.bool_] | None = None
) -> Query:
    """Build the query of user rows (B,), with their events in `history` where the model looks back.

    newcomers: (n_users,) bool, users that the model has not learned from: they are `UNSEEN`, and always have a history.
    """
    device, lengths = model.device, _lengths(history, users, model, newcomers)
    people = torch.from_numpy(users if newcomers is None else np.where(newcomers[users], UNSEEN, users))
    if not model.LOOKS_BACK and bool((people != UNSEEN).all()):
        return _by_row(people.to(device))
    ends = history.offsets[users + 1]
    starts = ends - lengths
    longest = int((ends - starts).max(initial=0))
    events = ends[:, None] + np.arange(-longest, 0)  # (B, L)
    known = events >= starts[:, None]

    def column(values: NDArray[Any], padding: float, dtype: torch.dtype) -> Tensor:
        padded = np.where(known, values[events.clip(min=0)], padding) if longest else np.empty(events.shape)
        return torch.from_numpy(padded).to(device, dtype)

    return Query(
        people.to(device),
        column(history.items, PADDING, torch.int64),
        None if history.ratings is None else column(history.ratings, 0.0, torch.float32),
        None if history.times is None else column(history.times, 0.0, torch.float64),
    )


def in_chunks(
    history: Interactions,
    users: NDArray[np.int64],
    model: Model,
    people: int = 65_536,
    events: int = 4_000_000,
    newcomers: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[slice, Query]]:
    """Yield queries of user rows (B,) with their places, each of at most so many people and so many padded events."""
    lengths = _lengths(history, users, model, newcomers)
    start = 0
    while start < len(users):
        longest = np.maximum.accumulate(lengths[start : start + people])
        fits = int(np.searchsorted(longest * np.arange(1, len(longest) + 1), events, side="right"))
        stop = start + max(1, fits)
        yield slice(start, stop), of_users(history, users[start:stop], model, newcomers)
        start = stop


def _lengths(
    history: Interactions, users: NDArray[np.int64], model: Model, newcomers: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Return the length of the history that each user row (B,) needs -> (B,)."""
    lengths: NDArray[np.int64] = history.offsets[users + 1] - history.offsets[users]
    if model.LOOKS_BACK:
        return lengths
    return np.zeros_like(lengths) if newcomers is None else np.where(newcomers[users], lengths, 0)
