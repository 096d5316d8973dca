"""Interactions -> Split: a training part, a validation part to choose by, and a test part to report on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.errors import OptionError, UnsupportedError, as_number

TRAIN, VALIDATION, TEST, KNOWN = 0, 1, 2, 3

Parts = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Split:
    """A table and the part that each of its events belongs to."""

    table: Interactions
    part: Parts  # (n,) TRAIN, VALIDATION, TEST, or KNOWN: not trained on, but known of a new user at prediction time
    notes: tuple[str, ...] = ()
    """Notes for the user about the split, a line each."""
    refitted: bool = False
    """True if the model of this split was trained on the validation part too in the end (refit)."""

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
        """The training and validation parts together: all that may be trained on before the test."""
        return self.table.where(self.part < TEST)

    @cached_property
    def shown(self) -> Interactions:
        """All events that may be known at prediction time: `before_test` and the known events of new users."""
        return self.table.where(self.part != TEST) if (self.part == KNOWN).any() else self.before_test

    @cached_property
    def newcomers(self) -> NDArray[np.bool_]:
        """(n_users,): the new users, who have no event in the training part: their rows in the model are untrained."""
        return absent(self.table, self.part < TEST if self.refitted else self.part == TRAIN)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the part of every event, in the table's order."""
        return hashlib.sha256(self.part.tobytes()).hexdigest()


