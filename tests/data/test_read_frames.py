"""Frames of pandas, polars and Arrow; their types are kept."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.data.read import read
from palate.errors import DataError

pd: Any = pytest.importorskip("pandas")
pa: Any = pytest.importorskip("pyarrow")

COLUMNS: dict[str, list[Any]] = {"user": ["b", "a"], "item": [3, 5], "rating": [1.0, 2.5]}


def ids(frame: Any) -> tuple[list[object], list[object]]:
    data = read(frame)
    return data.user_ids.ids.to_list(), data.item_ids.ids.to_list()


def times(values: Any) -> list[float]:
    times = read(pl.DataFrame({"user": [1, 2], "item": [1, 2], "time": values})).times
    assert times is not None
    return list(times)


@pytest.mark.parametrize("make", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.table])
def test_every_kind_of_frame(make: Any) -> None:
    data = read(make(COLUMNS))
    assert (data.user_ids.ids.to_list(), data.item_ids.ids.to_list()) == (["a", "b"], [3, 5])
    assert data.ratings is not None
    assert data.ratings.tolist() == [2.5, 1.0]
    assert data.notes[0] == (
        "read table: 2 rows, 2 users, 2 items; user=user, item=item, rating=rating (1 to 2.5), no times"
    )


def test_anything_with_an_arrow_stream() -> None:
    class Foreign:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.table(COLUMNS).__arrow_c_stream__(requested_schema)

    assert ids(Foreign()) == (["a", "b"], [3, 5])


def test_pandas_without_pyarrow() -> None:
    program = """
import sys
sys.modules["pyarrow"] = None
import pandas as pd
from palate.data.read import read
frame = pd.DataFrame({"user": pd.Series(["a", "b"], dtype=object), "item": [1, 2], "rating": [1.0, 2.0]})
assert read(frame).user_ids.ids.to_list() == ["a", "b"]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_types_of_ids_are_kept() -> None:
    assert ids(pl.DataFrame({"user": ["1", "2"], "item": [1, 2]})) == (["1", "2"], [1, 2])
    text = pl.Series(["1", "2"], dtype=pl.Categorical())
    assert ids(pl.DataFrame({"user": text, "item": text.cast(pl.Enum(["2", "1"]))})) == (["1", "2"], ["1", "2"])
    whole = pl.DataFrame({"user": [1.0, 2.0], "item": pl.Series([1, 2**64 - 1], dtype=pl.UInt64)})
    assert ids(whole) == ([1, 2], [1, 2**64 - 1])
    assert ids(whole.cast(pl.UInt8, strict=False).with_columns(item=pl.Series([1, 2]))) == ([1, 2], [1, 2])


def test_types_of_pandas() -> None:
    frame = pd.DataFrame(
        {
            "user": pd.Series([1, 2], dtype="Int64"),
            "item": pd.Categorical(["x", "y"]),
            "rating": pd.Series([1, 2], dtype="float32"),
            "time": pd.to_datetime(["2000-01-01", "2000-01-02"]).tz_localize("Europe/Paris"),
        }
    )
    data = read(frame)
    assert ids(frame) == ([1, 2], ["x", "y"])
    assert data.times is not None
    assert data.times.tolist() == [946684800 - 3600, 946771200 - 3600]
    frame["time"] = pd.to_datetime(["2000-01-01 00:00:00.000001", "2000-01-02"], format="ISO8601")
    naive = read(frame).times
    assert naive is not None
    assert naive.tolist() == [946684800.000001, 946771200]


def test_python_objects() -> None:
    big = pd.DataFrame({"user": pd.Series([1, 2**70], dtype=object), "item": [1, 2]})
    assert ids(big) == (["1", str(2**70)], [1, 2])
    unsigned = pd.DataFrame({"user": pd.Series([1, 2**63], dtype=object), "item": [1, 2]})
    assert ids(unsigned) == ([1, 2**63], [1, 2])
    mixed = pd.DataFrame({"user": pd.Series([1, 2.0], dtype=object), "item": [np.int64(1), Decimal(2)]})
    assert ids(mixed) == ([1, 2], [1, 2])
    objects = pl.DataFrame({"user": pl.Series(["a", "b"], dtype=pl.Object), "item": [1, 2]})
    assert ids(objects) == (["a", "b"], [1, 2])


