"""docs/reference/cli/: a page for each command, from its function's signature and docstring."""

from collections.abc import Callable
from inspect import cleandoc
from typing import Any

from palate.cli import app
from palate.cli.help import ARGUMENTS, Described, described
from scripts.pages.text import page, sentence, table

FOLDER = "docs/reference/cli"

TOCTREE = """```{toctree}
:hidden:
:glob:

*
```"""

EXAMPLES = {
    "checkup": ("palate checkup ratings.csv", "palate checkup ratings.csv --split time --json"),
    "train": (
        "palate train ratings.csv --items movies.csv -o movies.palate",
        "palate train movielens-small --model neural --preset adam --set dim=20 --epochs 10",
        "palate train ratings.csv --split time --model bias -o later.palate  # the latest fifth is the test part",
        "palate train ratings.csv --model neural --validation 0  # no early stopping, as in the course",
        "palate train ratings.csv --model best --minutes 10 -o best.palate  # tries several models and blends",
        "palate train ratings.csv --events movies.palate.events.sqlite -o newer.palate  # and from a service's events",
    ),
    "compare": (
        "palate compare ratings.csv --minutes 5",
        "palate compare movielens-small --models mf,bias,popularity --seeds 2 --report compared.html",
    ),
    "recommend": (
        "palate recommend movies.palate --user 1 --min-ratings 20",
        "palate recommend movies.palate --rate 318=5 --rate 'Toy Story (1995)=3.5'",
        "palate recommend movies.palate --user 1 --category Comedy --diversity 0.3",
    ),
    "lists": ("palate lists movies.palate -k 10 --memory 4GB -o lists.parquet",),
    "predict": (
        "palate predict movies.palate --user 1 --item 318 --item 'Toy Story (1995)'",
        "palate predict movies.palate --user 1 --item 318 --interval 0.8",
    ),
    "similar": (
        "palate similar movies.palate --item 'Toy Story (1995)' --min-ratings 50",
        "palate similar movies.palate --item 'Toy Story (1995)' --towards Crime --strength 0.5 --min-ratings 50",
    ),
    "analogy": ("palate analogy movies.palate 'Aliens (1986)' 'Alien (1979)' 'Toy Story (1995)' --min-ratings 50",),
    "directions": ("palate directions movies.palate --min-ratings 20",),
    "evaluate": (
        "palate evaluate movies.palate",
        "palate evaluate movies.palate -k 50 --people 5000",
        "palate evaluate movies.palate newer-ratings.csv --json",
    ),
    "explain": ("palate explain movies.palate --user 1 --item 'Toy Story (1995)'",),
    "serve": (
        "palate serve movies.palate",
        "palate serve movies.palate --host 0.0.0.0 --tokens tokens --watch",
    ),
    "replay": ("palate replay movies.palate --url http://127.0.0.1:8000 --people 500",),
    "token": ("palate token tokens",),
    "curves": ("palate curves movies.palate -o curves.svg",),
    "info": ("palate info", "palate info neural", "palate info movies.palate --export-vectors movies.txt"),
    "sample": ("palate sample movielens-small -o ratings.csv",),
}


def command_pages() -> dict[str, str]:
    """Return the path and the text of the page of each command, and of their index."""
    commands = {command.name or "": command.callback for command in app.registered_commands if command.callback}
    pages = {f"{FOLDER}/{name}.md": command_page(name, function) for name, function in commands.items()}
    lines = [f"- [palate {name}]({name}.md): {_first(function)}" for name, function in commands.items()]
    notes = (
        "With `--json` every command but `palate serve` prints JSON for programs. If the input is wrong, a command "
        "prints one line that begins with `error:`, and ends with exit code 2. "
        "A training that was stopped by Ctrl-C ends with 130."
    )
    return pages | {f"{FOLDER}/index.md": page("The command line", notes, "\n".join(lines), TOCTREE)}


def _first(function: Callable[..., Any]) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return sentence(cleandoc(function.__doc__ or "").split("\n\n")[0])


def command_page(name: str, function: Callable[..., Any]) -> str:
    """Return the page of one command: its usage, and tables of its arguments and options."""
    options = described(function)
    arguments = [option for option in options if option.panel == ARGUMENTS]
    usage = " ".join([f"palate {name}", *(argument.names[0] for argument in arguments), "[OPTIONS]"])
    parts = [cleandoc(function.__doc__ or ""), f"```\n{usage}\n```"]
    if arguments:
        rows = [(f"`{argument.names[0]}`", argument.meaning) for argument in arguments]
        parts.append(table(("argument", "meaning"), rows))
    for panel in dict.fromkeys(option.panel for option in options if option.panel != ARGUMENTS):
        cells = [_cells(option) for option in options if option.panel == panel]
        parts.append(f"## {panel}\n\n" + table(("option", "meaning", "default"), cells))
    examples = "\n".join(EXAMPLES[name])
    parts.append(f"## Examples\n\n```sh\n{examples}\n```")
    return page(f"palate {name}", *parts)


def _cells(option: Described) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in option.names)
    value = f" `{option.value}`" if option.value else ""
    default = option.default if option.default in ("", "on", "required") else f"`{option.default}`"
    return names + value, option.meaning, default
