"""Ids to rows and back."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.vocabulary import UNKNOWN, Vocabulary, as_integers
from palate.errors import UnknownIdError
from palate.system.near_names import did_you_mean

SIGNED = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
SMALL = st.lists(st.integers(-20, 20), min_size=1)
UNSIGNED = st.lists(st.integers(0, 2**64 - 1), min_size=1)
TEXT = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)


def comes_back(column: pl.Series) -> Vocabulary:
    vocabulary, rows = Vocabulary.encode("user", column)
    ids = vocabulary.ids.to_list()
    assert rows.dtype == np.int32
    assert ids == sorted(set(ids), key=lambda each: each.encode() if isinstance(each, str) else each)
    assert vocabulary.find(ids).tolist() == vocabulary.rows(ids).tolist() == list(range(len(vocabulary)))
    assert [vocabulary.id(row) for row in rows] == vocabulary.ids[rows].to_list()
    return vocabulary


@given(st.one_of(SIGNED.map(pl.Series), SMALL.map(pl.Series), TEXT.map(pl.Series)))
def test_typed_ids_come_back(column: pl.Series) -> None:
    assert comes_back(column).ids.dtype == column.dtype
    assert set(column) == set(comes_back(column).ids)


@given(UNSIGNED)
def test_unsigned_ids_come_back(values: list[int]) -> None:
    assert set(comes_back(pl.Series(values, dtype=pl.UInt64)).ids) == set(values)


@given(st.one_of(SMALL, SIGNED, UNSIGNED))
def test_integers_out_of_text_come_back(values: list[int]) -> None:
    column = pl.Series([str(value) for value in values]).cast(pl.Categorical(pl.Categories.random()))
    assert set(comes_back(column).ids) == set(values)


@given(TEXT)
def test_text_out_of_text_comes_back(values: list[str]) -> None:
    column = pl.Series(["x", *values]).cast(pl.Categorical(pl.Categories.random()))
    assert set(comes_back(column).ids) == {"x", *values}


@given(TEXT, st.one_of(TEXT, SMALL))
def test_find_is_exact(known: list[str], wanted: list[Any]) -> None:
    vocabulary, _ = Vocabulary.encode("item", pl.Series(known))
    for id_, row in zip(wanted, vocabulary.find(wanted), strict=True):
        assert (row != UNKNOWN) == (id_ in known)
        assert row == UNKNOWN or vocabulary.id(row) == id_


def test_narrow_integers_and_great_ones() -> None:
    assert comes_back(pl.Series([-128, 127, 0] * 30, dtype=pl.Int8)).ids.to_list() == [-128, 0, 127]
    assert comes_back(pl.Series([2**64 - 1, 2**64 - 3], dtype=pl.UInt64)).ids.to_list() == [2**64 - 3, 2**64 - 1]
    assert comes_back(pl.Series([-(2**63), 1 - 2**63])).ids.to_list() == [-(2**63), 1 - 2**63]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64])
@pytest.mark.parametrize("ids", [[5], [0, 1, 2], [7, 1_000_000, 3], [2**63 - 1, 2**63 - 2], [0, 2**63 - 1]])
def test_rows_follow_the_ids_wherever_they_lie(dtype: type[pl.DataType], ids: list[int]) -> None:
    column = pl.concat([pl.Series(ids * times, dtype=dtype) for times in (3, 1)], rechunk=False)
    vocabulary, rows = Vocabulary.encode("user", column)
    assert vocabulary.ids.dtype == dtype
    assert vocabulary.ids.to_list() == sorted(ids)
    assert rows.tolist() == [sorted(ids).index(each) for each in ids] * 4
    assert rows.flags.writeable


def test_negative_ids_come_first() -> None:
    vocabulary, rows = Vocabulary.encode("user", pl.Series([3, -1, 3, -(2**63)]))
    assert vocabulary.ids.to_list() == [-(2**63), -1, 3]
    assert rows.tolist() == [2, 1, 2, 0]


def test_text_becomes_integers_only_where_each_is_spelt_as_usual() -> None:
    def dtype(*values: str) -> pl.DataType:
        return as_integers(pl.Series(values)).dtype

    assert dtype("1", "-7") == pl.Int64
    assert dtype("1", str(2**64 - 1)) == pl.UInt64
    for odd in ("007", "+7", "7.0", " 7", "", "x", str(2**64), "-0", "1_0", "٣"):
        assert dtype("1", odd) == pl.String


@pytest.mark.parametrize("wanted", [[True], [1.0], ["1"], [None], [2**70], [-(2**70)], [[1]], [4], [0]])
def test_what_is_no_id_is_not_found(wanted: list[Any]) -> None:
    vocabulary, _ = Vocabulary.encode("item", pl.Series([1, 2, 3]))
    assert vocabulary.find(wanted).tolist() == [UNKNOWN]


def test_find_takes_columns() -> None:
    numbers, _ = Vocabulary.encode("item", pl.Series([10, 20]))
    assert numbers.find(pl.Series([20, 15, None, 300], dtype=pl.Int16)).tolist() == [1, UNKNOWN, UNKNOWN, UNKNOWN]
    assert numbers.find(pl.Series([10], dtype=pl.UInt64)).tolist() == [0]
    assert numbers.find(pl.Series(["10"])).tolist() == [UNKNOWN]
    assert numbers.find(np.array([20])).tolist() == [1]
    assert numbers.find([]).tolist() == []
    text, _ = Vocabulary.encode("item", pl.Series(["a", "b"]))
    assert text.find(pl.Series(["b", None])).tolist() == [1, UNKNOWN]


def test_unknown_ids_offer_near_misses() -> None:
    vocabulary, _ = Vocabulary.encode("item", pl.Series(["Alien", "Aliens", "Heat"]))
    with pytest.raises(UnknownIdError) as caught:
        vocabulary.row("Aliem")
    assert str(caught.value) == "unknown item 'Aliem'; did you mean 'Alien' or 'Aliens'?"
    with pytest.raises(UnknownIdError, match=r"unknown item 'zzzz'$"):
        vocabulary.rows(["Heat", "zzzz"])
    assert vocabulary.rows(["Heat", "Alien"]).tolist() == [2, 0]


def test_near_misses_are_the_most_alike_first() -> None:
    names = ["dim", "hidden", "hide", "epochs"]
    assert did_you_mean("hiden", names) == "; did you mean 'hidden' or 'hide'?"
    assert did_you_mean("hiden", names, most=1) == "; did you mean 'hidden'?"
    assert did_you_mean("zzz", names) == ""
    assert did_you_mean(102, [5, 103, 1022, 1020]) == "; did you mean 1022, 1020 or 103?"


def test_text_typed_by_a_person() -> None:
    numbers, _ = Vocabulary.encode("item", pl.Series([1, -2]))
    text, _ = Vocabulary.encode("item", pl.Series(["1"]))
    assert [numbers.parse(each) for each in ("1", " -2 ", "x", "1.5")] == [1, -2, "x", "1.5"]
    assert text.parse("1") == "1"
