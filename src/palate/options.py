"""Options that belong together, as dataclasses: each option and its meaning is written once, here.

`palate.train` and `palate.compare` take every option by its name, and also whole groups of them by position:

    palate.train("ratings.csv", model="mf", test=0.1)
    palate.train("ratings.csv", SplitOptions(split="time"), RunOptions(seed=3), model="mf")

The command line makes its options from the same fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypedDict

from annotated_doc import Doc

from palate.errors import OptionError, as_number, at_least, option

Column = str | int | Literal[False] | None
"""A column by its name or its number from 1; False leaves it out, None lets Palate detect it."""

BASELINES = ("bias", "popularity")


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """The layout of a table, as `palate.read` takes it."""

    TITLE: ClassVar[str] = "The table"

    format: Annotated[
        str | None,
        Doc(
            "File format: csv, jsonl, parquet, sqlite, excel, blocks (a line 1: above the ratings of item 1), lists "
            "(a user and the user's items per line) or wide (a row per user, a column per item). "
            "lists and wide must be named."
        ),
    ] = None
    user: Annotated[
        Column, Doc("User column, by name or by number from 1. Palate detects it if you do not name it.")
    ] = None
    item: Annotated[Column, Doc("Item column, by name or number.")] = None
    item_id: Annotated[
        Column, Doc("Column of item ids in the table of items, where it has another name than the item column.")
    ] = None
    rating: Annotated[Column, Doc("Rating column, by name or number; none (False in Python) leaves it out.")] = None
    time: Annotated[Column, Doc("Time column, by name or number; none (False in Python) leaves it out.")] = None
    sheet: Annotated[
        str | None, Doc("Table of an SQLite database, or sheet of an Excel workbook, where it has several.")
    ] = None
    separator: Annotated[str | None, Doc("Text between two fields. Palate detects it if you do not name it.")] = None
    time_unit: Annotated[
        str | None, Doc("Unit of times: s, ms, us or ns since 1970, or order for numbers that are not dates.")
    ] = None
    date_format: Annotated[
        str | None,
        Doc("Format of dates that are text, such as %d/%m/%Y. Palate detects it if you do not name it."),
    ] = None
    keep: Annotated[
        Mapping[str, object] | None,
        Doc("Read only rows with this value, or one of several, in a column, such as event=purchase."),
    ] = None
    drop: Annotated[
        Mapping[str, object] | None,
        Doc("Leave out rows with this value, or one of several, in a column, such as rating=-1 or user=NULL."),
    ] = None
    encoding: Annotated[str | None, Doc("Text encoding, such as latin-1. UTF-8 if you do not name one.")] = None
    quotes: Annotated[
        bool, Doc("Whether a field of delimited text may be in quotes. If not, a quote is an ordinary character.")
    ] = True
    skip_invalid: Annotated[
        bool | str | Path,
        Doc(
            "Leave out rows that break a rule, count them, and list them with their problems in a CSV file in the "
            "current folder, such as ratings.skipped.csv. In Python, a path names another file."
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model to train, and its hyperparameters."""

    TITLE: ClassVar[str] = "The model"

    model: Annotated[
        str | None,
        Doc(
            "Model to train: a name that palate info lists, best (a search chooses the model), or your own class as "
            "package.module:Class. Without a name: svdpp, ease for a table without ratings (implicit feedback), "
            "or neural where you name a preset."
        ),
    ] = None
    preset: Annotated[str | None, Doc("Named set of hyperparameters, such as sgd or adam.")] = None
    settings: Annotated[
        Mapping[str, object] | None, Doc("Hyperparameters of the model. palate info MODEL lists them.")
    ] = None
    epochs: Annotated[int | None, Doc("Largest number of passes over the training part.")] = None
    minutes: Annotated[
        float | None, Doc("With model best: minutes for the search and the refit together; 10 if you do not say.")
    ] = None
    aim: Annotated[
        str | None,
        Doc(
            "With model best: choose the model for ratings (predict them) or for lists (top-N recommendations). "
            "ratings if the table has any."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Events that are held out: to choose by (validation) and to report on (test)."""

    TITLE: ClassVar[str] = "The split"

    split: Annotated[
        str,
        Doc(
            "How to choose the test events: random, time (the latest events), last (the last event of each user), "
            "users (new users: cold start) or items (new items)."
        ),
    ] = "random"
    test: Annotated[float, Doc("Share of all events held out for the test; of users or items with those splits.")] = 0.2
    validation: Annotated[
        float, Doc("Share of the other events that chooses the epoch. With 0 all epochs run and the last one is kept.")
    ] = 0.1

    def __post_init__(self) -> None:
        for name in ("test", "validation"):
            object.__setattr__(self, name, as_number(getattr(self, name), name))


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The output of a training, its refit, and what is measured beside it."""

    TITLE: ClassVar[str] = "The training"

    output: Annotated[
        str | Path | None, Doc("Save the model to this folder. A checkpoint is kept beside it while training.")
    ] = None
    resume: Annotated[bool, Doc("Continue a stopped training from its checkpoint.")] = False
    watch_test: Annotated[bool, Doc("Record the test loss of each epoch too. It chooses nothing.")] = False
    refit: Annotated[
        bool,
        Doc("Once validation has chosen the epoch, train anew on training and validation part together."),
    ] = True
    baselines: Annotated[
        Sequence[str], Doc("Train simple models too, bias and popularity, and report their metrics on the same test.")
    ] = BASELINES


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that every training and every comparison has."""

    TITLE: ClassVar[str] = "The run"

    seed: Annotated[int, Doc("Random seed.")] = 0
    device: Annotated[str, Doc("Device to compute on: auto, cpu, cuda or mps.")] = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", at_least(self.seed, 0, "seed"))


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """The models to compare, the time for it, and the report."""

    TITLE: ClassVar[str] = "The comparison"

    models: Annotated[
        Sequence[str] | None, Doc("Names of the models to compare. Without names: all that can learn from the table.")
    ] = None
    seeds: Annotated[int, Doc("Number of times to train each model, each time with another seed.")] = 3
    minutes: Annotated[float, Doc("Minutes for the whole comparison.")] = 10.0
    k: Annotated[int, Doc("Length of the top-N lists.")] = 10
    refit: Annotated[
        bool,
        Doc("Once validation has chosen the epoch, train each model anew on training and validation part together."),
    ] = False
    report: Annotated[
        str | Path | None, Doc("Write an HTML page with tables, bootstrap intervals and learning curves.")
    ] = None

    def __post_init__(self) -> None:
        if isinstance(self.models, str):
            object.__setattr__(self, "models", [name.strip() for name in self.models.split(",")])
        for name in ("seeds", "k"):
            object.__setattr__(self, name, at_least(getattr(self, name), 1, name))
        if not as_number(self.minutes, "minutes") > 0:
            raise OptionError(f"{option('minutes')} is {self.minutes}: it must be above 0")


@dataclass(frozen=True)
class ReadOptions:
    """Every group that `palate.read` takes."""

    reading: ReadingOptions = field(default_factory=ReadingOptions)


@dataclass(frozen=True)
class TrainOptions:
    """Every group that `palate.train` takes."""

    reading: ReadingOptions = field(default_factory=ReadingOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    run: RunOptions = field(default_factory=RunOptions)


@dataclass(frozen=True)
class CompareOptions:
    """Every group that `palate.compare` takes."""

    reading: ReadingOptions = field(default_factory=ReadingOptions)
    comparison: ComparisonOptions = field(default_factory=ComparisonOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    run: RunOptions = field(default_factory=RunOptions)


class ReadingKeywords(TypedDict, total=False):
    """The fields of `ReadingOptions`, for type checkers."""

    format: str | None
    user: Column
    item: Column
    item_id: Column
    rating: Column
    time: Column
    sheet: str | None
    separator: str | None
    time_unit: str | None
    date_format: str | None
    keep: Mapping[str, object] | None
    drop: Mapping[str, object] | None
    encoding: str | None
    quotes: bool
    skip_invalid: bool | str | Path


class SplitKeywords(TypedDict, total=False):
    """The fields of `SplitOptions`, for type checkers."""

    split: str
    test: float
    validation: float


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions`, for type checkers."""

    seed: int
    device: str


class TrainKeywords(ReadingKeywords, SplitKeywords, RunKeywords, total=False):
    """The fields of all groups in `TrainOptions`, for type checkers."""

    model: str | None
    preset: str | None
    settings: Mapping[str, object] | None
    epochs: int | None
    minutes: float | None
    aim: str | None
    output: str | Path | None
    resume: bool
    watch_test: bool
    refit: bool
    baselines: Sequence[str]


class CompareKeywords(ReadingKeywords, SplitKeywords, RunKeywords, total=False):
    """The fields of all groups in `CompareOptions`, for type checkers."""

    models: Sequence[str] | None
    seeds: int
    minutes: float
    k: int
    refit: bool
    report: str | Path | None


TrainGroup = ReadingOptions | ModelOptions | SplitOptions | TrainingOptions | RunOptions
CompareGroup = ReadingOptions | ComparisonOptions | SplitOptions | RunOptions
