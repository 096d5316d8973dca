"""What is written about Palate is true: commands and code run, links lead somewhere, made pages are up to date."""

import ast
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
from scripts.make_docs import pages
from scripts.pages.code import in_order
from scripts.pages.commands import EXAMPLES
from typer.main import get_command
from typer.testing import CliRunner

import palate
from palate.cli import app
from palate.service.event_store import EventStore, StoredEvent
from tests.service.running import running
from tests.tables import ROOT

PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "benchmarks" / "results.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
PROGRAMS = [*ROOT.glob("examples/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/**/*.py")]

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK = {"train": ["--epochs", "2"], "compare": ["--models", "bias,popularity"]}
"""Added to a command that names no model, nor its epochs."""

AT_A_SERVICE = ("serve", "replay")
"""Commands that are a service or need one: only parsed here, and run by the tests of the service."""


def shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, without those that a script put there."""
    by_hand = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", by_hand, flags=re.DOTALL | re.MULTILINE)


def run(command: str) -> None:
    program, *words = shlex.split(command, comments=True)
    assert program == "palate"
    if not {"--epochs", "--model", "--models"} & set(words):
        words += QUICK.get(words[0], [])
    if "best" in words:
        words += ["--minutes", "0.01"]
    if words[0] in AT_A_SERVICE:
        commands: Any = get_command(app)
        commands.commands[words[0]].make_context(words[0], words[1:])
        return
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{command}\n{done.output}\n{done.exception!r}"


def commands_of(page: Path) -> list[str]:
    """The commands that a page shows a user at a prompt."""
    shown_lines = "".join(blocks(page.read_text(encoding="utf-8"), "console")).replace("\\\n", "").splitlines()
    return [line[2:] for line in shown_lines if line.startswith("$ ")]


@pytest.mark.parametrize(
    ("page", "files"),
    [
        ("README.md", {"ratings.csv", "movies.csv", "movies.palate"}),
        ("docs/tutorial/index.md", {"ratings.csv", "movies.csv", "movies.palate", "lists.palate", "lists.csv"}),
    ],
)
def test_the_commands_of_a_page_run_in_turn(
    page: str, files: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = commands_of(ROOT / page)
    assert len(commands) >= 5
    model = ""
    for command in commands:
        if command.startswith("curl "):
            ask(command, Path(model))
        elif command.startswith("head "):
            assert Path(command.split()[-1]).exists()
        else:
            run(command)
            model = command.split()[2] if command.startswith("palate serve") else model
    assert files <= {path.name for path in tmp_path.iterdir()}


def ask(command: str, model: Path) -> None:
    """Send a GET request of a page to a service of the model."""
    [url] = re.findall(r"http://127.0.0.1:8000(/[^\s\"']*)", command)
    with running(model, f"{model}.events.sqlite") as client:
        assert client.get(url).ok


def test_the_examples_of_the_command_pages_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("palate sample -o ratings.csv")
    run("palate train ratings.csv --items movies.csv -o movies.palate --epochs 1")
    newer = ["userId,movieId,rating", "1,1,4", "1,318,5", "2,1,3"]
    (tmp_path / "newer-ratings.csv").write_text("\n".join(newer) + "\n", encoding="utf-8")
    told = EventStore("movies.palate.events.sqlite")
    told.add([[StoredEvent(0, "a", "1", "318", "rating", 5.0, 1.7e9)]])
    told.close()
    for examples in EXAMPLES.values():
        for command in examples:
            run(command)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python") and not page.match("*.ko.md")],
    ids=shown,
)
def test_the_python_of_a_page_runs_as_one_session(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that begins with `# name.py` is that file, in the folder of the session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        if file := re.match(r"# (\w+\.py)\n", block):
            (tmp_path / file[1]).write_text(block, encoding="utf-8")
            sys.modules.pop(file[1].removesuffix(".py"), None)
            continue
        exec(compile(block, shown(page), "exec"), names)


@pytest.mark.parametrize("program", ["examples/own_model.py", "tests/models/bpr.py"])
def test_a_file_of_the_page_on_own_models_is_the_one_that_is_tested(program: str) -> None:
    page = (ROOT / "docs" / "how-to" / "own-model.md").read_text(encoding="utf-8")
    [file] = [block for block in blocks(page, "python") if block.startswith(f"# {Path(program).name}\n")]
    classes = file[file.index("\nclass ") :].rstrip()
    assert classes in (ROOT / program).read_text(encoding="utf-8")


def test_no_other_page_has_python_that_never_runs() -> None:
    having = {shown(page) for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python")}
    assert having == {
        "README.md",
        "README.ko.md",
        "docs/how-to/own-model.md",
        "docs/how-to/python.md",
        "docs/kernels.md",
    }


def test_what_a_script_makes_is_as_it_makes_it() -> None:
    stale = [name for name, text in pages().items() if (ROOT / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run `make docs`: {', '.join(stale)} changed"


def test_no_page_is_left_of_a_command_that_is_gone() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/reference/cli/*.md")}
    assert found == {name for name in pages() if name.startswith("docs/reference/cli/")}


def test_the_architecture_has_every_file_with_a_phrase() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"<!-- tree -->\n```\n(.*?)```", page, flags=re.DOTALL)
    listed: list[str] = []
    above: list[str] = []
    for line in tree.splitlines()[1:]:
        match = re.fullmatch(r"((?:│   |    )*)[├└]── (\S+)(?: {2,}(\S.*))?", line)
        assert match, line
        depth, name, phrase = len(match[1]) // 4, match[2], match[3]
        above = [*above[:depth], name]
        if not name.endswith("/"):
            assert phrase, f"{name} has no phrase"
            listed.append("".join(above))
    source = ROOT / "src" / "palate"
    there = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sorted(listed) == sorted(path.relative_to(source).as_posix() for path in there)


def test_every_function_of_a_walk_is_in_its_file() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| `(\S+\.py)` \| `(\w+)` \|", page, flags=re.MULTILINE)
    assert len(steps) >= 20
    for file, function in steps:
        code = ast.parse((ROOT / "src" / "palate" / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(code) if isinstance(node, ast.FunctionDef)}, (file, function)


def test_a_file_imports_only_what_stands_below_it() -> None:
    order = [path for path in files_in_order(ROOT / "src" / "palate") if path.suffix == ".py"]
    names = [".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__") for path in order]
    place = {name: number for number, name in enumerate(names)}
    graph = grimp.build_graph("palate", cache_dir=None)
    climbs = [
        (name, imported)
        for name in names
        for imported in graph.find_modules_directly_imported_by(name)
        if place[imported] < place[name] and not name.startswith(f"{imported}.")
    ]
    assert not climbs


def files_in_order(folder: Path) -> Iterator[Path]:
    for path in in_order(folder):
        if path.is_dir():
            yield from files_in_order(path)
        else:
            yield path


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{shown(page)} links to {link}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads], link


def test_every_page_of_the_docs_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "docs" / "index.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
            ahead += [(page.parent / link).resolve() for link in links if not link.startswith("https://")]
    assert {shown(page) for page in PAGES if page.is_relative_to(ROOT / "docs")} <= {shown(page) for page in reached}


@pytest.mark.parametrize("path", [*PAGES, *PROGRAMS], ids=shown)
def test_no_path_of_a_machine_is_written_down(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|work|opt|Users)/|[A-Z]:\\", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("results", "page", "columns"),
    [
        ("course", "docs/concepts/course.md", ["best", "kept"]),
        ("newcomers-ml-100k", "docs/concepts/cold-start.md", ["neural", "bias", "difference, 95 % interval"]),
        ("newcomers-movielens-small", "docs/concepts/cold-start.md", ["neural", "bias"]),
        ("newcomers-ml-100k-history", "docs/reference/ratings.md", ["history", "bias"]),
        ("newcomers-movielens-small-history", "docs/reference/ratings.md", ["history", "bias"]),
        ("ratings-ml-100k-u1", "docs/reference/ratings.md", ["RMSE", "MAE"]),
        ("ratings-ml-100k", "docs/reference/ratings.md", ["RMSE", "MAE"]),
        ("ratings-ml-1m", "docs/reference/ratings.md", ["RMSE", "MAE"]),
        ("ratings-latest-small", "docs/reference/ratings.md", ["RMSE", "MAE"]),
        ("sample", "README.md", ["rmse"]),
        ("item-map", "docs/decisions/0016-a-map-of-our-own.md", ["kept", "seconds"]),
        (
            "embeddings",
            "docs/concepts/embeddings.md",
            ["genre Jaccard", "analogy", "no step", "genre AUC", "year R2", "moved"],
        ),
    ],
)
def test_the_figures_of_a_page_are_those_measured(results: str, page: str, columns: list[str]) -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / f"{results}.json").read_text(encoding="utf-8"))
    text = (ROOT / page).read_text(encoding="utf-8")
    for row in measured["table"]:
        assert all(row[column] in text for column in columns), row


def test_the_settings_of_the_docs_are_those_of_the_models() -> None:
    written = (ROOT / "docs" / "reference" / "models.md").read_text(encoding="utf-8")
    assert all(f"## {name}\n" in written for name in palate.MODELS)
