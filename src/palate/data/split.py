"""Interactions to Split: what to learn from, what to choose by, and what to report on."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.errors import OptionError

TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Split:
    """A table and the part that each of its events belongs to."""

    table: Interactions
    part: NDArray[np.uint8]  # (n,) TRAIN, VALIDATION or TEST

    @cached_property
    def train(self) -> Interactions:
        return self.table.where(self.part == TRAIN)

    @cached_property
    def validation(self) -> Interactions:
        return self.table.where(self.part == VALIDATION)

    @cached_property
    def test(self) -> Interactions:
        return self.table.where(self.part == TEST)

    @cached_property
    def before_test(self) -> Interactions:
        """Train and validation together: all that may be known when the test begins."""
        return self.table.where(self.part != TEST)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the part of every event, in the table's order."""
        return hashlib.sha256(self.part.tobytes()).hexdigest()


def random(table: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Every event is drawn alike: `test` of all events, then `validation` of the rest.

    Raises:
        OptionError: a share below 0 or at least 1, or one that leaves nothing to learn from.
    """
    for name, share in (("test", test), ("validation", validation)):
        if not 0 <= share < 1:
            raise OptionError(f"the {name} share is {share}: it must be at least 0 and below 1")
    n_test = round(len(table) * test)
    n_validation = round((len(table) - n_test) * validation)
    if n_test + n_validation >= len(table):
        raise OptionError(f"a test share of {test} and a validation share of {validation} leave no event to learn from")
    part = np.full(len(table), TRAIN, dtype=np.uint8)
    order = np.random.default_rng(seed).permutation(len(table))
    part[order[:n_test]] = TEST
    part[order[n_test : n_test + n_validation]] = VALIDATION
    return Split(table, part)
