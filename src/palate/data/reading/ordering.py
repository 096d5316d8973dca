"""The canonical order of events, one event a (user, item) pair: user by user, in blocks that stay in the cache."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import in_order

BLOCK = 1 << 16
"""Rows in a block, more or less: it ends where a user ends."""


def settled(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.float64] | None
) -> NDArray[np.int64] | None:
    """The rows to keep, sorted by user, then time, then row; of a repeated (user, item) pair only the last of these.

    None where that is every row as it stands.
    """
    by_user = None
    if (users[1:] < users[:-1]).any():
        by_user = in_order(users, None)
        users, items, times = users[by_user], items[by_user], None if times is None else times[by_user]
    cuts = np.unique(np.append(np.searchsorted(users, users[::BLOCK]), len(users)))
    with ThreadPoolExecutor() as pool:
        rows: NDArray[np.int64] = np.concatenate(
            list(pool.map(partial(_block, users, items, times), cuts[:-1], cuts[1:]))
        )
    if by_user is not None:
        return by_user[rows]
    return None if len(rows) == len(users) and (rows[1:] > rows[:-1]).all() else rows


def _block(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.float64] | None, start: int, stop: int
) -> NDArray[np.int64]:
    """The same for rows start:stop, which are whole users in order."""
    here = users[start:stop] - users[start]
    rows = _by_time(here, None if times is None else times[start:stop])
    pairs = here * (np.int64(items[start:stop].max()) + 1) + items[start:stop]
    last = _last_of_each(pairs[rows])
    return (rows if last.all() else rows[last]) + start


def _last_of_each(pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A mask (n,) of the last row of each pair."""
    bits = len(pairs).bit_length()
    if int(pairs.max()) < 1 << (63 - bits):  # pair and row fit into one integer, which sorts fastest
        packed = np.sort((pairs << bits) | np.arange(len(pairs)))
        by_pair, in_turn = packed & ((1 << bits) - 1), packed >> bits
    else:
        by_pair = np.argsort(pairs, kind="stable")
        in_turn = pairs[by_pair]
    last = np.zeros(len(pairs), dtype=np.bool_)
    last[by_pair[np.append(in_turn[1:] != in_turn[:-1], True)]] = True
    return last


def _by_time(users: NDArray[np.int32], times: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Like `in_order`, for a few rows whose users are in order."""
    if times is None or ((users[1:] > users[:-1]) | (times[1:] >= times[:-1])).all():
        return np.arange(len(users))
    since = times - times.min()
    span = int(since.max()) + 1
    if int(users[-1] + 1) * span < 2**62 and (np.floor(since) == since).all():
        return np.argsort(users * np.int64(span) + since.astype(np.int64), kind="stable")
    return np.lexsort((times, users))
