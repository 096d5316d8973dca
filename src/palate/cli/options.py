"""Arguments and options that several commands share, and the text in them turned into values."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import palate
from palate.errors import OptionError, UnsupportedError

if TYPE_CHECKING:
    from palate import Interactions, Recommender
    from palate.data.vocabulary import Id

Model = Annotated[Path, typer.Argument(help="A model's folder, as palate train writes it.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
K = Annotated[int, typer.Option("-k", help="How many.", min=1)]
MinRatings = Annotated[int, typer.Option("--min-ratings", help="Only what has been rated so often, at least.", min=0)]
Memory = Annotated[
    str | None,
    typer.Option(help="What the whole process may hold at most, such as 1GB; it works in pieces.", show_default=False),
]
User = Annotated[str | None, typer.Option("--user", help="Someone of the table, by id.", show_default=False)]
Rate = Annotated[
    list[str],
    typer.Option(
        "--rate", help="For a person never seen: an item and its rating, as ITEM=RATING; repeat it.", show_default=False
    ),
]

Table = Annotated[
    list[str],
    typer.Argument(help="Files with a rating or an event a line, a folder, or a data set's name.", show_default=False),
]

of_table = partial(typer.Option, rich_help_panel="The table", show_default=False)
of_run = partial(typer.Option, rich_help_panel="The run")

Items = Annotated[str | None, of_table(help="A file with the items' titles.")]


@dataclass(frozen=True)
class Reading:
    """How to read a table, as `palate.read` takes it."""

    format: Annotated[str | None, of_table(help="'lists' for a user and their items a line.")] = None
    user: Annotated[
        str | None, of_table(help="The user column, by name or number, where it is not found by itself.")
    ] = None
    item: Annotated[str | None, of_table(help="The item column.")] = None
    rating: Annotated[str | None, of_table(help="The rating column.")] = None
    time: Annotated[str | None, of_table(help="The time column.")] = None
    separator: Annotated[str | None, of_table(help="Between fields, where it is not found by itself.")] = None
    time_unit: Annotated[str | None, of_table(help="s, ms, us or ns.")] = None
    encoding: Annotated[str | None, of_table(help="Such as latin-1; UTF-8 if not named.")] = None

    def table(self, ratings: list[str], items: str | None = None) -> "Interactions":
        source: Any = ratings[0] if len(ratings) == 1 else ratings
        return palate.load_table(source, items, vars(self))


@dataclass(frozen=True)
class RunOptions:
    """What every training needs to be told, as `palate.train` and `palate.compare` take it."""

    seed: Annotated[int, of_run(help="What every draw follows from.", min=0)] = 0
    device: Annotated[str, of_run(help="auto, cpu, cuda or mps.")] = "auto"
    split: Annotated[
        str,
        of_run(
            help="How the test is chosen: random, time (the latest events), last (everybody's last event), users (people "
            "never seen) or items."
        ),
    ] = "random"
    test: Annotated[float, of_run(help="Share of all events, people or items held out to report on.")] = 0.2
    validation: Annotated[
        float, of_run(help="Share of the rest that chooses the epoch; 0 runs all epochs and keeps the last.")
    ] = 0.1


def with_events(table: "Interactions", events: str) -> "Interactions":
    """The table with what a service was told."""
    try:
        return palate.with_events(table, events)
    except ModuleNotFoundError as missing:
        raise needs_serve(missing) from missing


def needs_serve(missing: ModuleNotFoundError) -> UnsupportedError:
    """What to say where the service's libraries are not installed."""
    return UnsupportedError(f'this needs {missing.name}, which is not installed: pip install "palate[serve]"')


def item_id(recommender: "Recommender", text: str) -> "Id":
    return recommender.item_id(text)


def user_id(recommender: "Recommender", text: str | None) -> "Id | None":
    return None if text is None else recommender.table.user_ids.parse(text)


def ratings(recommender: "Recommender", rated: list[str]) -> "dict[Id, float] | None":
    """["318=5", "Toy Story (1995)=4"] -> {318: 5.0, "Toy Story (1995)": 4.0}, None for no ratings at all.

    Raises:
        OptionError: one that is not ITEM=RATING.
    """
    found: dict[Id, float] = {}
    for text in rated:
        item, _, rating = text.rpartition("=")
        try:
            value = float(rating)
        except ValueError:
            item = ""
        if not item:
            raise OptionError(f"--rate {text!r} should be ITEM=RATING, such as 318=5")
        id_ = item_id(recommender, item)
        if id_ in found:
            raise OptionError(f"--rate names {item} twice")
        found[id_] = value
    return found or None
