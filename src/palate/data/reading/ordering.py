"""The canonical order of events, one event a (user, item) pair: user by user, in blocks that stay in the cache."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_order, in_turn

BLOCK = 1 << 17
"""Rows in a block, more or less: it ends where a user ends."""


def settled(whole: Interactions) -> Interactions:
    """Sorted by user, then time, then row; of a repeated (user, item) pair only the last of these.

    The arrays of `whole` may be sorted where they lie, so as not to need as much memory again.
    """
    if (whole.users[1:] < whole.users[:-1]).any():
        whole = whole.where(in_order(whole.users, None))
    cuts = np.unique(np.append(np.searchsorted(whole.users, whole.users[::BLOCK]), len(whole)))

    def settle(start: int, stop: int) -> int:
        block = {name: column[start:stop] for name, column in whole.columns.items()}
        rows = _last_in_order(block["users"] - block["users"][0], block["items"], block.get("times"))
        for column in block.values():
            column[: len(rows)] = column[rows]
        return len(rows)

    with ThreadPoolExecutor() as pool:
        counts = list(pool.map(settle, cuts[:-1], cuts[1:]))
    end = 0
    for start, count in zip(cuts[:-1], counts, strict=True):
        if end < start:  # close the gap that repeats have left
            for column in whole.columns.values():
                column[end : end + count] = column[start : start + count]
        end += count
    return whole.where(slice(end))


def _last_in_order(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """The rows to keep, sorted, of some whose users are in order."""
    rows = np.arange(len(users)) if times is None else in_order(users, times)
    pairs = users * (np.int64(items.max()) + 1) + items[rows]
    by_pair = in_turn(pairs)
    ordered = pairs[by_pair]
    repeated = ordered[1:] == ordered[:-1]
    if not repeated.any():
        return rows
    last = np.ones(len(rows), dtype=np.bool_)
    last[by_pair[:-1][repeated]] = False
    return rows[last]
