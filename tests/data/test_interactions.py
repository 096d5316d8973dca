"""Arrays, masks, offsets, order and fingerprints."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.interactions import Interactions, in_order
from palate.data.read import read
from palate.data.reading import ordering
from palate.data.reading.ordering import sort_and_deduplicate
from palate.data.vocabulary import Vocabulary


def small() -> Interactions:
    return read(
        pl.DataFrame({"user": [1, 1, 2, 3], "item": [5, 6, 5, 7], "rating": [1, 2, 3, 4], "time": [1, 2, 3, 4]})
    )


def test_counts_and_offsets() -> None:
    data = small()
    assert (len(data), data.n_users, data.n_items) == (4, 3, 3)
    assert data.offsets.tolist() == [0, 2, 3, 4]
    assert data.item_counts.tolist() == [2, 1, 1]
    assert data.scale == (1, 4)


def test_where_keeps_vocabularies() -> None:
    part = small().where(np.array([True, False, False, True]))
    assert (part.users.tolist(), part.items.tolist()) == ([0, 2], [0, 2])
    assert part.offsets.tolist() == [0, 1, 1, 2]
    assert part.n_items == 3
    assert part.ratings is not None
    assert part.times is not None
    assert (part.ratings.tolist(), part.times.tolist()) == ([1, 4], [1, 4])
    assert small().where(np.array([3, 0])).users.tolist() == [2, 0]


def test_where_without_ratings_and_times() -> None:
    data = read(pl.DataFrame({"user": [1, 2], "item": [1, 2]})).where(np.array([True, False]))
    assert (data.ratings, data.times, data.scale) == (None, None, None)


def test_fingerprints_differ_where_the_data_do() -> None:
    base: dict[str, list[Any]] = {"user": [1, 2], "item": [1, 2], "rating": [1.0, 2.0], "time": [1, 2]}
    changes: list[dict[str, list[Any]]] = [
        {},
        {"user": [1, 3]},
        {"item": [2, 1]},
        {"rating": [1.0, 3.0]},
        {"time": [1, 3]},
        {"user": ["1", "x"]},
    ]
    assert len({read(pl.DataFrame({**base, **change})).fingerprint for change in changes}) == len(changes)
    assert read(pl.DataFrame(base)).fingerprint == read(pl.DataFrame(base).reverse()).fingerprint


BLANK = small().where(np.array([], dtype=np.int64))
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 3) | st.sampled_from([-(2**58), 0.25, 0.5]),
    ),
    min_size=1,
)


@given(EVENTS, st.booleans())
def test_in_order_is_a_stable_sort(events: list[tuple[int, int, float]], timed: bool) -> None:
    users = np.array([event[0] for event in events], dtype=np.int32)
    times = np.array([event[2] for event in events], dtype=np.float64) if timed else None
    keys = [(users[row], 0 if times is None else times[row], row) for row in range(len(events))]
    assert in_order(users, times).tolist() == sorted(range(len(events)), key=keys.__getitem__)


def test_rows_in_any_order_are_sort_and_deduplicate_as_in_order() -> None:
    random = np.random.default_rng(0)
    users = np.minimum(random.geometric(0.01, 5_000), 400).astype(np.int32)
    items, times = random.integers(0, 40, 5_000, dtype=np.int32), random.integers(0, 50, 5_000).astype(np.float64)
    known = Vocabulary("user", pl.Series(range(401)))
    mixed = replace(
        BLANK, users=users, items=items, ratings=np.arange(5_000, dtype=np.float32), times=times, user_ids=known
    )
    grouped = mixed.where(np.argsort(users, kind="stable"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "BLOCK", 1 << 9)
        expected, actual = sort_and_deduplicate(grouped), sort_and_deduplicate(mixed)
    assert 2_000 < len(actual) < 5_000
    assert all((actual.columns[name] == column).all() for name, column in expected.columns.items())


@given(
    EVENTS,
    st.booleans(),
    st.sampled_from([1, 2, 3, 1 << 16]),
    st.sampled_from([1, 3, 19]),
    st.sampled_from([(1, 1), (2**12, 2**29)]),
)
def test_sort_and_deduplicate_keeps_the_last_of_each_pair(
    events: list[tuple[int, int, float]], timed: bool, block: int, slots: int, stretch: tuple[int, int]
) -> None:
    users, items = (
        np.array([min(event[at] * stretch[at], 2**31 - 1) for event in events], dtype=np.int32) for at in (0, 1)
    )
    times = np.array([event[2] for event in events], dtype=np.float64) if timed else None
    order = in_order(users, times).tolist()
    last = {(users[row], items[row]): row for row in order}
    known = Vocabulary("user", pl.Series(range(4 * stretch[0] + 1)))
    ratings = np.arange(len(events), dtype=np.float32)
    whole = replace(BLANK, users=users, items=items, ratings=ratings, times=times, user_ids=known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "BLOCK", block)
        patch.setattr(ordering, "SLOTS", slots)
        kept = sort_and_deduplicate(whole.where(np.arange(len(events))))
    expected = whole.where(np.array([row for row in order if last[users[row], items[row]] == row]))
    assert kept.columns.keys() == expected.columns.keys()
    assert all(kept.columns[name].tolist() == column.tolist() for name, column in expected.columns.items())
