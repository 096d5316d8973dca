"""When a rating was given, as numbers that `bayes` has vectors for: its day, and the hour or minute of its person.

Ratings of a day share a vector, and so do those that a person gave in the same stretch of so many seconds, a session.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from palate.data.interactions import DAY

STRETCHES = 2**34
"""More seconds than there are since 1970."""


def occasions(users: Tensor, times: Tensor, n_users: int, days: bool, sessions: Sequence[float]) -> Iterator[Tensor]:
    """A key (N,) of the day of each rating, if asked for, and of its session for each length in seconds.

    users: (N,) rows, UNSEEN for a person who was not in training, whose sessions nothing is known of;
    times: (N,) float64 unix seconds. Keys of different kinds differ.
    """
    lengths = [(DAY, False)] * days + [(seconds, True) for seconds in sessions]
    for kind, (seconds, own) in enumerate(lengths):
        whose = users.long() + 1 if own else torch.zeros_like(users, dtype=torch.int64)
        stretch = (times / seconds).floor().long().clamp(0, STRETCHES - 1)
        yield (kind * (n_users + 1) + whose) * STRETCHES + stretch


def combined(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Σ_g b_g + Σ_{g<h} v_g · v_h of what takes part in each rating, (.., dim + 1) each with the bias last -> (..), and
    Σ_g v_g -> (.., dim)"""
    first, *rest = parts
    total, vectors = first[..., -1], first[..., :-1]
    for part in rest:
        total = total + part[..., -1] + (vectors * part[..., :-1]).sum(-1)
        vectors = vectors + part[..., :-1]
    return total, vectors
