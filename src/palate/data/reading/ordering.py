"""The canonical order of events, one event a (user, item) pair: user by user, in blocks that stay in the cache."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_order, in_turn

BLOCK = 1 << 17
"""Rows in a block, more or less: it ends where a user ends."""

THREADS = os.cpu_count()
"""As many as there are cores: with more, blocks push each other out of the cache."""

SLOTS = 19
"""Bits of the hash by which repeated pairs are searched for: of four slots one is taken."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ over the golden ratio: Knuth, The Art of Computer Programming 3, section 6.4."""


def settled(whole: Interactions) -> Interactions:
    """Sorted by user, then time, then row; of a repeated (user, item) pair only the last of these.

    The arrays of `whole` may be sorted where they lie, so as not to need as much memory again.
    """
    if not all(_ascending(whole.users[start : start + BLOCK + 1]) for start in range(0, len(whole), BLOCK)):
        whole, cuts = _in_blocks(whole)
    else:
        cuts = np.unique(np.append(np.searchsorted(whole.users, whole.users[::BLOCK]), len(whole)))

    def settle(start: int, stop: int) -> int:
        block = {name: column[start:stop] for name, column in whole.columns.items()}
        rows = _last_in_order(block["users"] - block["users"].min(), block["items"], block.get("times"))
        for column in block.values():
            column[: len(rows)] = column.take(rows)
        return len(rows)

    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(settle, cuts[:-1], cuts[1:]))
        ends = np.append(0, np.cumsum(counts))
        moves = [move for move in zip(ends, cuts, counts, strict=False) if move[0] < move[1]]

        def close(column: NDArray[Any]) -> None:  # the gaps that repeats have left
            for end, start, count in moves:
                column[end : end + count] = column[start : start + count]

        list(pool.map(close, whole.columns.values()))
    return whole.where(slice(ends[-1]))


def _ascending(users: NDArray[np.int32]) -> bool:
    return bool((users[1:] >= users[:-1]).all())


def _in_blocks(whole: Interactions) -> tuple[Interactions, NDArray[np.int64]]:
    """The rows by ranges of users, in turn within each; and where the ranges begin, and the end.

    First BLOCK rows at a time are sorted where they lie, in the cache; then each range is put together out of its
    pieces, column by column: into memory that another column has left, since to touch fresh memory is slow.
    """
    spacing = max(1, BLOCK >> 8)
    firsts = np.unique(np.sort(whole.users[::spacing])[:: BLOCK // spacing])[1:]
    ranges = np.arange(len(firsts) + 2)
    range_of = np.searchsorted(firsts, np.arange(whole.n_users), side="right").astype(np.min_scalar_type(len(firsts)))

    def arrange(start: int) -> NDArray[np.intp]:
        part = slice(start, start + BLOCK)
        place = range_of.take(whole.users[part])
        rows = place.argsort(kind="stable")  # in one pass for each of its bytes
        for column in whole.columns.values():
            column[part] = column[part].take(rows)
        return np.searchsorted(place[rows], ranges)

    starts = np.arange(0, len(whole), BLOCK)
    by_width = sorted(whole.columns.items(), key=lambda named: -named[1].itemsize)
    spare = np.empty(by_width[0][1].nbytes, dtype=np.uint8)
    gathered: dict[str, Any] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        sizes = np.array(list(pool.map(arrange, starts)))  # (parts, ranges + 1), cumulative
        cuts, pieces = sizes.sum(axis=0), (starts[:, None] + sizes).T.tolist()
        for name, column in by_width:
            place, spare = spare[: column.nbytes].view(column.dtype), spare[column.nbytes :]

            def gather(into: NDArray[Any], begin: list[int], end: list[int], column: NDArray[Any] = column) -> None:
                np.concatenate([column[slice(*piece)] for piece in zip(begin, end, strict=True)], out=into)

            list(pool.map(gather, np.split(place, cuts[1:-1]), pieces[:-1], pieces[1:]))
            gathered[name] = place
            spare = spare if len(spare) else column.view(np.uint8)
    return replace(whole, **gathered), cuts


def _last_in_order(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """The rows to keep, sorted, of the rows of a block."""
    rows = in_order(users, times)
    again = _again((users * (np.int64(items.max()) + 1) + items).take(rows))
    return np.delete(rows, again) if len(again) else rows


def _again(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the pairs are that come again later.

    Each pair takes the slot of its hash from whichever had it: those that lost it to their own kind come again, and
    those that lost it to another, with all of their kind, are few enough to be sorted.
    """
    slots = (pairs.view(np.uint64) * GOLDEN >> np.uint64(64 - SLOTS)).view(np.int64)
    taken, places = np.empty(1 << SLOTS, dtype=np.int32), np.arange(len(pairs), dtype=np.int32)
    taken[slots] = places  # of a repeated slot the last one counts
    winners = taken.take(slots)
    lost = np.flatnonzero(winners != places)
    own = pairs[lost] == pairs[winners[lost]]
    rest = lost[~own]
    if len(rest):
        rest = rest[in_turn(pairs[rest])]
    ordered = pairs[rest]
    return np.concatenate([lost[own], rest[:-1][ordered[1:] == ordered[:-1]]])
