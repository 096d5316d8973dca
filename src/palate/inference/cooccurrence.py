"""Item similarity by co-occurrence: cosines between the sets of users who met the items, for any model and table."""

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.system.jit import Array, compiled

Lists = NDArray[np.int64]
Values = NDArray[np.float64]


class ItemCooccurrence:
    """The similarity of items by the users who met them. Make it once per table, and ask it about many lists.

    An item's vector has a 1 for each user who met it and a 0 for each other user; an item that nobody met is similar
    to no other.
    """

    def __init__(self, known: Interactions) -> None:
        self._n_users = known.n_users
        self._starts = np.append(0, np.cumsum(known.item_counts))
        self._ends = self._starts[:-1].copy()
        self._users = np.empty(len(known), dtype=np.int32)
        _users_of_items(known.users, known.items, self._starts, self._ends, self._users)

    def diversity(self, lists: Lists) -> Values:
        """Return 1 - the mean cosine over the pairs of each list -> (B,), NaN for a list of fewer than two items.

        Ziegler, McNee, Konstan & Lausen, "Improving Recommendation Lists Through Topic Diversification", WWW 2005,
        with the mean in place of the sum.
        """
        values = np.empty(len(lists))
        _diversity(lists, self._starts, self._ends, self._users, np.zeros(self._n_users), values)
        return values

    def cosines(self, items: NDArray[np.int64]) -> Values:
        """Return the cosine of each pair of item rows (n,) -> (n, n)."""
        cosines = np.eye(len(items))
        _cosines(items, self._starts, self._ends, self._users, np.zeros(self._n_users, dtype=np.bool_), cosines)
        return cosines

    def cosines_with(self, item: int) -> Values:
        """Return the cosine of an item row and every item -> (n_items,)."""
        cosines, every = np.empty(len(self._ends)), np.arange(len(self._ends))
        met = np.zeros(self._n_users, dtype=np.bool_)
        _cosines_with(item, every, self._starts, self._ends, self._users, met, cosines)
        return cosines


@compiled
def _users_of_items(event_users: Array, event_items: Array, starts: Array, ends: Array, users: Array) -> None:
    """Write the users of item i, each once, to users[starts[i]:ends[i]].

    `ends` begins as a copy of `starts`; events are sorted by user.
    """
    for event in range(len(event_items)):
        item, user = event_items[event], event_users[event]
        if ends[item] == starts[item] or users[ends[item] - 1] != user:
            users[ends[item]] = user
            ends[item] += 1


@compiled
def _diversity(lists: Array, starts: Array, ends: Array, users: Array, sums: Array, values: Array) -> None:
    """Write the diversity of each list to values (B,).

    With unit vectors v the pairs' cosines are Σ v_i · (the sum of those before it), kept in `sums` (n_users,).
    """
    for b in range(len(lists)):
        cosines, n = 0.0, 0
        for item in lists[b]:
            if item >= 0:
                n += 1
                unit = 1 / np.sqrt(ends[item] - starts[item])
                for user in users[starts[item] : ends[item]]:
                    cosines += sums[user] * unit
                    sums[user] += unit
        values[b] = 1 - cosines / (n * (n - 1) / 2) if n > 1 else np.nan
        for item in lists[b]:
            if item >= 0:
                sums[users[starts[item] : ends[item]]] = 0


@compiled
def _cosines(items: Array, starts: Array, ends: Array, users: Array, met: Array, cosines: Array) -> None:
    """Write the cosine of each pair of items to cosines (n, n); its diagonal stays as it is."""
    for i in range(len(items)):
        _cosines_with(items[i], items[:i], starts, ends, users, met, cosines[i])
        cosines[:i, i] = cosines[i, :i]


@compiled
def _cosines_with(
    item: int, others: Array, starts: Array, ends: Array, users: Array, met: Array, cosines: Array
) -> None:
    """Write the cosine of `item` and each of `others` (m,) to cosines[:m]; met (n_users,) is False before and after."""
    own = users[starts[item] : ends[item]]
    met[own] = True
    for j in range(len(others)):
        other = users[starts[others[j]] : ends[others[j]]]
        both = 0
        for user in other:
            both += met[user]
        cosines[j] = both / max(1.0, np.sqrt(len(own) * len(other)))
    met[own] = False