def test_dates() -> None:
    day = 946684800
    assert times([dt.date(2000, 1, 1), dt.date(2000, 1, 2)]) == [day, day + 86400]
    moments = pl.Series([dt.datetime(2000, 1, 1), dt.datetime(2000, 1, 1, 0, 0, 1, 500_000)])
    for unit in ("ms", "us", "ns"):
        assert times(moments.cast(pl.Datetime(unit))) == [day, day + 1.5]
    assert times(moments.dt.replace_time_zone("Asia/Tokyo")) == [day - 32400, day - 32400 + 1.5]
    assert times(["2000-01-01", "2000-01-02"]) == [day, day + 86400]
    assert times([day * 10**9 + 1000, day * 10**9 + 2000]) == [day + 1e-6, day + 2e-6]


def test_objects_that_are_dates() -> None:
    values = [dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.date(2000, 1, 2)]
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "time": pd.Series(values, dtype=object)})
    times = read(frame).times
    assert times is not None
    assert times.tolist() == [946684800, 946771200]
    frame["time"] = pd.Series([np.datetime64("2000-01-01"), np.datetime64("2000-01-02")], dtype=object)
    assert read(frame).fingerprint == read(frame.assign(time=pd.to_datetime(frame["time"]))).fingerprint


def test_frames_without_names() -> None:
    assert ids(pd.DataFrame([[1, 2, 3], [4, 5, 6]])) == ([1, 4], [2, 5])
    assert ids(pl.DataFrame([[1, 4], [2, 5]], orient="col")) == ([1, 4], [2, 5])


def test_columns_that_do_not_count_are_left_alone() -> None:
    assert ids(pl.DataFrame({**COLUMNS, "odd": [[1], [2]]})) == (["a", "b"], [3, 5])
    assert ids(pd.DataFrame({**COLUMNS, "odd": [[1], {"x": 2}]})) == (["a", "b"], [3, 5])


def test_columns_that_tell_of_items() -> None:
    said = {"title": ["B", "A"], "genres": [["x"], ["y", "z"]]}
    expected = [("B", None, ["x"]), ("A", None, ["y", "z"])]
    assert read(pl.DataFrame({**COLUMNS, **said})).catalogue.frame.rows() == expected
    text = pl.DataFrame({**COLUMNS, **said, "genres": ["x", "y|z"]}).cast({"title": pl.Categorical()})
    assert read(text).catalogue.frame.rows() == expected
    assert read(text.to_pandas()).catalogue.frame.rows() == expected
    nested = pd.DataFrame({**COLUMNS, "title": [{"en": "B"}, {"en": "A"}], "category": [["x"], ["y"]]})
    assert read(nested).catalogue.frame["title"].to_list() == [None, None]


