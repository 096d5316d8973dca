"""docs/reference/cli/: a page for each command, from its function's signature and docstring."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter as SignatureParameter
from inspect import signature
from typing import Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo

from palate.cli import app
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
        "palate train ratings.csv --split time --model bias -o later.palate  # tested on the latest fifth",
        "palate train ratings.csv --model neural --validation 0  # the course's plain epochs: nothing is chosen",
        "palate train ratings.csv --model best --minutes 10 -o best.palate  # tries what fits, blends where that wins",
        "palate train ratings.csv --events movies.palate.events.sqlite -o newer.palate  # with what a service was told",
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


@dataclass(frozen=True)
class Parameter:
    """One argument or option of a command, from its function's signature."""

    shown: str
    meaning: str
    default: str
    panel: str | None  # None for an argument


def command_pages() -> dict[str, str]:
    """Return the path and the text of the page of each command, and of their index."""
    commands = {command.name or "": command.callback for command in app.registered_commands if command.callback}
    pages = {f"{FOLDER}/{name}.md": command_page(name, function) for name, function in commands.items()}
    lines = [f"- [palate {name}]({name}.md): {sentence(function.__doc__)}" for name, function in commands.items()]
    notes = (
        "Every command answers with `--json` for machines, and says what is wrong in one line, with exit code 2. "
        "A training that was stopped by Ctrl-C ends with 130."
    )
    return pages | {f"{FOLDER}/index.md": page("The command line", notes, "\n".join(lines), TOCTREE)}


def command_page(name: str, function: Callable[..., Any]) -> str:
    """Usage, arguments and options of one command, in tables."""
    found = parameters(function)
    arguments = [each for each in found if each.panel is None]
    usage = " ".join([f"palate {name}", *(each.shown for each in arguments), "[OPTIONS]"])
    parts = [sentence(function.__doc__), f"```\n{usage}\n```"]
    if arguments:
        parts.append(table(("argument", "meaning"), [(f"`{each.shown}`", each.meaning) for each in arguments]))
    for panel in dict.fromkeys(each.panel for each in found if each.panel is not None):
        rows = [(each.shown, each.meaning, each.default) for each in found if each.panel == panel]
        parts.append(f"## {panel}\n\n" + table(("option", "meaning", "default"), rows))
    examples = "\n".join(EXAMPLES[name])
    parts.append(f"## Examples\n\n```sh\n{examples}\n```")
    return page(f"palate {name}", *parts)


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """In the order of the signature."""
    hints = get_type_hints(function, include_extras=True)
    return [_parameter(name, hints[name], each.default) for name, each in signature(function).parameters.items()]


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    kind, info = get_args(hint)
    meaning = info.help or ""
    several = get_origin(kind) is list
    required = default is SignatureParameter.empty
    if isinstance(info, ArgumentInfo):
        shown = name.upper() + ("..." if several else "")
        return Parameter(shown if required else f"[{shown}]", meaning, "", None)
    flag = kind is bool
    long = f"--{name.replace('_', '-')}"
    declared = [each for each in (info.default, *(info.param_decls or ())) if isinstance(each, str) and each[:1] == "-"]
    names = declared or ([long, f"--no-{long[2:]}"] if flag else [long])
    value = "" if flag else f" `{_value(str(kind))}`"
    bare = default is None or default is False or default == []
    said = "required" if required else "" if bare else "on" if default is True else f"`{default}`"
    return Parameter(", ".join(f"`{each}`" for each in names) + value, meaning, said, info.rich_help_panel or "Options")


def _value(kind: str) -> str:
    return next((sign for word, sign in (("int", "N"), ("float", "X"), ("Path", "PATH")) if word in kind), "TEXT")