def absent(table: Interactions, events: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which users, (n_users,), have none of the events of a mask (n,)."""
    missing = np.ones(table.n_users, dtype=np.bool_)
    missing[table.users[events]] = False
    return missing


def random(table: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Draw the share `test` of all events at random, then the share `validation` of the rest.

    Raises:
        OptionError: a share below 0 or at least 1, or shares that leave no event to train on.
    """
    n_test, n_validation = _sizes(len(table), test, validation)
    order = np.random.default_rng(seed).permutation(len(table))
    part = np.full(len(table), TRAIN, dtype=np.uint8)
    part[order[:n_test]] = TEST
    part[order[n_test : n_test + n_validation]] = VALIDATION
    return Split(table, part)


def by_time(table: Interactions, *, test: float = 0.2, validation: float = 0.1) -> Split:
    """Split at one time for all users: the last `test` of all events, before them the last `validation` of the rest.

    Among events at the very time of a cut, the first rows of the table go before it; a note says how many.

    Raises:
        OptionError: a share below 0 or at least 1, or shares that leave no event to train on.
        UnsupportedError: the table has no times.
    """
    n_test, n_validation = _sizes(len(table), test, validation)
    return _cut(table, _by_age(table), len(table) - n_test - n_validation, len(table) - n_test)


def leave_last_out(table: Interactions, *, validation: bool = True) -> Split:
    """Put each user's last event into the test part and the event before it into validation (leave-last-out).

    Users with fewer than 3 events, or 2 without validation, stay in the training part whole. Events of a user at the
    same time keep the order in which they were read.

    Raises:
        OptionError: no user has enough events.
        UnsupportedError: the table has no times.
    """
    _check_times(table)
    held_out = 2 if validation else 1
    ends = table.offsets[1:][np.diff(table.offsets) > held_out]
    if not len(ends):
        raise OptionError(f"no user has the {held_out + 1} events that split 'last' needs; choose another split")
    part = np.full(len(table), TRAIN, dtype=np.uint8)
    part[ends - 1] = TEST
    if validation:
        part[ends - 2] = VALIDATION
    return Split(table, part)


def new_users(
    table: Interactions, *, test: float = 0.2, validation: float = 0.1, known: float = 0.8, seed: int = 0
) -> Split:
    """Draw the share `test` of the users as new users (cold start), without events in the training part.

    Args:
        known: share of a new user's events that is known at prediction time, at least one and never all; the others
            are the test. The oldest are known, or random ones if the table has no times.
        validation: share of the other users' events, drawn as in `random`.
        test: share of the users. Users with one event are never drawn.

    Raises:
        OptionError: a share out of its bounds, too few users to draw from, or no event left to train on.
    """
    _check_shares(test=test, validation=validation)
    if not 0 < known < 1:
        raise OptionError(f"the known share is {known}: it must be above 0 and below 1")
    draw = np.random.default_rng(seed)
    counts = np.diff(table.offsets)
    drawn = _drawn(np.flatnonzero(counts > 1), test * np.count_nonzero(counts), draw, "users with two events")
    new = np.zeros(table.n_users, dtype=np.bool_)
    new[drawn] = True
    part = _with_validation(new[table.users], validation, draw)
    for user in np.flatnonzero(new):
        start, count = int(table.offsets[user]), int(counts[user])
        order = np.arange(count) if table.times is not None else draw.permutation(count)
        part[start + order[: min(max(1, round(count * known)), count - 1)]] = KNOWN
    return Split(table, part)


def new_items(table: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Draw the share `test` of the items as new items (cold start): all their events are the test.

    validation: share of the other items' events, drawn as in `random`.

    Raises:
        OptionError: a share out of its bounds, or no event left to train on.
    """
    _check_shares(test=test, validation=validation)
    draw = np.random.default_rng(seed)
    items = np.flatnonzero(table.item_counts)
    drawn = _drawn(items, test * len(items), draw, "items")
    return Split(table, _with_validation(np.isin(table.items, drawn), validation, draw))


METHODS: dict[str, Callable[[Interactions, float, float, int], Split]] = {
    "random": lambda table, test, validation, seed: random(table, test=test, validation=validation, seed=seed),
    "time": lambda table, test, validation, seed: by_time(table, test=test, validation=validation),
    "last": lambda table, test, validation, seed: leave_last_out(table, validation=validation > 0),
    "users": lambda table, test, validation, seed: new_users(table, test=test, validation=validation, seed=seed),
    "items": lambda table, test, validation, seed: new_items(table, test=test, validation=validation, seed=seed),
}
"""Split methods by the names that `palate.train` and the command line use."""


def divide(table: Interactions, method: str, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Return the split of that method. With a test share of 0 only "random" is possible, and no event is for testing.

    Raises:
        OptionError: the method is unknown, or a share is out of its bounds.
        UnsupportedError: the method needs times, and the table has none.
    """
    if method not in METHODS:
        raise OptionError(f"split is {method!r}: it must be one of {', '.join(METHODS)}")
    _check_shares(test=test, validation=validation)
    if not test and method != "random":
        raise OptionError(f"the test share is 0 with split {method!r}: without a test part, choose split 'random'")
    return METHODS[method](table, test, validation, seed)


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= as_number(share, name) < 1:
            raise OptionError(f"the {name} share is {share}: it must be at least 0 and below 1")


def _sizes(n: int, test: float, validation: float) -> tuple[int, int]:
    """Return the number of test events among n, and of validation events among the rest."""
    _check_shares(test=test, validation=validation)
    n_test = round(n * test)
    n_validation = round((n - n_test) * validation)
    if n_test + n_validation >= n:
        raise OptionError(f"a test share of {test} and a validation share of {validation} leave no event to train on")
    return n_test, n_validation


def _check_times(table: Interactions) -> NDArray[np.float64]:
    if table.times is None:
        raise UnsupportedError("the table has no times to split by: name its time column, or choose split 'random'")
    return table.times


def _by_age(table: Interactions) -> NDArray[np.int64]:
    """Return the rows (n,) ordered by time, then row."""
    return np.argsort(_check_times(table), kind="stable")


def _cut(table: Interactions, order: NDArray[np.int64], n_train: int, n_before: int) -> Split:
    """Split the rows in `order`: the first n_train are for training, those up to n_before validation, the rest test."""
    part = np.full(len(table), TEST, dtype=np.uint8)
    part[order[:n_before]] = VALIDATION
    part[order[:n_train]] = TRAIN
    times = _check_times(table)
    notes = []
    for cut, name in {n_train: "validation", n_before: "test"}.items():
        if 0 < cut < len(table) and times[order[cut - 1]] == times[order[cut]]:
            tied = times == times[order[cut]]
            before = np.count_nonzero(tied[order[:cut]])
            notes.append(
                f"{tied.sum():,} events have the very time at which the {name} part begins: the first {before:,} of "
                "them, in the table's order, are before it"
            )
    return Split(table, part, tuple(notes))


def _drawn(rows: NDArray[np.int64], number: float, draw: np.random.Generator, kind: str) -> NDArray[np.int64]:
    """Draw that many of the rows, rounded, and at least one unless the number is 0. kind: of rows, for the message."""
    count = max(1, round(number)) if number else 0
    if count > len(rows):
        available = f"the table has {len(rows):,}"
        raise OptionError(f"the test part needs {count:,} {kind}, but {available}: lower the test share")
    return draw.choice(rows, count, replace=False)


def _with_validation(held_out: NDArray[np.bool_], validation: float, draw: np.random.Generator) -> Parts:
    """Put the events held out (n,) into the test part, and a random share of the others into validation."""
    part = np.where(held_out, TEST, TRAIN).astype(np.uint8)
    remaining = draw.permutation(np.flatnonzero(~held_out))
    n_validation = round(len(remaining) * validation)
    if n_validation >= len(remaining):
        raise OptionError(f"the test part and a validation share of {validation} leave no event to train on")
    part[remaining[:n_validation]] = VALIDATION
    return part
