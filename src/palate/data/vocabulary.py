"""Vocabulary: the user's own ids on one side, rows 0..n-1 on the other."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import process

from palate.data.arrays import array_of
from palate.errors import UnknownIdError

Id: TypeAlias = int | str
"""What a user or an item is called outside Palate."""

UNKNOWN = -1
"""The row of an id that is not in the vocabulary."""

DENSE = 4
"""Integer ids from 0 to at most this many times the number of events are coded through a table of their range."""

INTEGER = re.compile(r"\s*-?\d{1,20}\s*")

NEAR_MISSES = 3
LIKENESS = 60.0
"""A name is a near miss from this many hundredths of edit similarity on."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The ids of all users, or of all items, ascending and without repeats; row = position."""

    kind: Literal["user", "item"]
    ids: pl.Series  # (n,) Int64, UInt64 or String

    @classmethod
    def encode(cls, kind: Literal["user", "item"], column: pl.Series) -> tuple["Vocabulary", NDArray[np.int32]]:
        """Ids in any order, with repeats -> the vocabulary and the row of each, (n,) int32.

        `column` holds integers, strings, or text read from a file as a Categorical: text has no type of its own, so
        it becomes integers where every id is one in its usual spelling ("7", not "007"), and stays text otherwise.
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
        return cls(kind, pl.Series(used, dtype=column.dtype)), _places(column, used)

    @classmethod
    def _encode_names(
        cls, kind: Literal["user", "item"], column: pl.Series, spell: Callable[[pl.Series], pl.Series]
    ) -> tuple["Vocabulary", NDArray[np.int32]]:
        codes = column.to_physical()
        used = pl.Series(_used(codes, int(codes.max())), dtype=codes.dtype)  # type: ignore[arg-type]
        frame = pl.DataFrame({"code": used, "id": spell(used.cat.to(column.dtype).cast(pl.String))}).sort("id")
        return cls(kind, frame["id"]), _places(codes, frame["code"].to_numpy())

    @cached_property
    def is_text(self) -> bool:
        """Whether ids are text, and not integers."""
        return self.ids.dtype == pl.String

    def __len__(self) -> int:
        return len(self.ids)

    def id(self, row: int) -> Id:
        """The id of a row."""
        found: Id = self.ids[int(row)]
        return found

    def row(self, id_: Id) -> int:
        """The row of an id.

        Raises:
            UnknownIdError: the id is not known; the message offers near misses.
        """
        wanted = self._fit(id_)
        row = len(self.ids) if wanted is None else bisect_left(self.ids, wanted)
        if row == len(self.ids) or self.ids[row] != wanted:
            raise UnknownIdError(f"unknown {self.kind} {id_!r}{did_you_mean(id_, self.ids.to_list())}")
        return row

    def rows(self, ids: Iterable[Id]) -> NDArray[np.int64]:
        """The row of each id -> (n,).

        Raises:
            UnknownIdError: at the first id that is not known.
        """
        wanted = list(ids)
        rows = self.find(wanted)
        for id_, row in zip(wanted, rows, strict=True):
            if row == UNKNOWN:
                self.row(id_)
        return rows

    def find(self, ids: Iterable[Id] | pl.Series) -> NDArray[np.int64]:
        """The row of each id, `UNKNOWN` where there is none -> (n,)."""
        wanted = self._alike(ids)
        if not len(wanted) or not len(self.ids):
            return np.full(len(wanted), UNKNOWN, dtype=np.int64)
        at = self.ids.search_sorted(wanted.fill_null(self.ids[0])).to_numpy().astype(np.int64)
        at = np.minimum(at, len(self.ids) - 1)
        hit = (self.ids[at] == wanted).fill_null(False).to_numpy()
        return np.where(hit, at, UNKNOWN)

    def _alike(self, ids: Iterable[Id] | pl.Series) -> pl.Series:
        """The ids as a column of this vocabulary's type, null where an id can't be one."""
        if isinstance(ids, pl.Series):
            same_kind = ids.dtype == self.ids.dtype or (ids.dtype.is_integer() and self.ids.dtype.is_integer())
            return (
                ids.cast(self.ids.dtype, strict=False)
                if same_kind
                else pl.Series([None] * len(ids), dtype=self.ids.dtype)
            )
        return pl.Series([self._fit(id_) for id_ in ids], dtype=self.ids.dtype)

    def _fit(self, id_: object) -> Id | None:
        """The id as one of this vocabulary's type, None where it can't be one."""
        if self.is_text:
            return id_ if isinstance(id_, str) else None
        low, high = (-(2**63), 2**63 - 1) if self.ids.dtype == pl.Int64 else (0, 2**64 - 1)
        if isinstance(id_, int | np.integer) and not isinstance(id_, bool) and low <= int(id_) <= high:
            return int(id_)
        return None

    def parse(self, text: str) -> Id:
        """Text typed by a person -> the id it names: an integer where ids are integers and it is one."""
        if not self.is_text and INTEGER.fullmatch(text):
            return int(text)
        return text


def _used(codes: pl.Series, high: int) -> NDArray[np.int64]:
    """The different codes, ascending; the highest is small, so that a table of all is cheaper than a sort."""
    present = np.zeros(high + 1, dtype=np.bool_)
    for chunk in codes.get_chunks():
        present[chunk.to_numpy()] = True
    return np.flatnonzero(present)


def _places(codes: pl.Series, used: NDArray[np.integer]) -> NDArray[np.int32]:
    """The place of each code among those used -> (n,)."""
    place_of = np.empty(int(used.max()) + 1, dtype=np.int32)
    place_of[used] = np.arange(len(used), dtype=np.int32)
    return array_of(codes, np.int32, lambda chunk: place_of.take(chunk.to_numpy()))


def as_integers(text: pl.Series) -> pl.Series:
    """Text ids as integers where each of them is one in its usual spelling, else as they are."""
    for dtype in (pl.Int64, pl.UInt64):
        numbers = text.cast(dtype, strict=False)
        if (numbers.cast(pl.String) == text).fill_null(False).all():
            return numbers
    return text


def did_you_mean(name: object, names: Iterable[object], most: int = NEAR_MISSES) -> str:
    """'; did you mean a, b or c?': those of the names that are spelt most like this one, best first, or nothing."""
    found = process.extract(str(name), [str(each) for each in names], limit=most, score_cutoff=LIKENESS)
    near = [each for each, _, _ in found]
    return f"; did you mean {' or '.join(filter(None, [', '.join(near[:-1]), near[-1]]))}?" if near else ""
