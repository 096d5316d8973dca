"""The splits that follow time, people or items: what may stand in which part, under ties too."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data import split
from palate.data.interactions import Interactions
from palate.data.split import KNOWN, TEST, TRAIN, VALIDATION, Split
from palate.errors import OptionError, UnsupportedError
from tests import tables

Event = tuple[int, int, int]

EVENTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 8), st.integers(0, 9)),
    min_size=12,
    max_size=60,
    unique_by=lambda event: event[:2],
)
"""(user, item, time), with many times alike."""

SHARES = st.tuples(st.floats(0.05, 0.6), st.floats(0, 0.5))
quickly = settings(max_examples=60, deadline=None)


def timed(events: list[Event]) -> Interactions:
    users, items, times = zip(*events, strict=True)
    return tables.table(users, items, [1.0] * len(events), times)


def parts(result: Split) -> dict[Event, int]:
    """The part of each event, by its ids and time."""
    table = result.table
    assert table.times is not None
    users, items = table.user_ids.ids[table.users], table.item_ids.ids[table.items]
    named = zip(users.to_list(), items.to_list(), table.times.astype(int).tolist(), strict=True)
    return dict(zip(named, result.part.tolist(), strict=True))


def times_of(table: Interactions) -> list[float]:
    assert table.times is not None
    times: list[float] = table.times.tolist()
    return times


@quickly
@given(EVENTS, SHARES)
def test_by_time_nothing_learned_is_later_than_the_test(events: list[Event], shares: tuple[float, float]) -> None:
    table = timed(events)
    result = split.by_time(table, test=shares[0], validation=shares[1])
    assert len(result.train) + len(result.validation) + len(result.test) == len(table)
    assert len(result.test) == round(len(table) * shares[0])
    assert len(result.validation) == round((len(table) - len(result.test)) * shares[1])
    in_turn = [times_of(part) for part in (result.train, result.validation, result.test) if len(part)]
    for earlier, later in pairwise(in_turn):
        assert max(earlier) <= min(later)


def test_by_time_says_what_it_did_to_a_tie() -> None:
    table = timed([(1, 1, 0), (1, 2, 5), (2, 1, 5), (2, 2, 5), (3, 1, 5), (3, 3, 9)])
    result = split.by_time(table, test=0.5, validation=0)
    assert result.part.tolist() == [TRAIN, TRAIN, TRAIN, TEST, TEST, TEST]
    assert result.notes == (
        "4 events have the very time at which the test part begins: the first 2 of them, in the table's order, are "
        "before it",
    )
    assert split.by_time(table, test=1 / 6, validation=0).notes == ()


@quickly
@given(EVENTS, st.booleans())
def test_the_last_of_everybody_is_left_out(events: list[Event], validation: bool) -> None:
    table = timed(events)
    held_out = [TEST, VALIDATION] if validation else [TEST]
    by_user: dict[int, list[Event]] = {}
    for event in sorted(events, key=lambda event: event[2]):  # stable: at the same time, as given
        by_user.setdefault(event[0], []).append(event)
    if all(len(own) <= len(held_out) for own in by_user.values()):
        with pytest.raises(OptionError, match=f"no user has the {len(held_out) + 1} events"):
            split.leave_last_out(table, validation=validation)
        return
    expected = dict.fromkeys(events, TRAIN)
    for own in by_user.values():
        if len(own) > len(held_out):
            expected |= dict(zip(reversed(own), held_out, strict=False))
    assert parts(split.leave_last_out(table, validation=validation)) == expected


@quickly
@given(EVENTS, st.randoms())
def test_to_write_people_in_another_order_changes_no_part(events: list[Event], chance: Random) -> None:
    people = sorted({user for user, _, _ in events})
    turn = chance.sample(people, len(people))
    moved = sorted(events, key=lambda event: turn.index(event[0]))  # stable: each person's own order stays
    for method in ("time", "last", "users", "items", "random"):
        try:
            first = split.divide(timed(events), method, seed=3)
        except OptionError:
            continue
        assert parts(first) == parts(split.divide(timed(moved), method, seed=3)), method


@quickly
@given(EVENTS, SHARES, st.floats(0.1, 0.9), st.integers(0, 9))
def test_of_new_people_nothing_is_learned(
    events: list[Event], shares: tuple[float, float], known: float, seed: int
) -> None:
    table = timed(events)
    try:
        result = split.new_users(table, test=shares[0], validation=shares[1], known=known, seed=seed)
    except OptionError:
        return
    new = set(result.test.users.tolist())
    assert len(new) == max(1, round(shares[0] * table.n_users))
    assert not new & set(result.before_test.users.tolist())
    assert result.newcomers[sorted(new)].all()
    for person in new:
        own = result.part[table.users == person]
        n_known = min(max(1, round(len(own) * known)), len(own) - 1)
        assert own.tolist() == [KNOWN] * n_known + [TEST] * (len(own) - n_known)  # the oldest are shown
    assert len(result.shown) + len(result.test) == len(table)
    assert result.hash == split.new_users(table, test=shares[0], validation=shares[1], known=known, seed=seed).hash


@quickly
@given(EVENTS, SHARES, st.integers(0, 9))
def test_of_new_items_nothing_is_learned(events: list[Event], shares: tuple[float, float], seed: int) -> None:
    table = timed(events)
    try:
        result = split.new_items(table, test=shares[0], validation=shares[1], seed=seed)
    except OptionError:
        return
    new = set(result.test.items.tolist())
    assert len(new) == max(1, round(shares[0] * table.n_items))
    assert not new & set(result.before_test.items.tolist())
    assert len(result.before_test) + len(result.test) == len(table)


def test_without_times_any_event_of_a_new_person_may_be_shown() -> None:
    table = tables.random_table(60, 40, 0.5)
    result = split.new_users(table, known=0.5)
    firsts = [result.part[table.users == person][0] for person in np.unique(result.test.users)]
    assert {KNOWN, TEST} <= set(firsts)


@pytest.mark.parametrize("method", ["time", "last"])
def test_a_table_without_times_can_t_be_split_by_them(method: str) -> None:
    with pytest.raises(UnsupportedError, match="no times to split by: name its time column, or choose split 'random'"):
        split.divide(tables.random_table(), method)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda table: split.divide(table, "tme"),
            "split is 'tme': it must be one of random, time, last",
        ),
        (lambda table: split.divide(table, "last", test=0), "the test share is 0 with split 'last'"),
        (lambda table: split.divide(table, "users", test=1), "the test share is 1: it must be at least 0 and below 1"),
        (lambda table: split.new_users(table, known=1), "the known share is 1: it must be above 0 and below 1"),
        (
            lambda table: split.new_users(table, test=0.9),
            "needs 3 users with two events, but the table has 2",
        ),
        (lambda table: split.new_items(table, test=0.9), "leave no event to train on"),
    ],
)
def test_what_can_t_be_is_named(make: Callable[[Interactions], object], message: str) -> None:
    table = timed([(1, 1, 0), (1, 2, 1), (1, 3, 2), (2, 1, 3), (2, 2, 4), (2, 3, 5), (3, 1, 6), (1, 4, 7), (2, 4, 8)])
    with pytest.raises(OptionError, match=message):
        make(table)
