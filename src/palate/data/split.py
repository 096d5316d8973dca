"""Interactions to Split: what to learn from, what to choose by, and what to report on."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.errors import OptionError, UnsupportedError

TRAIN, VALIDATION, TEST, KNOWN = 0, 1, 2, 3

Parts = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Split:
    """A table and the part that each of its events belongs to."""

    table: Interactions
    part: Parts  # (n,) TRAIN, VALIDATION, TEST, or KNOWN: of a person nothing is learned from, shown when they ask
    notes: tuple[str, ...] = ()
    """What there is to know of how it came to be, a line each, for a person."""
    refitted: bool = False
    """Whether the model that it belongs to has in the end learned from validation too."""

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
        """Train and validation together: all that may be learned from when the test begins."""
        return self.table.where(self.part < TEST)

    @cached_property
    def shown(self) -> Interactions:
        """All that may be known of people when the test begins: with the events of those nothing was learned from."""
        return self.table.where(self.part != TEST) if (self.part == KNOWN).any() else self.before_test

    @cached_property
    def newcomers(self) -> NDArray[np.bool_]:
        """(n_users,): who has no event that was learned from, so that the model's row of them has learned nothing."""
        return absent(self.table, self.part < TEST if self.refitted else self.part == TRAIN)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the part of every event, in the table's order."""
        return hashlib.sha256(self.part.tobytes()).hexdigest()


def absent(table: Interactions, events: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_users,): who has none of the events (n,)."""
    missing = np.ones(table.n_users, dtype=np.bool_)
    missing[table.users[events]] = False
    return missing


def random(table: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Every event is drawn alike: `test` of all events, then `validation` of the rest.

    Raises:
        OptionError: a share below 0 or at least 1, or one that leaves nothing to learn from.
    """
    n_test, n_validation = _sizes(len(table), test, validation)
    order = np.random.default_rng(seed).permutation(len(table))
    part = np.full(len(table), TRAIN, dtype=np.uint8)
    part[order[:n_test]] = TEST
    part[order[n_test : n_test + n_validation]] = VALIDATION
    return Split(table, part)


def by_time(table: Interactions, *, test: float = 0.2, validation: float = 0.1) -> Split:
    """One moment for everybody: the last `test` of all events, and before them the last `validation` of the rest.

    Of events at the very moment of a cut, the first rows of the table go before it; a note says how many those were.

    Raises:
        OptionError: a share below 0 or at least 1, or one that leaves nothing to learn from.
        UnsupportedError: the table has no times.
    """
    n_test, n_validation = _sizes(len(table), test, validation)
    return _cut(table, _by_age(table), len(table) - n_test - n_validation, len(table) - n_test)


def rolling(table: Interactions, *, blocks: int = 3, test: float = 0.2, validation: float = 0.1) -> Iterator[Split]:
    """The last `test` of all events in `blocks` tests, one after the other, each with all that is older to learn from.

    A split's table ends with its test: what comes later is not in it. Validation is, as in `by_time`, the last share
    of what is before the test.

    Raises:
        OptionError: a share below 0 or at least 1, one that leaves nothing to learn from, fewer tests than 1, or tests
            without events.
        UnsupportedError: the table has no times.
    """
    n_test, _ = _sizes(len(table), test, validation)
    if not 1 <= blocks <= n_test:
        raise OptionError(f"blocks is {blocks}: it must be at least 1, and at most the {n_test:,} events to test on")
    order = _by_age(table)
    cuts = np.linspace(len(table) - n_test, len(table), blocks + 1).round().astype(np.int64).tolist()
    for start, stop in pairwise(cuts):
        rows = np.sort(order[:stop])
        until = table.where(rows)
        yield _cut(until, np.searchsorted(rows, order[:stop]), start - round(start * validation), start)


def leave_last_out(table: Interactions, *, validation: bool = True) -> Split:
    """Of everybody the last event is the test, and the one before it validation; who has too few stays in train whole.

    Too few is fewer than leave one to learn from: 3, or 2 without validation. Events of one person at the same time
    stand in the order they were read in.

    Raises:
        OptionError: nobody has enough events.
        UnsupportedError: the table has no times.
    """
    _check_times(table)
    held_out = 2 if validation else 1
    ends = table.offsets[1:][np.diff(table.offsets) > held_out]
    if not len(ends):
        raise OptionError(f"nobody has the {held_out + 1} events that it takes to leave the last one out")
    part = np.full(len(table), TRAIN, dtype=np.uint8)
    part[ends - 1] = TEST
    if validation:
        part[ends - 2] = VALIDATION
    return Split(table, part)


