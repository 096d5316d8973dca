"""What the columns of a table mean: nothing is ignored in silence, and what looks like something useful is offered."""

from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.interactions import Interactions
from palate.data.read import read
from palate.errors import DataError

LOG = """user,item,liked,event_type,quantity,order_date,shelf
1,10,true,view,1,2024-01-03,a
1,11,false,cart,2,2024-01-04,b
2,10,true,view,1,2024-01-05,a
2,11,true,cart,1,2024-01-06,c
"""


def table(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def ratings(data: Interactions) -> list[float]:
    assert data.ratings is not None
    return list(data.ratings)


def test_what_is_not_used_is_named_and_offered(tmp_path: Path) -> None:
    assert read(table(tmp_path, LOG)).notes[1:] == (
        "columns not used: liked, event_type, quantity, order_date, shelf",
        "column 'liked' looks like a rating (true, false): rating='liked' takes it",
        "column 'event_type' looks like a kind of event (view, cart): all kinds count alike; "
        "keep={'event_type': 'view'} reads one kind only",
        "column 'quantity' looks like a quantity (1, 2): rating='quantity' takes it",
        "column 'order_date' looks like a date (2024-01-03, 2024-01-04, 2024-01-05): time='order_date' takes it",
    )


def test_what_has_a_role_or_was_declined_is_not_offered(tmp_path: Path) -> None:
    path = table(tmp_path, LOG)
    assert read(path, rating="liked", time="order_date").notes[1:] == (
        "columns not used: event_type, quantity, shelf",
        "column 'event_type' looks like a kind of event (view, cart): all kinds count alike; "
        "keep={'event_type': 'view'} reads one kind only",
    )
    declined = read(path, rating=False, time=False, drop={"liked": False})
    assert declined.notes[1:] == (
        "columns not used: event_type, quantity, order_date, shelf",
        "column 'event_type' looks like a kind of event (view, cart): all kinds count alike; "
        "keep={'event_type': 'view'} reads one kind only",
        "1 of 4 rows of log.csv are left out by their values in liked",
    )
    assert read(table(tmp_path, "user,item\n1,2\n2,3\n")).notes[1:] == ()


@pytest.mark.parametrize(
    ("name", "values", "likeness"),
    [
        ("a", ["yes", "no"], "a rating"),
        ("a", ["👍", "👎"], "a rating"),
        ("a", ["★★★★☆", "★"], "a rating"),
        ("a", ["4/5", "3/5"], "a rating"),
        ("a", ["80%", "75 %"], "a rating"),
        ("a", ["4 stars", "1 star"], "a rating"),
        ("my rating", ["4", "3.5"], "a rating"),
        ("averageRating", ["4", "3.5"], ""),
        ("visited_on", ["03/04/2019", "05/04/2019"], "a date"),
        ("visited_on", ["1554076800", "1554076801"], "a date"),
        ("price", ["1554076800", "1554076801"], ""),
        ("a", ["add_to_cart", "Purchase"], "a kind of event"),
        ("action", ["1", "1"], "a kind of event"),
        ("playcount", ["17", "3"], "a quantity"),
        ("a", ["red", "4/5"], ""),
        ("a", ["", ""], ""),
    ],
)
def test_looks(tmp_path: Path, name: str, values: list[str], likeness: str) -> None:
    text = f"user,item,{name}\n" + "".join(f"{row},{row + 5},{value}\n" for row, value in enumerate(values))
    notes = read(table(tmp_path, text)).notes
    assert notes[1] == f"columns not used: {name}"
    assert [f"column {name!r} looks like {likeness} ("] * bool(likeness) == [
        note.split("(")[0] + "(" for note in notes[2:]
    ]


def test_frames_and_json_lines_say_the_same(tmp_path: Path) -> None:
    columns = {"user": [1, 2], "item": [3, 4], "liked": [True, False], "seen": [date(2024, 1, 3), date(2024, 1, 4)]}
    frame = pl.DataFrame({**columns, "tags": [["a"], ["b"]]})
    frame.write_parquet(tmp_path / "x.parquet")
    lines = "".join(
        f'{{"user": {row}, "item": {row}, "liked": true, "seen": "2024-01-03", "tags": []}}\n' for row in "12"
    )
    for source in (
        frame,
        frame.lazy(),
        frame.to_pandas(),
        tmp_path / "x.parquet",
        table(tmp_path, lines, "x.jsonl"),
    ):
        notes = read(source).notes
        assert notes[1] == "columns not used: liked, seen, tags"
        assert [note.split(" (")[0] for note in notes[2:]] == [
            "column 'liked' looks like a rating",
            "column 'seen' looks like a date",
        ]


@pytest.mark.parametrize(
    ("values", "numbers", "how"),
    [
        (["true", "False", " TRUE"], [1, 0, 1], "false and true as 0 and 1"),
        (["y", "n", "yes"], [1, 0, 1], "false and true as 0 and 1"),
        (["thumbs up", "thumbs_down", "👍"], [1, 0, 1], "false and true as 0 and 1"),
        (["★★★½", "⭐⭐", "★☆☆☆☆"], [3.5, 2, 1], "stars"),
        (["4/5", "3.5 / 5", "0 out of 5"], [4, 3.5, 0], "out of 5"),
        (["80%", "7.5 %", "100%"], [80, 7.5, 100], "percent"),
    ],
)
def test_ratings_in_other_spellings(tmp_path: Path, values: list[str], numbers: list[float], how: str) -> None:
    text = "user,item,opinion\n" + "".join(f"{row},{row},{value}\n" for row, value in enumerate(values))
    data = read(table(tmp_path, text), rating="opinion")
    assert ratings(data) == numbers
    assert f", {how})" in data.notes[0]


def test_truth_values_of_frames_are_ratings() -> None:
    for frame in (pl.DataFrame, pd.DataFrame):
        data = read(frame({"user": [1, 2], "item": [1, 2], "rating": [True, False]}))
        assert ratings(data) == [1, 0]
        assert "(0 to 1, false and true as 0 and 1)" in data.notes[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["true", "4"], "line 3: column 'rating' is no rating such as 'true': '4'"),
        (["4/5", "8/10"], "line 3: column 'rating' is out of 10, '8/10', but out of 5 at log.csv: line 2"),
        (["4", "good"], "line 3: column 'rating' is no number: 'good'"),
    ],
)
def test_mixed_spellings_are_refused(tmp_path: Path, values: list[str], message: str) -> None:
    text = "user,item,rating\n" + "".join(f"{row},{row},{value}\n" for row, value in enumerate(values))
    with pytest.raises(DataError) as caught:
        read(table(tmp_path, text))
    assert message in str(caught.value)


