"""A table and what happened since."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import palate
from palate.data.catalogue import Catalogue
from palate.data.extend import extend
from palate.data.interactions import Interactions
from palate.errors import DataError
from tests.tables import table

NOW = np.array([50.0, 60.0, 70.0, 80.0])


def test_new_people_and_items_join_and_a_later_rating_stands() -> None:
    before = table([3, 3, 5], [10, 30, 10], [1, 2, 3], [1, 2, 3])
    titles = pl.DataFrame({"title": ["Ten", "Thirty"], "text": [None, "long"], "categories": [["A"], []]})
    before = replace(before, catalogue=Catalogue(titles.cast({"text": pl.String, "categories": pl.List(pl.String)})))
    after = extend(before, ["4", "3", "3", "3"], ["20", "10", "10", "20"], np.array([5, 4, 3, 2], np.float32), NOW)
    events = zip(
        after.user_ids.ids[after.users].to_list(),
        after.item_ids.ids[after.items].to_list(),
        (after.ratings if after.ratings is not None else np.empty(0)).tolist(),
        (after.times if after.times is not None else np.empty(0)).tolist(),
        strict=True,
    )
    assert list(events) == [(3, 30, 2, 2), (3, 10, 3, 70), (3, 20, 2, 80), (4, 20, 5, 50), (5, 10, 3, 3)]
    assert after.catalogue.frame["title"].to_list() == ["Ten", None, "Thirty"]
    assert after.catalogue.frame["text"].to_list() == [None, None, "long"]
    assert after.catalogue.frame["categories"].to_list() == [["A"], [], []]
    assert after.notes == ("4 later events: 5 ratings or events in all",)


def test_views_of_a_pair_are_one_event() -> None:
    before = table(["a", "b"], ["x", "y"])
    after = extend(before, ["a", "a"], ["x", "y"], None, NOW[:2])
    assert after.ratings is None
    assert after.times is None
    assert after.users.tolist() == [0, 0, 1]
    assert after.items.tolist() == [0, 1, 1]


def test_nothing_since_is_the_table() -> None:
    before = table([1], [2], [3])
    assert extend(before, [], [], np.empty(0, np.float32), np.empty(0)) is before


def test_text_is_no_integer() -> None:
    with pytest.raises(DataError, match="user 'bob' of an event is text, but the table's ids are integers"):
        extend(table([1], [2], [3]), ["bob"], ["2"], np.ones(1, np.float32), NOW[:1])


events = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(0, 4))


@settings(deadline=None, max_examples=60)
@given(st.lists(events, min_size=1, max_size=12), st.integers(1, 12), st.booleans(), st.booleans())
def test_a_table_and_its_events_are_one_file(rows: list[tuple[int, ...]], cut: int, rated: bool, timed: bool) -> None:
    """Without times the file has the later events in order of theirs."""
    rows, cut = [(8, 8, 3, 2), (9, 9, 3, 2), *rows], cut + 2  # a table has two users and two items
    later = sorted(rows[cut:], key=lambda row: row[3]) if not timed else rows[cut:]
    names = ["user", "item", *(["rating"] if rated else []), *(["time"] if timed else [])]

    def of(part: list[tuple[int, ...]]) -> Interactions:
        frame = pl.DataFrame(part, schema=["user", "item", "rating", "time"], orient="row")
        return palate.read(frame.select(names))

    users, items, ratings, times = np.array(rows[cut:]).reshape(-1, 4).T
    after = extend(
        of(rows[:cut]),
        [str(user) for user in users],
        [str(item) for item in items],
        np.array(ratings, np.float32) if rated else None,
        np.array(times, np.float64),
    )
    whole = of(rows[:cut] + later)
    for name, column in whole.columns.items():
        assert after.columns[name].tolist() == column.tolist(), name
    assert after.user_ids.ids.to_list() == whole.user_ids.ids.to_list()
    assert after.item_ids.ids.to_list() == whole.item_ids.ids.to_list()
