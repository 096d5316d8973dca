"""Two steps over the graph of people and items, for many signals at once, on the CPU."""

import numpy as np

from palate.system.jit import Array, compiled_sums, in_threads

LANES = 16
"""Signals that go together: what a wide register holds."""


def there_and_back(starts: Array, items: Array, scale: Array, signals: Array) -> Array:
    """Signals on the items (n, n_items), each times RᵀR  -> (n, n_items), float32 as they are.

    R (n_users, n_items) is 1 / sqrt(n_u) * scale_i where user u has item i, n_u their number of items, else 0.
    starts (n_users + 1,): the items of user u are items[starts[u]:starts[u + 1]], each once; scale (n_items,) float32.
    """
    found = np.empty_like(signals)

    def walk(part: slice) -> None:
        _walk(starts, items, scale, signals[part], found[part])

    in_threads(walk, len(signals), LANES)
    return found


@compiled_sums
def _walk(starts: Array, items: Array, scale: Array, signals: Array, found: Array) -> None:
    n = len(signals)
    there = np.zeros((len(scale), LANES), np.float32)
    back = np.zeros((len(scale), LANES), np.float32)
    at_user = np.empty(LANES, np.float32)
    for lane in range(n):
        for item in range(len(scale)):
            there[item, lane] = signals[lane, item] * scale[item]
    for user in range(len(starts) - 1):
        at_user[:] = 0
        for e in range(starts[user], starts[user + 1]):
            for lane in range(LANES):
                at_user[lane] += there[items[e], lane]
        if not at_user.any():
            continue
        at_user /= starts[user + 1] - starts[user]
        for e in range(starts[user], starts[user + 1]):
            for lane in range(LANES):
                back[items[e], lane] += at_user[lane]
    for lane in range(n):
        for item in range(len(scale)):
            found[lane, item] = back[item, lane] * scale[item]
