"""Each finding on a table that has it, with the count by hand, and none on one that has not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.data import doubts, split
from palate.data import findings as checkup
from palate.data.doubts import Finding
from palate.data.interactions import Interactions
from palate.data.read import read
from palate.data.split import TEST, TRAIN, Split
from tests import tables

NOW = 1_700_000_000.0
MONTH = 2_600_000.0


def clean(n_users: int = 20, n_items: int = 20) -> Interactions:
    """Everybody with everything, at 400 different times, rated 1 to 5 in turn."""
    users, items = np.divmod(np.arange(n_users * n_items), n_items)
    times = NOW - MONTH + np.random.default_rng(0).permutation(len(users)) * 100.0
    return tables.table(users.tolist(), items.tolist(), (1 + (users + items) % 5).tolist(), times.tolist())


def ratings(*odd: float) -> Interactions:
    """The clean table with its first ratings replaced."""
    table = clean()
    assert table.ratings is not None
    return replace(table, ratings=np.concatenate([np.array(odd), table.ratings[len(odd) :]]).astype(np.float32))


def times(*odd: float) -> Interactions:
    """The clean table with its first times replaced."""
    table = clean()
    assert table.times is not None
    return replace(table, times=np.concatenate([odd, table.times[len(odd) :]]))


def counts() -> Interactions:
    """Numbers of plays of a hundred pairs: many of one, few of hundreds."""
    numbers = [1 + 499 * row**8 // 99**8 for row in range(100)]
    return tables.table([row // 10 for row in range(100)], [row % 10 for row in range(100)], numbers)


def findings(table: Interactions, what: str) -> list[Finding]:
    return [finding for finding in checkup.of_table(table, NOW) if what in finding.what]


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert checkup.of_table(clean(), NOW) == []
    assert checkup.of_split(split.by_time(clean())) == []


@pytest.mark.parametrize(
    ("table", "what", "count"),
    [
        (tables.table([1, 1, 1, 2], [1, 1, 1, 2]), "events repeat a (user, item) pair", 2),
        (tables.table(["a", "A ", "b"], ["x", "y", "x"]), "user ids differ only by case or spaces,", 2),
        (tables.table(["a", "b", "c"], ["x", " X", "x "]), "item ids differ only by case or spaces,", 3),
        (ratings(50), "off the scale of the other ratings, such as 50", 1),
        (ratings(3.7, 4.2), "off the scale of the other ratings, such as 3.7, 4.2", 2),
        (ratings(0, 0, 0), "ratings are 0 beside others from 1 to 5", 3),
        (ratings(-1, -1), "ratings are -1 beside others from 1 to 5", 2),
        (ratings(99), "ratings are 99 beside others from 1 to 5", 1),
        (tables.table([1, 1, 2], [1, 2, 1], [4, 4, 4]), "ratings are all the same (4): there is nothing to predict", 3),
        (counts(), "ratings look like counts, from 1 to 500", 100),
        (tables.table(["NULL", "NULL", "5"], ["a", "b", "c"]), "rows have the user 'NULL'; it is no integer", 2),
        (tables.table(["ann", "nan", "bob"], ["a", "b", "c"]), "rows have the user 'nan'", 1),
        (tables.table(["1", "2", "x"], ["a", "b", "c"]), "rows have the user 'x'; it is no integer", 1),
        (tables.table([" 1", " 2"], ["a", "b"]), "user ids all begin or end with a blank, such as ' 1'", 2),
        (tables.table(["e\u0301", "\xe9", "b"], ["x", "y", "x"]), "such as 'e\\u0301' and '\\xe9'", 2),
        (tables.table(["a", "a\u200b", "b"], ["x", "y", "x"]), "such as 'a' and 'a\\u200b'", 2),
        (tables.table(["Ａ", "a", "b"], ["x", "y", "x"]), "such as 'a' and 'Ａ'", 2),
        (times(NOW + 1, NOW + 2), "times are in the future", 2),
        (times(0, 1e8), "times are before 1990", 2),
        (times(NOW * 1000 - 5, (NOW - 9) * 1000, NOW / 1000 - 1), "off by a factor of 1000", 3),
        (times(*[NOW - 50] * 41), "have the same time as another event of the same user", 40),
        (tables.table([1, 2], [1, 2]), "events have no time", 2),
        (tables.table([1] * 5 + [2] * 4, [*range(5), *range(4)], [3] * 9), "the same rating", 1),
        (tables.table([1, 2, 2, 3], [1, 1, 2, 1]), "users have one event", 2),
        (tables.table([1, 2, 2, 3], [1, 1, 2, 1]), "items have one event", 1),
        (tables.table([1, 2, 3, 3], [1, 1, 1, 2]), "the top 1%, have 75% of all events (Gini 0.25)", 1),
    ],
)
def test_what_is_there_is_counted(table: Interactions, what: str, count: int) -> None:
    (finding,) = findings(table, what)
    assert finding.count == count
    assert finding.advice


def test_ordinary_scales_raise_no_doubt() -> None:
    """Grades are no counts, an end of the scale is no missing rating, and words are ids."""
    scales: list[list[float]] = [
        [1, 2, 3, 4, 5],
        [0, 0.5, 5],
        [-1, 0, 1],
        [0, 1],
        [-10, 99 / 10, 3],
        [0.5, 50, 99],
        [1, 99, 100],
    ]
    for scale in scales:
        assert list(doubts.of_ratings(np.array(scale, dtype=np.float32))) == []
    grades = np.random.default_rng(0).integers(0, 101, 1000).astype(np.float32)
    assert list(doubts.of_ratings(grades)) == []
    assert findings(tables.table(["ann", "bob", "1"], ["a", "b", "c"]), "rows have") == []


def test_reading_says_what_is_doubtful() -> None:
    data = {"user": ["NULL", "NULL", "7"], "item": [1, 2, 1], "rating": [-1, 3, 5]}
    table = read(pl.DataFrame(data))
    assert table.notes[1:] == (
        "2 rows have the user 'NULL'; it is no integer where all others are: if that is a missing id, many users "
        "became one: drop={'user': 'NULL'} leaves the rows out",
        "1 ratings are -1 beside others from 3 to 5: if -1 means 'no rating', "
        "drop={'rating': '-1'} leaves these rows out",
    )
    bare = read(pl.DataFrame({**data, "user": [5, 6, 7]}).rename({"rating": "score"}), drop={"rating": "-1"})
    assert bare.scale == (3, 5), "a role stands for its column"


def test_what_reading_has_merged_is_said() -> None:
    table = replace(
        clean(), notes=("read x", "1,234 rows repeat a (user, item) pair: the latest row of each pair is kept")
    )
    (finding,) = checkup.of_table(table, NOW)
    assert (finding.severity, finding.count) == ("note", 1234)


def test_ratings_without_a_scale_have_none_to_be_off() -> None:
    table = clean()
    draw = np.random.default_rng(0).normal(size=len(table)).astype(np.float32)
    assert checkup.of_table(replace(table, ratings=draw), NOW) == []


def test_places_in_a_list_are_no_dates() -> None:
    table = clean()
    assert checkup.of_table(replace(table, times=np.arange(len(table), dtype=np.float64)), NOW) == []


def test_gini_by_hand() -> None:
    assert checkup.gini(np.array([3, 3, 3])) == 0
    assert checkup.gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)
    counts = np.array([1, 2, 4, 9])
    by_pairs = np.abs(counts[:, None] - counts).sum() / (2 * len(counts) * counts.sum())
    assert checkup.gini(counts) == pytest.approx(by_pairs)


def test_what_a_split_lets_through() -> None:
    table = tables.table([1, 1, 1, 2, 2], [1, 2, 1, 1, 2], times=[1, 2, 3, 4, 5])
    leaky = Split(table, np.array([TEST, TRAIN, TRAIN, TRAIN, TEST], dtype=np.uint8))
    both, future = checkup.of_split(leaky)
    assert (both.count, future.count) == (1, 1)
    assert "repeat" in both.what
    assert future.what.startswith("test events (50%) are older")
