"""Frames of any library -> Table, without importing that library: pandas, polars, Arrow, and Parquet files."""

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

About: TypeAlias = Callable[[Sequence[str], Roles], Mapping[str, str]]
"""Column names, roles that are taken -> which column says what of the items."""


@dataclass(frozen=True)
class OnDemand(Mapping[str, pl.Series]):
    """Columns that are each made when asked for and kept by nobody: the memory of one serves the next."""

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
    """A table whose columns have types already; only those asked for are read."""

    name: str
    names: list[str]
    read: Callable[[list[str]], Mapping[str, pl.Series]]
    place: Place

    def columns(self, names: list[str]) -> dict[str, pl.Series]:
        """The named columns; text categories become text, Python objects the one type that they share.

        Raises:
            DataError: objects of several types, or nested ones; columns that cannot be computed.
        """
        return {name: self.plain(name, column) for name, column in self.raw_columns(names).items()}

    def raw_columns(self, names: list[str]) -> Mapping[str, pl.Series]:
        """The named columns as they are, Python objects among them.

        Raises:
            DataError: columns that cannot be computed, here or where one is asked for.
        """
        with _readable(f"{self.name}: cannot be read"):
            return self.read(names)

    def plain(self, name: str, column: pl.Series) -> pl.Series:
        """A column of `raw_columns` as `columns` gives it.

        Raises:
            DataError: objects of several types, or nested ones.
        """
        if isinstance(column.dtype, pl.Categorical | pl.Enum):
            return column.cast(pl.String)
        return from_objects(column.to_list(), name, self.place) if column.dtype == pl.Object else column


@contextmanager
def _readable(otherwise: str) -> Iterator[None]:
    """Raises DataError for whatever polars raises over data that it can't read."""
    try:
        yield
    except DataError:
        raise
    except POLARS_FAILURES as error:
        raise DataError(f"{otherwise} ({first_line(error)})") from None


def row_of(name: str) -> Place:
    """Where a row of data stands in a table without lines."""
    return lambda row: f"{name}: row {row + 1}"


def is_frame(source: object) -> bool:
    """Whether this is a table in memory."""
    return isinstance(source, pl.LazyFrame) or hasattr(source, "__arrow_c_stream__") or _is_pandas(source)


def _is_pandas(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")


def as_frame(source: Any, name: str = "table") -> Frame:
    """Any frame in memory.

    Raises:
        DataError: a lazy frame that cannot be computed, an Arrow stream that breaks off.
    """
    if _is_pandas(source):
        return _from_pandas(source, name)
    try:
        if isinstance(source, pl.LazyFrame):
            names = source.collect_schema().names()

            def collected(wanted: list[str]) -> dict[str, pl.Series]:
                return source.select(pl.nth(_numbers(names, wanted))).collect().to_dict()

            return Frame(name, names, collected, row_of(name))
        frame = source if isinstance(source, pl.DataFrame) else pl.DataFrame(source)
    except (*POLARS_FAILURES, TypeError, ImportError) as error:
        raise DataError(f"{name}: cannot be read ({first_line(error)})") from None
    return Frame(name, frame.columns, lambda wanted: {each: frame.get_column(each) for each in wanted}, row_of(name))


def parquet_frame(raw: Raw) -> Frame:
    """A Parquet file.

    Raises:
        DataError: it is none, or damaged.
    """
    with _readable(f"{raw.name}: no readable Parquet file"), raw.open() as stream:
        names = list(pl.read_parquet_schema(stream))

    def column(name: str) -> pl.Series:
        with _readable(f"{raw.name}: cannot be read"):
            return pl.read_parquet(raw.content, columns=_numbers(names, [name]), glob=False).to_series()

    return Frame(raw.name, names, lambda wanted: OnDemand(wanted, column), row_of(raw.name))


def _numbers(names: list[str], wanted: list[str]) -> list[int]:
    """Columns by number, since polars takes some names for patterns."""
    return [names.index(name) for name in wanted]


def _from_pandas(frame: Any, name: str) -> Frame:
    names = [str(column) for column in frame.columns]

    def read(wanted: list[str]) -> dict[str, pl.Series]:
        return {each: _pandas_column(frame.iloc[:, names.index(each)]) for each in wanted}

    return Frame(name, names, read, row_of(name))


def _pandas_column(series: Any) -> pl.Series:
    """One pandas column by way of numpy, so that pyarrow is not needed."""
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufb":
        return pl.Series(series.to_numpy())
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "M":
        return pl.Series(series.to_numpy().astype("datetime64[us]"))
    missing = series.isna().to_numpy()
    return objects_series([None if gap else value for value, gap in zip(series.array, missing, strict=True)])


def frame_table(frame: Frame, choices: Choices, about: About) -> Table:
    """The frame's columns that count.

    Raises:
        DataError: no column, or more than one, for a role.
    """
    roles = _roles(frame, choices)
    said = about(frame.names, roles)
    raw = frame.raw_columns([*dict.fromkeys([*roles.taken, *said.values()])])
    texts = {what: _texts(raw[name]) for what, name in said.items()}
    usable = {said[what]: text for what, text in texts.items() if text is not None}

    def column(name: str) -> pl.Series:
        return usable[name] if name in usable else frame.plain(name, raw[name])

    about_items = {what: name for what, name in said.items() if name in usable}
    return Table(frame.name, roles, OnDemand([*roles.taken, *usable], column), about_items, frame.place)


def _texts(column: pl.Series) -> pl.Series | None:
    """A column of texts, or of lists of them, that may tell of items; None for anything else."""
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
