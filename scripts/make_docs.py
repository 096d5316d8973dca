"""Write the pages and parts of pages that follow from the code.

docs/reference/cli/ comes from the commands, docs/reference/models.md from the models' settings, the tables of figures
from what the benchmarks wrote, the tree of files in docs/architecture.md and the rooms in README.md from first lines.

    python scripts/make_docs.py

A test writes them again and fails where a page differs.
"""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import Parameter as SignatureParameter
from inspect import signature
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo

import palate
from palate.cli import app
from palate.models.registry import FORMER_NAMES

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "palate"
MADE = "<!-- Made by scripts/make_docs.py; don't edit it here. -->"

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

WITH_RESULTS = (
    "docs/reference/performance.md",
    "docs/reference/ratings.md",
    "docs/reference/lists.md",
    "docs/how-to/best.md",
)
"""Pages with tables of what benchmarks wrote."""

WITHOUT_A_LINE = {
    "__init__.pyi": "the public names",
    "index.html": "the studio's page",
    "icon.svg": "its icon",
    "py.typed": "tells type checkers that Palate is typed",
    "TERMS.txt": "GroupLens' terms for the sample, and what was changed",
    "movies.parquet": "titles and genres of MovieLens small",
    "ratings.parquet": "its ratings",
}
"""What there is to say of files that can't say it themselves."""


@dataclass(frozen=True)
class Parameter:
    """One argument or option of a command, from its function's signature."""

    shown: str
    meaning: str
    default: str
    panel: str | None  # None for an argument


def pages() -> dict[str, str]:
    """The path of every page in the repository, and its text."""
    commands = {command.name or "": command.callback for command in app.registered_commands if command.callback}
    made = {f"docs/reference/cli/{name}.md": command_page(name, function) for name, function in commands.items()}
    listed = [f"- [palate {name}]({name}.md): {_sentence(function.__doc__)}" for name, function in commands.items()]
    notes = (
        "Every command answers with `--json` for machines, and says what is wrong in one line, with exit code 2. "
        "A training that was stopped by Ctrl-C ends with 130."
    )
    made["docs/reference/cli/index.md"] = _page("The command line", notes, "\n".join(listed), TOCTREE)
    made["docs/reference/models.md"] = models_page()
    for page in (
        "docs/reference/performance.md",
        "docs/reference/ratings.md",
        "docs/reference/lists.md",
        "docs/how-to/best.md",
    ):
        made[page] = with_results((ROOT / page).read_text(encoding="utf-8"))
    made["README.md"] = _with_code("README.md", {"rooms": ("", tree(rooms_only=True))})
    blocks = {"flow": ("python", main_flow()), "tree": ("", tree())}
    made["docs/architecture.md"] = _with_code("docs/architecture.md", blocks)
    return made


def command_page(name: str, function: Callable[..., Any]) -> str:
    """Usage, arguments and options of one command, in tables."""
    found = parameters(function)
    arguments = [each for each in found if each.panel is None]
    usage = " ".join([f"palate {name}", *(each.shown for each in arguments), "[OPTIONS]"])
    parts = [_sentence(function.__doc__), f"```\n{usage}\n```"]
    if arguments:
        parts.append(_table(("argument", "meaning"), [(f"`{each.shown}`", each.meaning) for each in arguments]))
    for panel in dict.fromkeys(each.panel for each in found if each.panel is not None):
        rows = [(each.shown, each.meaning, each.default) for each in found if each.panel == panel]
        parts.append(f"## {panel}\n\n" + _table(("option", "meaning", "default"), rows))
    examples = "\n".join(EXAMPLES[name])
    parts.append(f"## Examples\n\n```sh\n{examples}\n```")
    return _page(f"palate {name}", *parts)


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


def models_page() -> str:
    """Every model with its settings and presets."""
    parts = ["Give a setting as `--set NAME=VALUE` or `palate.train(..., settings={name: value})`."]
    for name, model in palate.MODELS.items():
        parts.append(f"## {name}\n\n{(model.__doc__ or '').strip().splitlines()[0]}")
        settings = palate.settings_of(model)
        rows = [(f"`{each.name}`", each.bounds, f"`{each.default}`", each.meaning) for each in settings]
        parts.append(_table(("setting", "value", "default", "meaning"), rows) if rows else "No settings.")
        for preset, chosen in model.PRESETS.items():
            parts.append(f"Preset `{preset}`: " + ", ".join(f"`{key}={value}`" for key, value in chosen.items()) + ".")
    return _page("Models and their settings", *parts)