def test_same_table_same_fingerprint_from_any_source() -> None:
    made = [read(make(COLUMNS)).fingerprint for make in (pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.table)]
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": [True, False]}, "table: row 1: column 'user' holds true/false; ids are integers or text"),
        ({"user": [1.0, 2.5]}, "table: row 2: column 'user' is no whole number; ids are integers or text: 2.5"),
        ({"user": [1.0, float("nan")]}, "table: row 2: column 'user' is empty"),
        ({"user": [1.0, 1e300]}, "row 2: column 'user' is no whole number"),
        ({"user": ["a", None]}, "table: row 2: column 'user' is empty"),
        ({"user": ["a", ""]}, "table: row 2: column 'user' is empty"),
        ({"item": [dt.date(2000, 1, 1)] * 2}, "row 1: column 'item' holds dates"),
        ({"item": [[1], [2]]}, "row 1: column 'item' holds nested values"),
        ({"item": [b"1", b"2"]}, "row 1: column 'item' holds bytes"),
        ({"rating": [[1], [2]]}, "row 1: column 'rating' holds nested values, not numbers"),
        ({"rating": [1.0, float("inf")]}, "row 2: column 'rating' is no finite number"),
        ({"rating": [1.0, None]}, "row 2: column 'rating' is empty"),
        ({"rating": ["good", "4"]}, "row 1: column 'rating' is no number; 'good'"),
        ({"time": [1, None]}, "row 2: column 'time' is empty"),
        ({"time": [True, False]}, "row 1: column 'time' holds true/false"),
        ({"username": ["x", "y"]}, "'user' and 'username' could each be the user"),
    ],
)
def test_mistakes(change: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(pl.DataFrame({**COLUMNS, **change}))
    assert all(part in str(caught.value) for part in message.split("; ")), str(caught.value)


def test_mistakes_in_objects() -> None:
    with pytest.raises(DataError, match="row 2: column 'user' mixes types, '1' here and 1 at table: row 1"):
        read(pd.DataFrame({"user": pd.Series([1, "1"], dtype=object), "item": [1, 2]}))
    with pytest.raises(DataError, match="row 2: column 'user' is empty"):
        read(pd.DataFrame({"user": pd.Series(["a", None]), "item": [1, 2]}))
    with pytest.raises(DataError, match="row 1: column 'user' is empty"):
        read(pd.DataFrame({"user": pd.Series([None, None], dtype=object), "item": [1, 2]}))


def test_frames_without_rows_or_columns() -> None:
    for frame in (pl.DataFrame(COLUMNS).clear(), pd.DataFrame(COLUMNS).iloc[:0]):
        with pytest.raises(DataError, match="no rows"):
            read(frame)
    with pytest.raises(DataError, match="no user column"):
        read(pl.DataFrame())


def test_lazy_frames_that_fail() -> None:
    with pytest.raises(DataError, match="table: cannot be read"):
        read(pl.LazyFrame(COLUMNS).with_columns(pl.col("nothing")))
    with pytest.raises(DataError, match="table: cannot be read"):
        read(pl.LazyFrame(COLUMNS).with_columns(pl.col("user").cast(pl.Int64)))


def test_arrow_streams_that_fail() -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise OSError("gone")

    with pytest.raises(DataError, match=r"cannot be read \(gone\)"):
        read(Broken())
    with pytest.raises(DataError, match="no user column"):
        read(pl.Series(["no", "columns"]))


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Int64, pl.Int128, pl.UInt8, pl.Datetime("us")])
def test_a_frame_stays_as_it_is(dtype: pl.DataType) -> None:
    frame = pl.DataFrame({"user": [1, 2, 1], "item": [1, 2, 2], "rating": [3.0, 2.0, 1.0], "time": [9, 8, 7]})
    frame = frame.cast({"rating": pl.Float32, "time": dtype})
    before = frame.clone().rechunk()
    table = read(pl.concat([frame.head(1), frame.tail(2)], rechunk=False), time_unit="s")
    assert read(frame, time_unit="s").fingerprint == table.fingerprint
    assert table.items.tolist() == [1, 0, 1]
    assert frame.equals(before)


def test_integer_ids_of_any_width() -> None:
    def kept(values: list[int], dtype: pl.DataType) -> pl.Series:
        frame = pl.DataFrame({"user": pl.Series(values, dtype=dtype), "item": [1, 2]})
        return read(frame).user_ids.ids

    assert kept([2**64 - 1, 5], pl.UInt64()).to_list() == [5, 2**64 - 1]
    assert kept([5, 7], pl.Int128()).dtype == pl.Int64
    assert kept([2**64 - 1, 5], pl.Int128()).dtype == pl.UInt64
    assert kept([2**64, -5], pl.Int128()).to_list() == ["-5", str(2**64)]


def test_a_parquet_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame(COLUMNS).write_parquet(path)
    read_parquet = pl.read_parquet

    def read_and_shorten(*given: object, **options: object) -> pl.DataFrame:
        data = read_parquet(*given, **options)  # type: ignore[arg-type]
        pl.DataFrame(COLUMNS).head(1).write_parquet(path)
        return data

    monkeypatch.setattr(pl, "read_parquet", read_and_shorten)
    with pytest.raises(DataError, match=r"x\.parquet: changed while it was read; read it again"):
        read(path)


def test_a_parquet_file_with_a_damaged_column(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame(COLUMNS).write_parquet(path, compression="uncompressed")
    content = bytearray(path.read_bytes())
    content[4:40] = b"\xff" * 36
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read"):
        read(path)
