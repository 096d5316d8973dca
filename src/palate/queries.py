"""Interactions and people to Query: the one question that every model answers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import PADDING, UNSEEN, Model, Query


def of_users(
    history: Interactions, users: NDArray[np.int64], model: Model, newcomers: NDArray[np.bool_] | None = None
) -> Query:
    """The query of people of the table, user rows (B,), with their events in `history` where the model looks back.

    newcomers: (n_users,), whom the model has learned nothing of: they ask as `UNSEEN`, and always with their events.
    """
    device, lengths = model.device, _lengths(history, users, model, newcomers)
    people = torch.from_numpy(users if newcomers is None else np.where(newcomers[users], UNSEEN, users))
    if not model.LOOKS_BACK and bool((people != UNSEEN).all()):
        return Query(people.to(device), torch.empty(len(users), 0, dtype=torch.int64, device=device))
    ends = history.offsets[users + 1]
    starts = ends - lengths
    longest = int((ends - starts).max(initial=0))
    at = ends[:, None] + np.arange(-longest, 0)  # (B, L)
    known = at >= starts[:, None]

    def column(values: NDArray[Any], padding: float, dtype: torch.dtype) -> Tensor:
        padded = np.where(known, values[at.clip(min=0)], padding) if longest else np.empty(at.shape)
        return torch.from_numpy(padded).to(device, dtype)

    return Query(
        people.to(device),
        column(history.items, PADDING, torch.int64),
        None if history.ratings is None else column(history.ratings, 0.0, torch.float32),
        None if history.times is None else column(history.times, 0.0, torch.float64),
    )


def of_newcomer(items: NDArray[np.int64], ratings: NDArray[np.float32] | None, model: Model) -> Query:
    """The query of one person never seen, from items (L,), oldest first, and their ratings (L,)."""
    return Query(
        torch.tensor([UNSEEN], device=model.device),
        torch.from_numpy(items).to(model.device)[None],
        None if ratings is None else torch.from_numpy(ratings).to(model.device)[None],
    )


def in_chunks(
    history: Interactions,
    users: NDArray[np.int64],
    model: Model,
    people: int = 65_536,
    events: int = 4_000_000,
    newcomers: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[slice, Query]]:
    """Queries of user rows (B,), with their place: at most so many people each, and so many padded events."""
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
    """How many events each query of user rows (B,) has -> (B,)."""
    lengths: NDArray[np.int64] = history.offsets[users + 1] - history.offsets[users]
    if model.LOOKS_BACK:
        return lengths
    return np.zeros_like(lengths) if newcomers is None else np.where(newcomers[users], lengths, 0)
