"""Occasions: the day of a rating and the user's session, as integer keys of the rows that `bayes` has vectors for.

All ratings of a day share a vector, and so do the ratings of one user within a session. A session is a stretch of time
of a given length in seconds.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from palate.data.interactions import DAY

STRETCHES = 2**34
"""A bound above the number of seconds since 1970."""


def occasions(users: Tensor, times: Tensor, n_users: int, days: bool, sessions: Sequence[float]) -> Iterator[Tensor]:
    """Yield keys (N,) of each rating's day, if `days`, and of its session, for each session length in seconds.

    users: (N,) rows; UNSEEN for a new user, whose sessions were not in training. times: (N,) float64 unix seconds.
    Keys of days and of each session length differ.
    """
    lengths = [(DAY, False)] * days + [(seconds, True) for seconds in sessions]
    for kind, (seconds, per_user) in enumerate(lengths):
        owner = users.long() + 1 if per_user else torch.zeros_like(users, dtype=torch.int64)
        stretch = (times / seconds).floor().long().clamp(0, STRETCHES - 1)
        yield (kind * (n_users + 1) + owner) * STRETCHES + stretch


def combined(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return Σ_g b_g + Σ_{g<h} v_g · v_h -> (..), and Σ_g v_g -> (.., dim).

    parts: the rows g that take part in each rating, (.., dim + 1) each: the vector v_g, then the bias b_g.
    """
    first, *rest = parts
    total, vectors = first[..., -1], first[..., :-1]
    for part in rest:
        total = total + part[..., -1] + (vectors * part[..., :-1]).sum(-1)
        vectors = vectors + part[..., :-1]
    return total, vectors
