"""Every command and every option that prose names exists, and every command is named in the docs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from palate.cli import app
from tests.tables import ROOT

PAGES = [*sorted(ROOT.glob("README*.md")), ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
GROUP: Any = get_command(app)
TOP_OPTIONS = {"--help", *(option for parameter in GROUP.params for option in parameter.opts)}
OPTION = re.compile(r"(?<![\w-])(?:--[a-z][\w-]*|-[a-z](?![\w-]))")


class Named(NamedTuple):
    """A command line in prose: the program, what follows it, and where it stands."""

    program: str
    words: str
    place: str


def options_of(command: str) -> set[str]:
    parameters = GROUP.commands[command].params
    return {"--help", *(option for each in parameters for option in (*each.opts, *each.secondary_opts))}


OPTIONS = TOP_OPTIONS.union(*(options_of(command) for command in GROUP.commands))
FOLDERS = ("benchmarks", "examples", "scripts", "tests")
PROGRAMS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): set(
        re.findall(r"[\"'](--?[a-z][\w-]*)[\"']", path.read_text(encoding="utf-8"))
    )
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
}
"""Programs of this repository, as `python -m` takes them, with every option that they name."""


def code_of(text: str) -> Iterator[str]:
    """Every line of a block of code, without a prompt and with its continuation, and every span of code."""
    blocks = re.findall(r"^```(?:sh|console|text|yaml|ini|)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from (line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (span.strip("`") for span in re.findall(r"`+[^`\n]+`+", prose))


def named_in(text: str, place: str) -> Iterator[Named]:
    """Every command line, and every option that stands alone."""
    for code in code_of(text):
        code = re.sub(r"\s#.*", "", code)
        for match in re.finditer(r"(?:^|[\s/;&(])(palate|python -m \S+|python \S+\.py)(?= |$)([^|;&]*)", code):
            yield Named(match[1], match[2], place)
        if OPTION.match(code):
            yield Named("", code, place)


def problem(named: Named) -> str | None:
    """What is wrong with a command line in prose; None if everything in it exists."""
    program, words, place = named
    command = next(iter(words.split()), "")
    if program == "palate":
        if re.fullmatch(r"[a-z][\w-]*", command) and command not in GROUP.commands:
            return f"{place}: palate {command} is no command"
        options = options_of(command) if command in GROUP.commands else TOP_OPTIONS
    elif program:
        name = program.removeprefix("python -m ").removeprefix("python ").removesuffix(".py").replace("/", ".")
        if name.split(".")[0] not in FOLDERS:
            return None
        if name not in PROGRAMS:
            return f"{place}: there is no {program}"
        options = PROGRAMS[name]
    else:
        options = OPTIONS.union(*PROGRAMS.values())
    wrong = [option for option in OPTION.findall(words) if option not in options]
    return f"{place}: {program}{words} has no {', '.join(wrong)}" if wrong else None


def help_texts() -> Iterator[tuple[str, str]]:
    for name, command in GROUP.commands.items():
        yield f"palate {name} --help", command.help or ""
        for parameter in command.params:
            yield f"palate {name} --help", parameter.help or ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_of_a_page_exists(page: Path) -> None:
    named = named_in(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())
    assert [text for each in named if (text := problem(each))] == []


def test_every_command_and_option_of_the_help_exists() -> None:
    problems = []
    for place, text in help_texts():
        for match in re.finditer(r"palate ([a-z]+)|(?<![\w-])(--[a-z][\w-]*)", text):
            if match[1] and match[1] not in GROUP.commands:
                problems.append(f"{place} names palate {match[1]}")
            if match[2] and match[2] not in OPTIONS:
                problems.append(f"{place} names {match[2]}")
    assert problems == []


def test_every_option_of_a_message_exists() -> None:
    problems = []
    for path in (ROOT / "src" / "palate").rglob("*.py"):
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*(?![\w{-])", path.read_text(encoding="utf-8")):
            if option not in OPTIONS:
                problems.append(f"{path.relative_to(ROOT)} names {option}")
    assert problems == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("`palate train t.csv --no-such`", ["page: palate train t.csv --no-such has no --no-such"]),
        ("```sh\n$ palate serve m --url x\n```", ["page: palate serve m --url x has no --url"]),
        ("`palate no-such m`", ["page: palate no-such is no command"]),
        ("`--no-such`", ["page: --no-such has no --no-such"]),
        ("`python -m benchmarks.top_n --no-such`", ["page: python -m benchmarks.top_n --no-such has no --no-such"]),
        ("`python -m benchmarks.no_such`", ["page: there is no python -m benchmarks.no_such"]),
        ("`palate train t.csv --model best`, `--resume`, `pip --quiet`", []),
    ],
)
def test_what_does_not_exist_is_found(text: str, problems: list[str]) -> None:
    assert [said for each in named_in(text, "page") if (said := problem(each))] == problems


def test_every_command_is_named_in_the_docs() -> None:
    pages = [page for page in PAGES if "reference" not in page.parts]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [command for command in GROUP.commands if f"palate {command}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_of_the_code_that_a_page_names_exists(page: Path) -> None:
    """Hold that `models/ease.py` is in the package or the repository; the log tells of files as they were."""
    named = re.findall(r"`((?:[\w-]+/)+[\w-]+\.py)`", page.read_text(encoding="utf-8"))
    gone = [file for file in named if not (ROOT / file).is_file() and not (ROOT / "src" / "palate" / file).is_file()]
    assert page.name == "log.md" or gone == []
