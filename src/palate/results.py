"""Results: a small table that prints well, iterates as rows, and turns into a frame of any kind."""

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

import polars as pl

if TYPE_CHECKING:
    import pandas as pd

Metrics = dict[str, float]
"""Metrics by their names, such as "rmse" or "ndcg@10"."""

LOOK: dict[str, Any] = {
    "tbl_hide_dataframe_shape": True,
    "tbl_hide_column_data_types": True,
    "tbl_rows": -1,
    "tbl_cols": -1,
    "fmt_str_lengths": 60,
    "float_precision": 3,
}
"""How polars draws every row and column, and nothing but them."""


@cache
def _row(*fields: str) -> Any:
    return namedtuple("Row", fields)


class Results(Sequence[Any]):
    """Rows with named fields: `for row in results: row.title`, `results[0].score`, `results.to_pandas()`."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._hold(frame.to_dict(as_series=False), frame.schema)
        self._frame = frame

    @classmethod
    def of(cls, columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType]) -> Self:
        """The same without a frame, which takes longer to make than a short list."""
        found = cls.__new__(cls)
        found._hold(columns, schema)
        return found

    def _hold(self, columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType]) -> None:
        self._columns, self._schema, self._row = columns, schema, _row(*columns)

    @cached_property
    def _frame(self) -> pl.DataFrame:
        return pl.DataFrame(self._columns, schema=dict(self._schema))

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.of({name: column[index] for name, column in self._columns.items()}, self._schema)
        return self._row(*(column[index] for column in self._columns.values()))

    def __iter__(self) -> Iterator[Any]:
        return map(self._row._make, zip(*self._columns.values(), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Results) and self._frame.equals(other._frame)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        with pl.Config(tbl_formatting="NOTHING", tbl_width_chars=120, **LOOK):
            return str(self._frame)

    def _repr_html_(self) -> str:
        with pl.Config(**LOOK):
            return self._frame._repr_html_()

    def to_dicts(self) -> list[dict[str, Any]]:
        """A list of {field: value}, ready for JSON."""
        return [row._asdict() for row in self]

    def to_polars(self) -> pl.DataFrame:
        return self._frame

    def to_pandas(self) -> "pd.DataFrame":
        """Needs pandas, which Palate does not install."""
        import pandas as pd  # noqa: PLC0415 - optional

        return pd.DataFrame(self._frame.to_dict(as_series=False))


DRAWS = 20
"""How many random pairs an analogy is compared with."""


@dataclass(frozen=True)
class CheckedAnalogy:
    """The answer to an analogy beside what needs no analogy to be found."""

    answer: Results
    """The nearest to a - b + c."""
    no_offset: Results
    """The nearest to c alone."""
    shuffled: Results
    """The nearest to c + the difference of one random pair, as long as a - b."""
    in_no_offset: int
    """How many of the answer's items no offset finds too."""
    in_shuffled: float
    """How many of them a random pair's offset finds too, on average."""

    @property
    def sentence(self) -> str:
        return (
            f"Of these {len(self.answer)}, {self.in_no_offset} are also among the nearest to c alone, and "
            f"{self.in_shuffled:.1f} are found with a random pair in place of a and b (mean of {DRAWS} pairs)."
        )
