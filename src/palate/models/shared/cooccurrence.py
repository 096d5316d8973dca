"""Count how often items occur together or in sequence, item by item on the CPU."""

from dataclasses import dataclass

import numpy as np

from palate.data.interactions import Interactions, in_turn
from palate.system.jit import Array, compiled, in_threads

ITEMS_PER_PART = 16
"""Items that a thread processes at a time."""


@dataclass(frozen=True)
class Pairs:
    """The pairs of a user and an item that have an event, each once, sorted by user and by item."""

    starts: Array  # (n_users + 1,): the items of user u are items[starts[u]:starts[u + 1]]
    items: Array  # (n,)
    item_starts: Array  # (n_items + 1,)
    users: Array  # (n,): likewise, the users of item i are users[item_starts[i]:item_starts[i + 1]]

    @classmethod
    def of(cls, train: Interactions) -> "Pairs":
        users, items = np.divmod(np.unique(train.users.astype(np.int64) * train.n_items + train.items), train.n_items)
        return cls(_starts(users, train.n_users), items, _starts(items, train.n_items), users[in_turn(items)])

    @property
    def counts(self) -> Array:
        """Number of users who have each item (n_items,)."""
        return np.diff(self.item_starts).astype(np.float32)

    def together(self, first: int, last: int, other: "Pairs | None" = None, user_weights: Array | None = None) -> Array:
        """Count the users who have both, for the items first:last and every item -> (last - first, n_items) float32.

        other: pairs of the same users in which the second item is looked up; by default these pairs.
        user_weights: (n_users,) float32, how much each user counts; by default 1.
        """
        other = other or self
        user_weights = np.ones(len(self.starts) - 1, np.float32) if user_weights is None else user_weights
        counts = np.zeros((last - first, len(self.item_starts) - 1), np.float32)

        def count(part: slice) -> None:
            starts = self.item_starts[first + part.start : first + part.stop + 1]
            _count(other.starts, other.items, starts, self.users, user_weights, counts[part])

        in_threads(count, len(counts), ITEMS_PER_PART)
        return counts


def followers(train: Interactions, decay: float, window: int) -> tuple[Array, Array]:
    """Return Σ x xᵀ (n_items, n_items) and Σ x e_yᵀ (n_items, n_items), float32, over every event that follows another.

    e_y is the event's own item; x = Σ decay^age e_item is the sum over at most `window` events before it.
    """
    events = in_turn(train.items.astype(np.int64))
    item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
    powers = np.float32(decay) ** np.arange(window, dtype=np.float32)
    before, after = (np.zeros((train.n_items, train.n_items), np.float32) for _ in range(2))

    def add(part: slice) -> None:
        starts = item_starts[part.start : part.stop + 1]
        _follow(train.offsets, train.users, train.items, starts, events, powers, before[part], after[part])

    in_threads(add, train.n_items, ITEMS_PER_PART)
    return before, after


def _starts(rows: Array, n: int) -> Array:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])


@compiled
def _count(starts: Array, items: Array, item_starts: Array, users: Array, user_weights: Array, counts: Array) -> None:
    for row in range(len(counts)):
        for e in range(item_starts[row], item_starts[row + 1]):
            for other in range(starts[users[e]], starts[users[e] + 1]):
                counts[row, items[other]] += user_weights[users[e]]


@compiled
def _follow(
    starts: Array,
    users: Array,
    items: Array,
    item_starts: Array,
    events: Array,
    powers: Array,
    before: Array,
    after: Array,
) -> None:
    window = len(powers)
    for row in range(len(before)):
        for event in events[item_starts[row] : item_starts[row + 1]]:
            start, end = starts[users[event]], starts[users[event] + 1]
            for last in range(event, min(event + window, end - 1)):
                weight = powers[last - event]
                after[row, items[last + 1]] += weight
                for other in range(max(start, last - window + 1), last + 1):
                    before[row, items[other]] += weight * powers[last - other]