def new_users(
    table: Interactions, *, test: float = 0.2, validation: float = 0.1, known: float = 0.8, seed: int = 0
) -> Split:
    """Of `test` of the people nothing is learned: some of their events are shown when they ask, the others the test.

    known: the share of a person's events that is shown, at least one and never all: the oldest, or without times any.
    validation: of everybody else's events, drawn as in `random`. Who has one event only is never drawn for the test.

    Raises:
        OptionError: a share out of its bounds, nobody to draw, or nothing left to learn from.
    """
    _check_shares(test=test, validation=validation)
    if not 0 < known < 1:
        raise OptionError(f"the known share is {known}: it must be above 0 and below 1")
    draw = np.random.default_rng(seed)
    counts = np.diff(table.offsets)
    drawn = _drawn(np.flatnonzero(counts > 1), test * np.count_nonzero(counts), draw, "person with two events")
    new = np.zeros(table.n_users, dtype=np.bool_)
    new[drawn] = True
    part = _rest(new[table.users], validation, draw)
    for person in np.flatnonzero(new):
        start, count = int(table.offsets[person]), int(counts[person])
        turn = np.arange(count) if table.times is not None else draw.permutation(count)
        part[start + turn[: min(max(1, round(count * known)), count - 1)]] = KNOWN
    return Split(table, part)


def new_items(table: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """Of `test` of the items nothing is learned: all their events are the test.

    validation: of the other items' events, drawn as in `random`.

    Raises:
        OptionError: a share out of its bounds, or nothing left to learn from.
    """
    _check_shares(test=test, validation=validation)
    draw = np.random.default_rng(seed)
    there = np.flatnonzero(table.item_counts)
    drawn = _drawn(there, test * len(there), draw, "item")
    return Split(table, _rest(np.isin(table.items, drawn), validation, draw))


METHODS: dict[str, Callable[[Interactions, float, float, int], Split]] = {
    "random": lambda table, test, validation, seed: random(table, test=test, validation=validation, seed=seed),
    "time": lambda table, test, validation, seed: by_time(table, test=test, validation=validation),
    "last": lambda table, test, validation, seed: leave_last_out(table, validation=validation > 0),
    "users": lambda table, test, validation, seed: new_users(table, test=test, validation=validation, seed=seed),
    "items": lambda table, test, validation, seed: new_items(table, test=test, validation=validation, seed=seed),
}
"""What `palate.train` and the command line call each."""


def divide(table: Interactions, method: str, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Split:
    """The split of that name; without a test share nothing is held out for one, whatever the method.

    Raises:
        OptionError: no such method, or as the method says.
        UnsupportedError: it needs times, and the table has none.
    """
    if method not in METHODS:
        raise OptionError(f"split is {method!r}; it can be {', '.join(METHODS)}")
    _check_shares(test=test, validation=validation)
    if not test and method != "random":
        raise OptionError(f"split {method!r} without a test share: without a test, choose split 'random'")
    return METHODS[method](table, test, validation, seed)


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise OptionError(f"the {name} share is {share}: it must be at least 0 and below 1")


def _sizes(n: int, test: float, validation: float) -> tuple[int, int]:
    """How many of n events are the test, and how many of the rest validation."""
    _check_shares(test=test, validation=validation)
    n_test = round(n * test)
    n_validation = round((n - n_test) * validation)
    if n_test + n_validation >= n:
        raise OptionError(f"a test share of {test} and a validation share of {validation} leave no event to learn from")
    return n_test, n_validation


def _check_times(table: Interactions) -> NDArray[np.float64]:
    if table.times is None:
        raise UnsupportedError("this table has no times to split by: name its time column, or choose split 'random'")
    return table.times


def _by_age(table: Interactions) -> NDArray[np.int64]:
    """The rows (n,) by time, then row."""
    return np.argsort(_check_times(table), kind="stable")


def _cut(table: Interactions, order: NDArray[np.int64], n_train: int, n_before: int) -> Split:
    """The first n_train of the rows in `order` to train, up to n_before validation, and then the test."""
    part = np.full(len(table), TEST, dtype=np.uint8)
    part[order[:n_before]] = VALIDATION
    part[order[:n_train]] = TRAIN
    times = _check_times(table)
    notes = []
    for cut, what in {n_train: "validation", n_before: "the test"}.items():
        if 0 < cut < len(table) and times[order[cut - 1]] == times[order[cut]]:
            tied = times == times[order[cut]]
            before = np.count_nonzero(tied[order[:cut]])
            notes.append(
                f"{tied.sum():,} events are at the very moment where {what} begins: the first {before:,} of them, in "
                "the table's order, stand before it"
            )
    return Split(table, part, tuple(notes))


def _drawn(among: NDArray[np.int64], wanted: float, draw: np.random.Generator, what: str) -> NDArray[np.int64]:
    """As many of `among` as wanted, rounded, and at least one where any is."""
    count = max(1, round(wanted)) if wanted else 0
    if count > len(among):
        raise OptionError(f"the test needs {count:,} of the table: there are {len(among):,}, each a {what}")
    return draw.choice(among, count, replace=False)


def _rest(held_out: NDArray[np.bool_], validation: float, draw: np.random.Generator) -> Parts:
    """The events held out (n,) are the test; of the others a share drawn is validation."""
    part = np.where(held_out, TEST, TRAIN).astype(np.uint8)
    rest = draw.permutation(np.flatnonzero(~held_out))
    n_validation = round(len(rest) * validation)
    if n_validation >= len(rest):
        raise OptionError(f"the test and a validation share of {validation} leave no event to learn from")
    part[rest[:n_validation]] = VALIDATION
    return part
