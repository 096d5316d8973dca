"""Columns in random order, in memory far larger than the processor's caches.

Each row goes to a random piece, and then each piece is shuffled by itself: rows are read in order and written in order
within each piece, and only a piece, which fits in the cache, is accessed at random. Every order is as likely as any
other: Rao, "Generation of Random Permutations of Given Number of Elements Using Random
Sampling Numbers", Sankhya 1961; Sandelius, "A Simple Randomization Procedure", JRSS B 1962.
"""

from itertools import pairwise

import numpy as np

from palate.system.jit import Array, compiled

PIECE = 2**16
"""Mean number of rows in a piece."""


def shuffled(first: Array, second: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Return both columns (n,) in the same random order."""
    n_pieces = -(-len(first) // PIECE)
    new_first, new_second = np.empty_like(first), np.empty_like(second)
    pieces = random.integers(n_pieces, size=len(first), dtype=np.uint32)
    ends = np.zeros(n_pieces + 1, np.int64)
    _distribute(pieces, first, second, ends, new_first, new_second)
    for start, end in pairwise(ends):
        _shuffle(new_first[start:end], new_second[start:end], random.random(end - start))
    return new_first, new_second


@compiled
def _distribute(pieces: Array, first: Array, second: Array, ends: Array, to_first: Array, to_second: Array) -> None:
    """Fill ends (n_pieces + 1,), 0 first, with the end of each piece, and the new columns piece by piece."""
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
    """Shuffle by draws (n,) from 0 to 1. Knuth, "The Art of Computer Programming", volume 2, 3.4.2, algorithm P."""
    for i in range(len(first) - 1, 0, -1):
        j = int(draws[i] * (i + 1))
        first[i], first[j] = first[j], first[i]
        second[i], second[j] = second[j], second[i]