def test_a_name_may_state_its_unit(tmp_path: Path) -> None:
    data = read(table(tmp_path, "User ID,Movie ID,Rating (1-5),Time [UTC]\n1,2,3,2024-01-01\n2,3,4,2024-01-02\n"))
    assert "rating=Rating (1-5) (3 to 4), time=Time [UTC] (dates, UTC)" in data.notes[0]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([-1, 0, 2, 5])), min_size=1),
    st.sampled_from([-1, 0, 2, 5]),
)
def test_dropped_rows_are_as_if_they_were_never_there(rows: list[tuple[int, int, int]], value: int) -> None:
    schema = ["user", "item", "rating"]
    rows = [*rows, (7, 7, 3), (8, 8, 3)]
    left = [row for row in rows if row[2] != value]
    alone = read(pl.DataFrame(left, schema=schema, orient="row"))
    for frame in (pl.DataFrame(rows, schema=schema, orient="row"), pd.DataFrame(rows, columns=schema)):
        assert read(frame, drop={"rating": value}).fingerprint == alone.fingerprint
        others = [kept for kept in (-1, 0, 2, 3, 5) if kept != value]
        assert read(frame, keep={"rating": others}).fingerprint == alone.fingerprint


def test_rows_are_kept_and_dropped_by_text(tmp_path: Path) -> None:
    path = table(tmp_path, "user,item,rating,event\nNULL,1,3,buy\n5,1,,buy\n5,2,4,view\n6,1,bad,view\n7,9,5,buy\n")
    data = read(path, drop={"user": ["NULL", "nan"], "rating": ["", "bad"]})
    assert data.user_ids.ids.to_list() == [5, 7], "the other ids are integers again"
    assert ratings(data) == [4, 5]
    assert "3 of 5 rows of log.csv are left out by their values in user, rating" in data.notes
    with pytest.raises(DataError, match=r"log\.csv: line 5: column 'rating' is no number"):
        read(path, keep={"event": "view"})
    with pytest.raises(DataError, match=r"no column 'evnt' among .*; did you mean 'event'"):
        read(path, keep={"evnt": "view"})
    with pytest.raises(DataError, match=r"no row is left with keep=\{'event': 'sale'\}"):
        read(path, keep={"event": "sale"})
