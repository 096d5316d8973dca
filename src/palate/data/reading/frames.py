"""Frames of pandas, polars and Arrow, and Parquet files -> Table, without importing the frame's library."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from palate.data.reading.columns import Choices, Roles, by_content, by_name
from palate.data.reading.files import POLARS_FAILURES, Raw, first_line
from palate.data.reading.layouts import SAMPLE
from palate.data.reading.tables import Table
from palate.data.reading.values import Place, from_objects, objects_series
from palate.errors import DataError

FindItemColumns: TypeAlias = Callable[[Sequence[str], Roles], Mapping[str, str]]
"""A function from column names and their roles to the columns that describe items, such as {"title": column}."""


@dataclass(frozen=True)
class OnDemand(Mapping[str, pl.Series]):
    """Columns that are read at each access and not kept, so that the memory of one serves the next."""

    names: Sequence[str]
    make: Callable[[str], pl.Series]

    def __getitem__(self, name: str) -> pl.Series:
        if name not in self.names:
            raise KeyError(name)
        return self.make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Frame:
    """A table whose columns have types already; each column is read when it is needed."""

    name: str
    names: list[str]
    read: Callable[[list[str]], Mapping[str, pl.Series]]
    place: Place
    head: Callable[[str], pl.Series]
    """Returns the first values of a column, without reading the rest where that costs time."""

    def columns(self, names: list[str]) -> dict[str, pl.Series]:
        """Return the named columns; text categories become text, Python objects the one type that they share.

        Raises:
            DataError: a column has objects of several types, or nested ones, or cannot be computed.
        """
        return {name: self.plain(name, column) for name, column in self.raw_columns(names).items()}

    def raw_columns(self, names: list[str]) -> Mapping[str, pl.Series]:
        """Return the named columns as they are, also those of Python objects.

        Raises:
            DataError: a column cannot be computed, here or at its later access.
        """
        with _readable(f"{self.name}: cannot be read"):
            return self.read(names)

    def plain(self, name: str, column: pl.Series) -> pl.Series:
        """Convert a column of `raw_columns` to one of `columns`.

        Raises:
            DataError: the column has objects of several types, or nested ones.
        """
        if isinstance(column.dtype, pl.Categorical | pl.Enum):
            return column.cast(pl.String)
        return (from_objects(column.to_list(), name, self.place) if column.dtype == pl.Object else column).alias(name)


@contextmanager
def _readable(problem: str) -> Iterator[None]:
    """Raise DataError with this problem for every error of polars in the block."""
    try:
        yield
    except DataError:
        raise
    except POLARS_FAILURES as error:
        raise DataError(f"{problem} ({first_line(error)})") from None


def row_of(name: str) -> Place:
    """Return a function that gives the place of a row in a table without lines."""
    return lambda row: f"{name}: row {row + 1}"


def is_frame(source: object) -> bool:
    """Return whether a source is a table in memory."""
    return isinstance(source, pl.LazyFrame) or hasattr(source, "__arrow_c_stream__") or _is_pandas(source)


def _is_pandas(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")


def as_frame(source: Any, name: str = "table") -> Frame:
    """Return the Frame of any table in memory.

    Raises:
        DataError: a lazy frame cannot be computed, or an Arrow stream ends early.
    """
    if _is_pandas(source):
        return _from_pandas(source, name)
    try:
        if isinstance(source, pl.LazyFrame):
            names = source.collect_schema().names()

            def collect(columns: list[str]) -> dict[str, pl.Series]:
                return source.select(pl.nth(_numbers(names, columns))).collect().to_dict()

            def first(column: str) -> pl.Series:
                return source.select(pl.nth(names.index(column)).head(SAMPLE)).collect().to_series()

            return Frame(name, names, collect, row_of(name), first)
        frame = source if isinstance(source, pl.DataFrame) else pl.DataFrame(source)
    except (*POLARS_FAILURES, TypeError, ImportError) as error:
        raise DataError(f"{name}: cannot be read ({first_line(error)})") from None

    def read(columns: list[str]) -> dict[str, pl.Series]:
        return {column: frame.get_column(column) for column in columns}

    return Frame(name, frame.columns, read, row_of(name), lambda column: frame.get_column(column).head(SAMPLE))


def parquet_frame(raw: Raw) -> Frame:
    """Return the Frame of a Parquet file.

    Raises:
        DataError: the file is no Parquet file, or damaged.
    """
    with _readable(f"{raw.name}: no readable Parquet file"), raw.open() as stream:
        names = list(pl.read_parquet_schema(stream))

    def column(name: str, n_rows: int | None = None) -> pl.Series:
        with _readable(f"{raw.name}: cannot be read"):
            numbers = _numbers(names, [name])
            return pl.read_parquet(raw.content, columns=numbers, n_rows=n_rows, glob=False).to_series()

    place = row_of(raw.name)
    return Frame(raw.name, names, lambda columns: OnDemand(columns, column), place, lambda name: column(name, SAMPLE))


def _numbers(names: list[str], columns: list[str]) -> list[int]:
    """Return the numbers of columns, since polars takes some names for patterns."""
    return [names.index(name) for name in columns]


def _from_pandas(frame: Any, name: str) -> Frame:
    names = [str(column) for column in frame.columns]

    def read(columns: list[str]) -> dict[str, pl.Series]:
        return {column: _pandas_column(frame.iloc[:, names.index(column)]) for column in columns}

    def first(column: str) -> pl.Series:
        return _pandas_column(frame.iloc[:SAMPLE, names.index(column)])

    return Frame(name, names, read, row_of(name), first)


def _pandas_column(series: Any) -> pl.Series:
    """Convert a pandas column through numpy, so that pyarrow is not needed."""
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufb":
        return pl.Series(series.to_numpy())
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "M":
        return pl.Series(series.to_numpy().astype("datetime64[us]"))
    missing = series.isna().to_numpy()
    return objects_series([None if gap else value for value, gap in zip(series.array, missing, strict=True)])


def frame_table(frame: Frame, choices: Choices, find_item_columns: FindItemColumns) -> Table:
    """Return the columns of a frame that have a role or describe items.

    Raises:
        DataError: no column, or more than one, fits a role.
    """
    roles = _roles(frame, choices)
    candidates = find_item_columns(frame.names, roles)
    filtered = [name for name in choices.filtered if name in frame.names and name not in roles.taken]
    n_names = len(frame.names)
    raw = frame.raw_columns([*dict.fromkeys([*roles.taken, *candidates.values(), *filtered])])
    if len(frame.names) > n_names and (_roles(frame, choices), find_item_columns(frame.names, roles)) != (
        roles,
        candidates,
    ):
        return frame_table(frame, choices, find_item_columns)
    columns = {name: _texts(raw[name]) for name in candidates.values()}
    texts = {name: text for name, text in columns.items() if text is not None}

    def column(name: str) -> pl.Series:
        return texts[name] if name in texts else frame.plain(name, raw[name])

    item_columns = {field: name for field, name in candidates.items() if name in texts}
    others = OnDemand([name for name in frame.names if name not in roles.taken], frame.head)
    return Table(
        frame.name, roles, OnDemand([*roles.taken, *texts, *filtered], column), item_columns, frame.place, others
    )


def _texts(column: pl.Series) -> pl.Series | None:
    """Return a column of texts, or of lists of texts, as it may describe items; None for any other column."""
    if column.dtype == pl.Object and all(value is None or isinstance(value, str) for value in column):
        return pl.Series(column.to_list(), dtype=pl.String)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    return column if column.dtype in (pl.String, pl.List(pl.String)) else None


def _roles(frame: Frame, choices: Choices) -> Roles:
    if not frame.names or not all(name.removeprefix("column_").isdecimal() for name in frame.names):
        return by_name(frame.name, frame.names, choices)
    sample = [
        column.head(SAMPLE).cast(pl.String, strict=False).fill_null("").to_list()
        for column in frame.columns(frame.names).values()
    ]
    return by_content(frame.name, frame.names, list(zip(*sample, strict=True)), choices)
