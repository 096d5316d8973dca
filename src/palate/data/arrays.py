"""Columns of polars -> arrays of numpy."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray


def array_of(
    column: pl.Series, dtype: DTypeLike, convert: Callable[[pl.Series], NDArray[Any]] = pl.Series.to_numpy
) -> NDArray[Any]:
    """Return a new array (n,) of a column without nulls, converted chunk by chunk, since polars reads many chunks."""
    array = np.empty(len(column), dtype=dtype)
    chunks = column.get_chunks()
    places = np.split(array, np.cumsum([len(chunk) for chunk in chunks])[:-1])

    def fill(place: NDArray[Any], chunk: pl.Series) -> None:
        with np.errstate(over="ignore"):  # values too big for the type become infinite
            place[:] = convert(chunk)

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, places, chunks))
    return array
