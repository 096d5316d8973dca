"""Columns in an order drawn by chance, in memory far larger than the processor's caches.

Each row goes to a piece drawn for it, and then each piece is shuffled by itself: rows are read in their order and
written one after the other in each piece, and nothing is visited at random but a piece, which the cache holds. Every
order is as likely as any other: Rao, "Generation of Random Permutations of Given Number of Elements Using Random
Sampling Numbers", Sankhya 1961; Sandelius, "A Simple Randomization Procedure", JRSS B 1962.
"""

from itertools import pairwise

import numpy as np

from palate.system.jit import Array, compiled

PIECE = 2**16
"""Rows of a piece, on average."""


def shuffled(first: Array, second: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Both columns (n,) in the same new order."""
    n_pieces = -(-len(first) // PIECE)
    found = np.empty_like(first), np.empty_like(second)
    pieces = random.integers(n_pieces, size=len(first), dtype=np.uint32)
    ends = np.zeros(n_pieces + 1, np.int64)
    _distribute(pieces, first, second, ends, *found)
    for start, end in pairwise(ends):
        _shuffle(found[0][start:end], found[1][start:end], random.random(end - start))
    return found


@compiled
def _distribute(pieces: Array, first: Array, second: Array, ends: Array, to_first: Array, to_second: Array) -> None:
    """Fills ends (n_pieces + 1,), 0 first, with where each piece ends, and the columns piece by piece."""
    for i in range(len(pieces)):
        ends[pieces[i] + 1] += 1
    for piece in range(len(ends) - 1):
        ends[piece + 1] += ends[piece]
    places = ends[:-1].copy()
    for i in range(len(pieces)):
        place = places[pieces[i]]
        places[pieces[i]] += 1
        to_first[place], to_second[place] = first[i], second[i]


@compiled
def _shuffle(first: Array, second: Array, draws: Array) -> None:
    """By draws (n,) from 0 to 1. Knuth, "The Art of Computer Programming", volume 2, section 3.4.2, algorithm P."""
    for i in range(len(first) - 1, 0, -1):
        j = int(draws[i] * (i + 1))
        first[i], first[j] = first[j], first[i]
        second[i], second[j] = second[j], second[i]
