"""Rows that break a rule are left out on demand: the others are read as if these were not there."""

import csv
import json
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.read import read
from palate.errors import DataError
from tests.data.test_read import triples, written

HEAD = "user,item,rating,time,text\n"
GOOD = ["1,10,3,964982703,fine", '1,11,4,964982704,"a, ""b""\nc"', "2,10,5,964982705,", "3,12,1,964982706,x"]
BAD = {
    "1,2,3": "fields: 3, where the first line has 5",
    "1,2,3,4,5,6": "fields: 6, where",
    '4,13,"x" y,5,z': "a quote that does not end a field",
    '4,13,2,964982703,"never': "a quote",
    "4,13,good,964982703,x": "column 'rating' is no number",
    "4,13,,964982703,x": "column 'rating' is empty",
    "4,13,inf,964982703,x": "column 'rating' is no finite number",
    ",13,2,964982703,x": "column 'user' is empty",
    "4,,2,964982703,x": "column 'item' is empty",
    "4,13,2,soon,x": "column 'time' is no time",
    ",,,,": "all fields are empty",
    "4,13\0,2,964982703,x": "a null byte",
}


def listed(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))[1:]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_row_is_left_out_and_listed(tmp_path: Path, bad: str) -> None:
    good = read(written(tmp_path, HEAD + "\n".join(GOOD) + "\n", "good.csv"))
    path = written(tmp_path, HEAD + "\n".join([GOOD[0], GOOD[1], bad, *GOOD[2:]]) + "\n", "bad.csv")
    with pytest.raises(DataError):
        read(path)
    out = tmp_path / "out.csv"
    data = read(path, skip_invalid=out)
    assert data.fingerprint == good.fingerprint
    assert f"invalid rows left out: 1; {out} lists them with their problems" in data.notes
    [[place, problem, text]] = listed(out)
    assert place == "bad.csv: line 5"
    assert BAD[bad] in problem
    assert text.split(",")[0] == bad.split(",")[0]


@given(st.lists(st.sampled_from(list(BAD)), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_any_mixture(tmp_path_factory: pytest.TempPathFactory, bad: list[str], random: Random) -> None:
    """Good rows come back whatever stands between them, and each bad row is listed."""
    folder = tmp_path_factory.mktemp("mixture")
    rows = [*GOOD, *bad]
    random.shuffle(rows)
    out = folder / "out.csv"
    data = read(written(folder, HEAD + "\n".join(rows) + "\n"), skip_invalid=out)
    assert sorted(triples(data)) == [(1, 10, 3.0), (1, 11, 4.0), (2, 10, 5.0), (3, 12, 1.0)]
    assert (len(listed(out)) if bad else out.exists()) == len(bad)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, b"user,item\n1,2\n\xe9,3\n3,4\n")
    assert triples(read(path, skip_invalid=tmp_path / "o.csv")) == [(1, 2, 1.0), (3, 4, 1.0)]
    assert listed(tmp_path / "o.csv") == [["x.csv: line 3", "not UTF-8 (byte 0xe9)", "\ufffd,3"]]


def test_json_lines_and_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"user": 1, "item": 2}, [1], {"user": None, "item": 3}, {"user": 3, "item": 4}]
    path = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows) + "{\n", "x.jsonl")
    assert triples(read(path, skip_invalid=True)) == [(1, 2, 1.0), (3, 4, 1.0)]
    assert [row[:2] for row in listed(tmp_path / "x.skipped.csv")] == [
        ["x.jsonl: line 2", "no JSON object"],
        ["x.jsonl: line 5", "no JSON"],
        ["x.jsonl: line 3", "column 'user' is empty"],
    ]
    frame = pl.DataFrame({"user": [1, None, 3], "item": [2, 3, 4], "rating": [3.0, 4.0, float("nan")]})
    more = pl.concat([frame, frame.select(pl.col("user") + 4, "item", pl.lit(2.0).alias("rating"))])
    assert triples(read(more, skip_invalid=True)) == [(1, 2, 3.0), (5, 2, 2.0), (7, 4, 2.0)]
    assert len(listed(tmp_path / "table.skipped.csv")) == 3


def test_nothing_is_written_where_nothing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = read(written(tmp_path, HEAD + "\n".join(GOOD)), skip_invalid=True)
    assert not any("left out" in note for note in data.notes)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    for separator in ("||", "::"):
        path = written(tmp_path, "user,item\na,x\nb\nc,y\n".replace(",", separator))
        assert triples(read(path, skip_invalid=True, separator=separator)) == [("a", "x", 1.0), ("c", "y", 1.0)]
        assert listed(tmp_path / "x.skipped.csv") == [["x.csv: line 3", "fields: 1, where the first line has 2", "b"]]
