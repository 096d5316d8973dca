"""Vocabulary: maps the ids of users or items to rows 0..n-1, and back."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.arrays import array_of
from palate.errors import UnknownIdError
from palate.system.near_names import did_you_mean

Id: TypeAlias = int | str
"""Id of a user or an item, as in the user's data."""

UNKNOWN = -1
"""Row of an id that is not in the vocabulary."""

DENSE = 4
"""Integer ids from 0 to at most this many times the number of events are coded by a table of all values."""

INTEGER = re.compile(r"\s*-?\d{1,20}\s*")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The ids of all users, or of all items, ascending and without repeats; an id's row is its position."""

    kind: Literal["user", "item"]
    ids: pl.Series  # (n,) Int64, UInt64 or String

    @classmethod
    def encode(cls, kind: Literal["user", "item"], column: pl.Series) -> tuple["Vocabulary", NDArray[np.int32]]:
        """Return the vocabulary of ids in any order, with repeats, and the row of each, (n,) int32.

        `column` holds integers, strings, or text read from a file as a Categorical. Text of a file becomes integers if
        every id is an integer in its usual spelling ("7", not "007"), and stays text otherwise.
        """
        if isinstance(column.dtype, pl.Categorical):
            return cls._encode_names(kind, column, as_integers)
        if column.dtype == pl.String:
            return cls._encode_names(kind, column.cast(pl.Categorical(pl.Categories.random())), lambda names: names)
        column = column if column.dtype == pl.UInt64 else column.cast(pl.Int64)
        low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
        if low < 0 or high >= DENSE * len(column):
            ids = column.unique().sort()
            return cls(kind, ids), array_of(column.replace_strict(ids, np.arange(len(ids))), np.int32)
        used = _used(column, high)
        return cls(kind, pl.Series(used, dtype=column.dtype)), _rows_of(column, used)

    @classmethod
    def _encode_names(
        cls, kind: Literal["user", "item"], column: pl.Series, spell: Callable[[pl.Series], pl.Series]
    ) -> tuple["Vocabulary", NDArray[np.int32]]:
        codes = column.to_physical()
        used = pl.Series(_used(codes, int(codes.max())), dtype=codes.dtype)  # type: ignore[arg-type]
        frame = pl.DataFrame({"code": used, "id": spell(used.cat.to(column.dtype).cast(pl.String))}).sort("id")
        return cls(kind, frame["id"]), _rows_of(codes, frame["code"].to_numpy())

    @cached_property
    def is_text(self) -> bool:
        """True if ids are text, False if they are integers."""
        return self.ids.dtype == pl.String

    def __len__(self) -> int:
        return len(self.ids)

    def id(self, row: int) -> Id:
        """Return the id of a row."""
        id_: Id = self.ids[int(row)]
        return id_

    def row(self, id_: Id) -> int:
        """Return the row of an id.

        Raises:
            UnknownIdError: the id is not known; the message offers near misses.
        """
        typed_id = self._typed(id_)
        row = len(self.ids) if typed_id is None else bisect_left(self.ids, typed_id)
        if row == len(self.ids) or self.ids[row] != typed_id:
            raise UnknownIdError(f"unknown {self.kind} {id_!r}{did_you_mean(id_, self.ids.to_list())}")
        return row

    def rows(self, ids: Iterable[Id]) -> NDArray[np.int64]:
        """Return the row of each id, (n,).

        Raises:
            UnknownIdError: an id is not known; the message names the first such id.
        """
        id_list = list(ids)
        rows = self.find(id_list)
        for id_, row in zip(id_list, rows, strict=True):
            if row == UNKNOWN:
                self.row(id_)
        return rows

    def find(self, ids: Iterable[Id] | pl.Series) -> NDArray[np.int64]:
        """Return the row of each id, `UNKNOWN` for an id that is not known, (n,)."""
        column = self._typed_column(ids)
        if not len(column) or not len(self.ids):
            return np.full(len(column), UNKNOWN, dtype=np.int64)
        rows = self.ids.search_sorted(column.fill_null(self.ids[0])).to_numpy().astype(np.int64)
        rows = np.minimum(rows, len(self.ids) - 1)
        known = (self.ids[rows] == column).fill_null(False).to_numpy()
        return np.where(known, rows, UNKNOWN)

    def _typed_column(self, ids: Iterable[Id] | pl.Series) -> pl.Series:
        """Return the ids as a column of this vocabulary's type, null for an id of another type."""
        if isinstance(ids, pl.Series):
            if ids.dtype == self.ids.dtype or (ids.dtype.is_integer() and self.ids.dtype.is_integer()):
                return ids.cast(self.ids.dtype, strict=False)
            return pl.Series([None] * len(ids), dtype=self.ids.dtype)
        return pl.Series([self._typed(id_) for id_ in ids], dtype=self.ids.dtype)

    def _typed(self, id_: object) -> Id | None:
        """Return the id in this vocabulary's type, None if it is of another type."""
        if self.is_text:
            return id_ if isinstance(id_, str) else None
        low, high = (-(2**63), 2**63 - 1) if self.ids.dtype == pl.Int64 else (0, 2**64 - 1)
        if isinstance(id_, int | np.integer) and not isinstance(id_, bool) and low <= int(id_) <= high:
            return int(id_)
        return None

    def parse(self, text: str) -> Id:
        """Return the id that a text names: an integer if the vocabulary's ids are integers and the text is one."""
        if not self.is_text and INTEGER.fullmatch(text):
            return int(text)
        return text


def _used(codes: pl.Series, high: int) -> NDArray[np.int64]:
    """Return the distinct codes, ascending. The highest is small, so that a table of all is faster than a sort."""
    present = np.zeros(high + 1, dtype=np.bool_)
    for chunk in codes.get_chunks():
        present[chunk.to_numpy()] = True
    return np.flatnonzero(present)


def _rows_of(codes: pl.Series, used: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the position of each code among the distinct ones, (n,)."""
    row_of = np.empty(int(used.max()) + 1, dtype=np.int32)
    row_of[used] = np.arange(len(used), dtype=np.int32)
    return array_of(codes, np.int32, lambda chunk: row_of.take(chunk.to_numpy()))


def as_integers(text: pl.Series) -> pl.Series:
    """Return text ids as integers if each is an integer in its usual spelling, else unchanged."""
    for dtype in (pl.Int64, pl.UInt64):
        numbers = text.cast(dtype, strict=False)
        if (numbers.cast(pl.String) == text).fill_null(False).all():
            return numbers
    return text
