"""Sort events in canonical order and keep one per (user, item) pair: user by user, in blocks that fit the cache."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_order, in_turn

BLOCK = 1 << 17
"""Approximate number of rows in a block: it ends where a user ends."""

THREADS = os.cpu_count()
"""Number of threads, one per core: with more, blocks push each other out of the cache."""

SLOTS = 19
"""Bits of the hash that finds repeated pairs: one of four slots is used."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: Knuth, The Art of Computer Programming 3, section 6.4."""


def sort_and_deduplicate(whole: Interactions) -> Interactions:
    """Sort events by user, then time, then row, and keep the last one of each (user, item) pair.

    The arrays of `whole` may be sorted in place, which saves as much memory again.
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

        def close(column: NDArray[Any]) -> None:  # the gaps left by repeated pairs
            for end, start, count in moves:
                column[end : end + count] = column[start : start + count]

        list(pool.map(close, whole.columns.values()))
    return whole.where(slice(ends[-1]))


def _ascending(users: NDArray[np.int32]) -> bool:
    return bool((users[1:] >= users[:-1]).all())


def _in_blocks(whole: Interactions) -> tuple[Interactions, NDArray[np.int64]]:
    """Group the rows by ranges of users, in their old order within each; return them, and the start of each range.

    First, BLOCK rows at a time are sorted in place, in the cache. Then each range is joined from its pieces, column by
    column, into the memory of a column that is done, since the first access to fresh memory is slow.
    """
    spacing = max(1, BLOCK >> 8)
    firsts = np.unique(np.sort(whole.users[::spacing])[:: BLOCK // spacing])[1:]
    ranges = np.arange(len(firsts) + 2)
    range_of = np.searchsorted(firsts, np.arange(whole.n_users), side="right").astype(np.min_scalar_type(len(firsts)))

    def arrange(start: int) -> NDArray[np.intp]:
        part = slice(start, start + BLOCK)
        place = range_of.take(whole.users[part])
        rows = place.argsort(kind="stable")  # a radix sort, one pass per byte
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
    """Return the rows of a block to keep, sorted."""
    rows = in_order(users, times)
    repeated = _repeated((users * (np.int64(items.max()) + 1) + items).take(rows))
    return np.delete(rows, repeated) if len(repeated) else rows


def _repeated(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of pairs that come again later.

    Each pair takes the slot of its hash from the pair before it there. Pairs that lose their slot to an equal pair are
    repeated. Pairs that lose it to another pair, with all equal ones, are few enough to be sorted.
    """
    slots = (pairs.view(np.uint64) * GOLDEN >> np.uint64(64 - SLOTS)).view(np.int64)
    owners, places = np.empty(1 << SLOTS, dtype=np.int32), np.arange(len(pairs), dtype=np.int32)
    owners[slots] = places  # of equal slots the last one remains
    winners = owners.take(slots)
    lost = np.flatnonzero(winners != places)
    to_equal = pairs[lost] == pairs[winners[lost]]
    to_other = lost[~to_equal]
    if len(to_other):
        to_other = to_other[in_turn(pairs[to_other])]
    ordered = pairs[to_other]
    return np.concatenate([lost[to_equal], to_other[:-1][ordered[1:] == ordered[:-1]]])
