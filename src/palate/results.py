"""Results: a small table that prints well, iterates as rows, and converts to polars, pandas or dicts."""

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

import polars as pl

if TYPE_CHECKING:
    import pandas as pd

Metrics = dict[str, float]
"""Metric values by name, such as "rmse" or "ndcg@10"."""

TABLE_FORMAT: dict[str, Any] = {
    "tbl_hide_dataframe_shape": True,
    "tbl_hide_column_data_types": True,
    "tbl_rows": -1,
    "tbl_cols": -1,
    "fmt_str_lengths": 60,
    "float_precision": 3,
}
"""Polars settings that print every row and column, without shape and types."""


@cache
def _row(*fields: str) -> Any:
    return namedtuple("Row", fields)


class Results(Sequence[Any]):
    """Rows with named fields: `for row in results: row.title`, `results[0].score`, `results.to_pandas()`."""

    note: str = ""
    """Why there are no rows, and what would help; empty where there are some."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._set_columns(frame.to_dict(as_series=False), frame.schema)
        self._frame = frame

    @classmethod
    def of(cls, columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType], note: str = "") -> Self:
        """Make Results from lists of values, without a frame: for a short list that is faster."""
        results = cls.__new__(cls)
        results._set_columns(columns, schema)
        results.note = note
        return results

    def _set_columns(self, columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType]) -> None:
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
        if self.note:
            return f"no rows: {self.note}"
        with pl.Config(tbl_formatting="NOTHING", tbl_width_chars=120, **TABLE_FORMAT):
            return str(self._frame)

    def _repr_html_(self) -> str:
        with pl.Config(**TABLE_FORMAT):
            return self._frame._repr_html_()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as a list of {field: value}, ready for JSON."""
        return [row._asdict() for row in self]

    def to_polars(self) -> pl.DataFrame:
        """Return the table as a polars DataFrame."""
        return self._frame

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table as a pandas DataFrame. Palate does not install pandas: `pip install pandas`."""
        import pandas as pd  # noqa: PLC0415 - optional

        return pd.DataFrame(self._frame.to_dict(as_series=False))


DRAWS = 20
"""Number of random pairs that an analogy is compared with."""


@dataclass(frozen=True)
class CheckedAnalogy:
    """The answer to an analogy, beside two controls that use no analogy."""

    answer: Results
    """Items nearest to a - b + c."""
    no_offset: Results
    """Items nearest to c alone."""
    shuffled: Results
    """Items nearest to c + the difference of one random pair, scaled to the length of a - b."""
    in_no_offset: int
    """Number of the answer's items that are also in `no_offset`."""
    in_shuffled: float
    """Mean number of the answer's items that a random pair's offset returns too."""

    @property
    def sentence(self) -> str:
        """The two controls in one sentence."""
        return (
            f"Of these {len(self.answer)} items, {self.in_no_offset} are also nearest to c alone, and "
            f"{self.in_shuffled:.1f} are returned with a random pair in place of a and b (mean of {DRAWS} pairs)."
        )
