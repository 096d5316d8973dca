"""Columns as arrays."""

import numpy as np
import polars as pl

from palate.data.arrays import array_of


def test_chunks_are_joined_and_converted() -> None:
    column = pl.concat([pl.Series([1, 2]), pl.Series([3])], rechunk=False)
    assert column.n_chunks() == 2
    assert array_of(column, np.float64).tolist() == [1.0, 2.0, 3.0]
    assert array_of(column, np.int32, lambda chunk: (chunk * 10).to_numpy()).tolist() == [10, 20, 30]
    assert array_of(column.clear(), np.int32).tolist() == []


def test_the_array_is_its_own() -> None:
    column = pl.Series([1.0, 2.0])
    array = array_of(column, np.float64)
    array[:] = 0
    assert column.to_list() == [1.0, 2.0]


def test_what_is_too_big_for_the_type_is_infinite() -> None:
    assert array_of(pl.Series([1.5, -1e300]), np.float32).tolist() == [1.5, -np.inf]
