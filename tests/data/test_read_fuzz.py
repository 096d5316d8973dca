"""Random tables come back exactly; random bytes give a table or a PalateError, nothing else."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palate.data.interactions import Interactions
from palate.data.read import read
from palate.data.reading import delimited, layouts
from palate.errors import PalateError

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
TEXT = st.text(LETTERS, min_size=1, max_size=6)
SPELT = st.one_of(TEXT, st.integers(-(10**20), 10**20).map(str), st.sampled_from(["007", "NULL", "nan", "1.0", " 7"]))
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 50))
RATINGS = st.integers(-20, 20).map(lambda halves: halves / 2)


def tables(ids: st.SearchStrategy[object]) -> st.SearchStrategy[list[tuple[object, object, float]]]:
    rows = st.lists(st.tuples(ids, ids, RATINGS), min_size=2, max_size=12, unique_by=lambda row: (row[0], row[1]))
    return rows.filter(lambda rows: len({row[0] for row in rows}) > 1 and len({row[1] for row in rows}) > 1)


def events_of(data: Interactions) -> set[tuple[object, object, float]]:
    assert data.ratings is not None
    users, items = (vocabulary.ids.to_list() for vocabulary in (data.user_ids, data.item_ids))
    return {(users[u], items[i], float(r)) for u, i, r in zip(data.users, data.items, data.ratings, strict=True)}


def read_bytes(content: bytes, name: str, **options: Any) -> Interactions:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read(path, **options)


def as_csv(rows: list[tuple[object, object, float]], separator: str, every: bool) -> bytes:
    sink = io.StringIO(newline="")
    quoting: Any = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    writer = csv.writer(sink, delimiter=separator, lineterminator="\n", quoting=quoting)
    writer.writerows([("user_id", "item_id", "rating"), *rows])
    return sink.getvalue().encode()


def spelling(ids: set[object]) -> dict[object, object]:
    """Text of a file as ids: integers where each is one in its usual spelling and 64 bits hold them all."""
    try:
        numbers = {id_: int(str(id_)) for id_ in ids}
    except ValueError:
        return {id_: id_ for id_ in ids}
    low, high = min(numbers.values()), max(numbers.values())
    fits = low >= -(2**63) and high < (2**63 if low < 0 else 2**64)
    usual = all(str(number) == id_ for id_, number in numbers.items())
    return dict(numbers) if fits and usual else {id_: id_ for id_ in ids}


@given(tables(SPELT), st.sampled_from(",;\t|"), st.booleans())
@settings(deadline=None)
def test_delimited_text_comes_back(rows: list[tuple[object, object, float]], separator: str, every: bool) -> None:
    data = read_bytes(as_csv(rows, separator, every), "x.csv", separator=separator)
    users, items = (spelling({row[at] for row in rows}) for at in (0, 1))
    assert events_of(data) == {(users[u], items[i], r) for u, i, r in rows}


@given(st.one_of(tables(TEXT), tables(NUMBERS)))
@settings(deadline=None)
def test_typed_formats_come_back(rows: list[tuple[object, object, float]]) -> None:
    frame = pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row")
    sink = io.BytesIO()
    frame.write_parquet(sink)
    lines = "".join(json.dumps(dict(zip(frame.columns, row, strict=True))) + "\n" for row in rows).encode()
    expected = set(rows)
    assert events_of(read(frame)) == events_of(read_bytes(sink.getvalue(), "x.parquet")) == expected
    assert events_of(read_bytes(lines, "x.jsonl")) == expected
    assert read_bytes(gzip.compress(lines), "x.jsonl.gz").fingerprint == read(frame).fingerprint


def whole_files() -> list[tuple[str, bytes]]:
    rows: list[tuple[object, object, float]] = [(f"u{at % 7}", at, at % 5) for at in range(40)]
    frame = pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row")
    text = as_csv(rows, ",", False)
    lines = "".join(json.dumps(dict(zip(frame.columns, row, strict=True))) + "\n" for row in rows).encode()
    return [
        ("x.csv", text),
        ("x.dat", text.replace(b",", b"::")),
        ("x.csv.gz", gzip.compress(text)),
        ("x.jsonl", lines),
        ("x.txt", b"1 2 3\n2 3 4\n"),
    ]


def outcome(content: bytes, name: str, **options: Any) -> Interactions | str:
    """What was read, or the message of the PalateError that says why not; no other error is let through."""
    try:
        return read_bytes(content, name, **options)
    except PalateError as error:
        return str(error)


FIELDS = st.one_of(
    st.integers(0, 30).map(str),
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from(
        ["007", "+7", "-7", "-0", "00", " 7", "7 ", "7.0", "", '""', '"7"', '"07"', '" 7"', "x", "٣", "7,7"]
    ),
    st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1]).map(str),
)


@given(st.lists(FIELDS, min_size=1, max_size=6), st.sampled_from([1, 1000]), st.booleans(), st.sampled_from(["", "\n"]))
@settings(deadline=None, max_examples=300)
def test_integers_and_text_are_two_ways_to_the_same_ids(fields: list[str], sample: int, last: bool, end: str) -> None:
    rows = [f"{at},1,{field}" if last else f"{field},{at},1" for at, field in enumerate(["1", "2", *fields])]
    content = "\n".join(["user,item,rating", *rows, end]).encode()
    if last:
        content = content.replace(b"user,item,rating", b"item,rating,user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "SAMPLE", sample)
        actual = outcome(content, "x.csv")
        patch.setattr(delimited, "as_integers", lambda text: text)
        expected = outcome(content, "x.csv")
    if isinstance(expected, str) or isinstance(actual, str):
        assert actual == expected
    else:
        assert (actual.fingerprint, actual.notes) == (expected.fingerprint, expected.notes)
        assert actual.user_ids.ids.dtype == expected.user_ids.ids.dtype


EDITS = st.lists(
    st.tuples(st.floats(0, 0.999), st.sampled_from([b"", b"\0", b'"', b",", b"\n", b"\xff", b"{", b"9" * 30])),
    max_size=4,
)


@given(st.sampled_from(whole_files()), EDITS, st.floats(0, 1), st.sampled_from([{}, {}, {"format": "lists"}]))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_broken_files(
    file: tuple[str, bytes], edits: list[tuple[float, bytes]], kept: float, form: dict[str, str]
) -> None:
    name, content = file
    for where, what in edits:
        at = int(where * len(content))
        content = content[:at] + what + content[at + 1 :]
    result = outcome(content[: max(1, int(kept * len(content)))], name, **form)
    assert result.isprintable() if isinstance(result, str) else len(result) > 1


@given(
    st.binary(min_size=1, max_size=200), st.sampled_from(["x.csv", "x.jsonl", "x.parquet", "x.gz", "x.zst", "u.item"])
)
@settings(deadline=None)
def test_any_bytes(content: bytes, name: str) -> None:
    for options in ({}, {"encoding": "latin-1"}, {"format": "lists"}):
        result = outcome(content, name, **options)
        assert result.isprintable() if isinstance(result, str) else len(result) > 1


@given(st.sampled_from(["u.item", "movies.dat", "i.csv", "i.jsonl"]), EDITS)
@settings(deadline=None)
def test_broken_items(name: str, edits: list[tuple[float, bytes]]) -> None:
    flags = b"|".join([b"1"] * 19)
    content = {
        "u.item": b"1|One|a|b|c|" + flags + b"\n2|Two|a|b|c|" + flags + b"\n",
        "movies.dat": b"1::One::a|b\n2::Two::c\n",
        "i.csv": b"item_id,title,genres\n1,One,a|b\n2,Two,c\n",
        "i.jsonl": b'{"item": 1, "title": "One", "category": ["a", "b"]}\n{"item": 2, "title": "Two"}\n',
    }[name]
    for where, what in edits:
        at = int(where * len(content))
        content = content[:at] + what + content[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            result = read(pl.DataFrame({"user": [1, 2], "item": [1, 2]}), items=path).catalogue.frame.height
        except PalateError as error:
            result = len(str(error))
    assert result
