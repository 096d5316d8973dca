"""Turn scores into ranked lists. Evaluation, recommendations and the service all rank here, and nowhere else."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models.contract import PADDING, Model, Query
from palate.system.jit import Array, compiled, in_threads

MEMORY = 2**28
"""Most bytes that one batch of users takes to rank; larger batches are no faster."""

BYTES_A_SCORE = 16
"""Bytes per score while it is ranked: the score, its mask and the copies that sorting makes."""

SHORT = 64
"""Longest list that the compiled loop keeps in order; longer ones are sorted by torch."""

BLOCK = 64
"""Scores that are compared together with the last score of the list."""

ROWS_A_PART = 64
"""Rows of scores that one thread ranks at a time."""

_calls = count()
"""Calls of `top` for one user in this process."""


@torch.inference_mode()
def rank(model: Model, query: Query, k: int, leave_out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the best k items for each of B users -> item rows (B, k) and scores (B, k), best first.

    Equal scores come in the order of their rows. Where fewer than k items are left, rows end in PADDING and scores in
    -inf. leave_out: bool, (B, n_items) or (n_items,), items that must not appear.
    """
    scores = model.eval().score(query)
    rows, best = top(scores, min(k, scores.shape[1]), leave_out)
    return rows.masked_fill(best == -torch.inf, PADDING), best


def top(scores: Tensor, k: int, leave_out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the k largest scores of each row of (B, n) -> their columns (B, k) and values (B, k).

    Of equal scores the smaller column comes first. leave_out: bool, (B, n) or (n,), scores that count as -inf.
    """
    first_list = len(scores) == 1 and next(_calls) == 0  # to load the compiled loop takes longer than this list
    if scores.device.type != "cpu" or k > SHORT or first_list:
        return _sorted(scores if leave_out is None else torch.where(leave_out, -torch.inf, scores), k)
    given = np.ascontiguousarray(scores.numpy())
    left_out = np.zeros(given.shape[1], np.bool_) if leave_out is None else leave_out.numpy()
    if left_out.shape != given.shape:
        left_out = np.broadcast_to(left_out, given.shape)
    columns, values = np.zeros((len(given), k), np.int64), np.full((len(given), k), -np.inf, given.dtype)
    arrays = given, left_out, columns, values
    if len(given) <= ROWS_A_PART:
        _insert(*arrays)  # for one user the scores cost less than anything done around them
    else:
        in_threads(lambda part: _insert(*(array[part] for array in arrays)), len(given), ROWS_A_PART)
    return torch.from_numpy(columns), torch.from_numpy(values)


@compiled
def _insert(scores: Array, left_out: Array, columns: Array, values: Array) -> None:
    """Do `top` in one pass: insert each score above the last of the best so far at its place, behind equal ones."""
    n, k = scores.shape[1], columns.shape[1]
    for b in range(len(scores)):
        n_kept = 0
        for start in range(0, n if k else 0, BLOCK):
            stop = min(start + BLOCK, n)
            larger = n_kept < k
            for column in range(start, stop):
                larger |= scores[b, column] > values[b, k - 1]
            for column in range(start, stop if larger else start):
                score = scores[b, column]
                if (n_kept == k and not score > values[b, k - 1]) or left_out[b, column]:
                    continue
                n_kept = min(n_kept + 1, k)
                place = n_kept - 1
                while place and values[b, place - 1] < score:
                    values[b, place], columns[b, place] = values[b, place - 1], columns[b, place - 1]
                    place -= 1
                values[b, place], columns[b, place] = score, column


def _sorted(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Do `top` by torch."""
    values, columns = scores.topk(k, dim=1)
    if k == 0:
        return columns, values
    last = values[:, -1:]
    tied = (scores >= last).sum(1) > k  # a tie crosses the end of the list
    for row in tied.nonzero().flatten().tolist():
        above = (scores[row] > last[row]).nonzero().flatten()
        level = (scores[row] == last[row]).nonzero().flatten()[: k - len(above)]
        columns[row] = torch.cat([above, level])
    columns = columns.sort(dim=1).values
    order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True)
    return columns.gather(1, order.indices), order.values


def rank_users(
    model: Model,
    history: Interactions,
    users: NDArray[np.int64],
    k: int,
    memory: int = MEMORY,
    leave_out: Tensor | None = None,
    newcomers: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Rank items for user rows (B,) in chunks: the place of each chunk, item rows (b, k) and scores (b, k) of `rank`.

    A user's items in `history` are left out, and so are those of leave_out, bool (n_items,). newcomers: new users, as
    `queries.of_users` takes them. A chunk is as large as `memory` bytes and MEMORY allow.
    """
    people = max(1, min(memory, MEMORY) // (BYTES_A_SCORE * model.n_items))
    for place, query in queries.in_chunks(history, users, model, people, newcomers=newcomers):
        met = seen(history, users[place]).to(model.device)
        yield place, *rank(model, query, k, met if leave_out is None else met.logical_or_(leave_out))


def seen(history: Interactions, users: NDArray[np.int64]) -> Tensor:
    """Mark the items that each user row (B,) has in `history` -> bool (B, n_items)."""
    mask = torch.zeros(len(users), history.n_items, dtype=torch.bool)
    starts, counts = history.offsets[users], np.diff(history.offsets)[users]
    events = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    people = np.repeat(np.arange(len(users)), counts)
    mask[torch.from_numpy(people), torch.from_numpy(history.items[events]).long()] = True
    return mask
