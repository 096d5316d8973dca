"""Arguments and options that several commands share, and the text in them turned into values."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import palate
from palate.errors import OptionError, UnsupportedError
from palate.options import ReadingOptions

if TYPE_CHECKING:
    from palate import Interactions, Recommender
    from palate.data.vocabulary import Id


def _folder_of_a_model(path: Path) -> Path:
    """Check the folder's header, which is quick, before anything loads torch, which is slow."""
    palate.read_header(path)
    return path


Model = Annotated[
    Path,
    typer.Argument(help="Folder of a trained model, as palate train writes it.", callback=_folder_of_a_model),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
K = Annotated[int, typer.Option("-k", help="Number of items to return.")]
MinRatings = Annotated[int, typer.Option("--min-ratings", help="Return only items with at least this many ratings.")]
Exclude = Annotated[
    list[str],
    typer.Option(
        "--exclude",
        help="Leave this item out, by id or exact title; or several, with commas between them.",
        metavar="ITEM",
    ),
]
Only = Annotated[
    list[str],
    typer.Option("--only", help="Return only this item; or several, with commas between them.", metavar="ITEM"),
]
Category = Annotated[
    list[str],
    typer.Option("--category", help="Return only items of this category, or of any that you name.", metavar="NAME"),
]
Memory = Annotated[
    str | None,
    typer.Option(
        help="Memory limit of the whole process, such as 1GB. The work is done in pieces that fit.", metavar="SIZE"
    ),
]
User = Annotated[str | None, typer.Option("--user", help="Id of a user in the table.", metavar="ID")]
Rate = Annotated[
    list[str],
    typer.Option(
        "--rate",
        help="Rating of a new user (cold start), without training again (fold-in).",
        metavar="ITEM=RATING",
    ),
]
Table = Annotated[
    list[str],
    typer.Argument(help="Files with a rating or an event per line, a folder of them, or the name of a data set."),
]
Items = Annotated[
    str | None,
    typer.Option(
        help="Read titles, categories and text of the items from this file.",
        metavar="PATH",
        rich_help_panel=ReadingOptions.TITLE,
    ),
]


def search_here(*names: str | None) -> None:
    """Search the current folder first for the module of a package.module:Class, if one of the names is one."""
    if any(name is not None and ":" in name for name in names):
        sys.path.insert(0, str(Path.cwd()))


def _class_from_here(name: str | None) -> str | None:
    search_here(name)
    return name


ModelClass = Annotated[
    str | None,
    typer.Option(
        "--model-class",
        help="Class of your own model, as package.module:Class. The current folder is searched first.",
        metavar="CLASS",
        callback=_class_from_here,
    ),
]


def read_table(ratings: list[str], reading: ReadingOptions, items: str | None = None) -> "Interactions":
    """Read the table that the arguments and options of a command name."""
    source: Any = ratings[0] if len(ratings) == 1 else ratings
    return palate.load_table(source, items, vars(reading))


def with_events(table: "Interactions", events: str) -> "Interactions":
    """Add the events that `palate serve` recorded."""
    try:
        return palate.with_events(table, events)
    except ModuleNotFoundError as missing:
        raise needs_serve(missing) from missing


def needs_serve(missing: ModuleNotFoundError) -> UnsupportedError:
    """Return the error for a command that needs the libraries of the service, where one is missing."""
    return UnsupportedError(f'this needs {missing.name}, which is not installed: pip install "palate[serve]"')


def item_id(recommender: "Recommender", text: str) -> "Id":
    """Return the id of the item that a text names, by its id or its title."""
    return recommender.item_id(text)


def user_id(recommender: "Recommender", text: str | None) -> "Id | None":
    """Return the id of the user that a text names."""
    return None if text is None else recommender.table.user_ids.parse(text)


def ratings(recommender: "Recommender", rated: list[str]) -> "dict[Id, float] | None":
    """Turn ["318=5", "Toy Story (1995)=4"] into {318: 5.0, "Toy Story (1995)": 4.0}, and no texts into None.

    Raises:
        OptionError: a text is not ITEM=RATING, or an item is rated twice.
    """
    values: dict[Id, float] = {}
    for text in rated:
        item, _, rating = text.rpartition("=")
        try:
            value = float(rating)
        except ValueError:
            item = ""
        if not item:
            raise OptionError(f"--rate {text!r} should be ITEM=RATING, such as 318=5")
        id_ = item_id(recommender, item)
        if id_ in values:
            raise OptionError(f"--rate names {item} twice")
        values[id_] = value
    return values or None