def with_results(text: str) -> str:
    """The page with the table of each benchmark named made anew, between <!-- results: name --> and its end."""
    for name in re.findall(r"<!-- results: ([\w-]+) -->", text):
        found = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        rows = [list(found["table"][0]), *(map(str, row.values()) for row in found["table"])]
        head, *body = [[with_current_names(cell) for cell in row] for row in rows]
        table = _table(head, body)
        said = f"`{found['command']}`, {found['date']}, commit {found['commit']}, {found['machine']}"
        text = _between(text, f"results: {name}", f"{table}\n\n{said}")
    return text


def with_current_names(text: str) -> str:
    """The text with models that were measured under a former name called as they are now."""
    for former, name in FORMER_NAMES.items():
        text = re.sub(rf"\b{former}\b", name, text)
    return text


def _with_code(page: str, blocks: dict[str, tuple[str, str]]) -> str:
    """The page with each block, a language and a text, made anew between <!-- name --> and <!-- /name -->."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, (language, made) in blocks.items():
        text = _between(text, name, f"```{language}\n{made}\n```")
    return text


def _between(text: str, name: str, made: str) -> str:
    """The text with what stands between <!-- name --> and <!-- /name --> made anew."""
    before, _, rest = text.partition(f"<!-- {name} -->")
    _, _, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}<!-- {name} -->\n{made}\n<!-- /{name} -->{after}"


def tree(rooms_only: bool = False) -> str:
    """Return the package's files, or only its rooms and top modules, each with what its first line says of it."""
    rows = [("src/palate/", ""), *_branches(SOURCE, "", rooms_only)]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:{width}}{phrase}".rstrip() for name, phrase in rows)


def _branches(folder: Path, before: str, rooms_only: bool) -> list[tuple[str, str]]:
    rows = []
    for path in (paths := in_order(folder, rooms_only)):
        last = path == paths[-1]
        name = f"{path.name}{'/' if path.is_dir() else ''}"
        room = path / "__init__.py"
        phrase = _phrase(room) if rooms_only and room.exists() else _phrase(path)
        rows.append((f"{before}{'└' if last else '├'}── {name}", phrase))
        if path.is_dir() and not rooms_only:
            rows += _branches(path, before + ("    " if last else "│   "), rooms_only)
    return rows


def in_order(folder: Path, rooms_only: bool = False) -> list[Path]:
    """Return what a folder holds in the order of its layers, top first, as pyproject.toml has them."""
    package = ".".join(folder.relative_to(SOURCE.parent).parts)
    layers = [re.split(r"\s*\|\s*", layer) for layer in _layers().get(package, [])]
    order = ["__init__", "__main__", *(name for layer in layers for name in layer)]

    def place(path: Path) -> tuple[bool, int, str]:
        code = path.suffix in ("", ".py", ".pyi")
        return (not code, order.index(path.stem) if path.stem in order else len(order), path.name)

    paths = [path for path in folder.iterdir() if path.name != "__pycache__"]
    if rooms_only:
        paths = [path for path in paths if (path / "__init__.py").exists() or path.suffix == ".py"]
    return sorted(paths, key=place)


def _layers() -> dict[str, list[str]]:
    """Return the layers of each package that has a contract about them, top first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return {contract["containers"][0]: contract["layers"] for contract in contracts if contract["type"] == "layers"}


def _comment(text: str) -> str:
    """The comment that JavaScript, CSS or SVG begins with."""
    found = re.match(r"(?://|/\*|<!--)\s*(.*?)\s*(?:\*/|-->|$)", text, re.MULTILINE)
    return found[1] if found else ""


def _phrase(path: Path) -> str:
    """The first sentence, if it is one line, else the first line, of a module's docstring."""
    if path.is_dir():
        return ""
    if path.name in WITHOUT_A_LINE:
        return WITHOUT_A_LINE[path.name]
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) if path.suffix == ".py" else _comment(text)
    if not said:
        raise SystemExit(f"{path.relative_to(ROOT)} says nothing of itself: begin it with a docstring of one line")
    return said.splitlines()[0].partition(". ")[0].rstrip(".")


def main_flow() -> str:
    """The body of `palate.train`, without its docstring."""
    lines = (SOURCE / "pipeline.py").read_text(encoding="utf-8").splitlines()
    (train,) = [node for node in ast.parse("\n".join(lines)).body if getattr(node, "name", "") == "train"]
    assert isinstance(train, ast.FunctionDef)
    return dedent("\n".join(lines[train.body[0].end_lineno or 0 : train.end_lineno])).strip()


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([MADE, f"# {title}", *parts]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def main() -> None:
    for name, text in pages().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
