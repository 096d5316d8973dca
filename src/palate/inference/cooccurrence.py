"""Which items the same people met: cosines between items, for every model and every table."""

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.system.jit import Array, compiled

Lists = NDArray[np.int64]
Values = NDArray[np.float64]


class Alike:
    """Which items are alike: those that the same people met. Made once, asked about many lists."""

    def __init__(self, known: Interactions) -> None:
        self._n_users = known.n_users
        self._starts = np.append(0, np.cumsum(known.item_counts))
        self._ends = self._starts[:-1].copy()
        self._people = np.empty(len(known), dtype=np.int32)
        _people_of_items(known.users, known.items, self._starts, self._ends, self._people)

    def diversity(self, lists: Lists) -> Values:
        """1 - the mean cosine over the pairs of a list -> (B,), NaN for a list of fewer than two items.

        An item's vector says who met it, 1 or 0 for each person, so that it is there for every model and every table;
        one that nobody met is like no other. Ziegler, McNee, Konstan & Lausen, "Improving Recommendation Lists Through
        Topic Diversification", WWW 2005, with the mean in place of the sum.
        """
        found = np.empty(len(lists))
        _diversity(lists, self._starts, self._ends, self._people, np.zeros(self._n_users), found)
        return found

    def cosines(self, items: NDArray[np.int64]) -> Values:
        """Of each pair of items (n,), by who met them as above -> (n, n)."""
        found = np.eye(len(items))
        _cosines(items, self._starts, self._ends, self._people, np.zeros(self._n_users, dtype=np.bool_), found)
        return found

    def cosines_with(self, item: int) -> Values:
        """Of an item and each of all, by who met them as above -> (n_items,)."""
        found, every = np.empty(len(self._ends)), np.arange(len(self._ends))
        met = np.zeros(self._n_users, dtype=np.bool_)
        _cosines_with(item, every, self._starts, self._ends, self._people, met, found)
        return found


@compiled
def _people_of_items(users: Array, items: Array, starts: Array, ends: Array, people: Array) -> None:
    """Those who met item i, each once, to people[starts[i]:ends[i]]; ends starts as starts, events come by user."""
    for event in range(len(items)):
        item, user = items[event], users[event]
        if ends[item] == starts[item] or people[ends[item] - 1] != user:
            people[ends[item]] = user
            ends[item] += 1


@compiled
def _diversity(lists: Array, starts: Array, ends: Array, people: Array, sums: Array, found: Array) -> None:
    """With unit vectors v the pairs' cosines are Σ v_i · (the sum of those before it), kept in `sums` (n_users,)."""
    for b in range(len(lists)):
        cosines, n = 0.0, 0
        for item in lists[b]:
            if item >= 0:
                n += 1
                unit = 1 / np.sqrt(ends[item] - starts[item])
                for user in people[starts[item] : ends[item]]:
                    cosines += sums[user] * unit
                    sums[user] += unit
        found[b] = 1 - cosines / (n * (n - 1) / 2) if n > 1 else np.nan
        for item in lists[b]:
            if item >= 0:
                sums[people[starts[item] : ends[item]]] = 0


@compiled
def _cosines(items: Array, starts: Array, ends: Array, people: Array, met: Array, found: Array) -> None:
    for i in range(len(items)):
        _cosines_with(items[i], items[:i], starts, ends, people, met, found[i])
        found[:i, i] = found[i, :i]


@compiled
def _cosines_with(
    item: int, others: Array, starts: Array, ends: Array, people: Array, met: Array, found: Array
) -> None:
    """To the first of found; met (n_users,) is False before and after."""
    one = people[starts[item] : ends[item]]
    met[one] = True
    for j in range(len(others)):
        other = people[starts[others[j]] : ends[others[j]]]
        both = 0
        for user in other:
            both += met[user]
        found[j] = both / max(1.0, np.sqrt(len(one) * len(other)))
    met[one] = False
