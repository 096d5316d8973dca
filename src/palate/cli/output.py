"""The look of answers and errors on a terminal."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console


@cache
def console() -> "Console":
    """Return the terminal of answers; rich, which help does not need, is imported here."""
    from rich.console import Console  # noqa: PLC0415 - slow to import

    return Console(soft_wrap=False)


@cache
def errors() -> "Console":
    """Return the terminal of errors, notes and progress."""
    from rich.console import Console  # noqa: PLC0415 - slow to import

    return Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str = "") -> None:
    """Print a line; data in it is never read as markup."""
    from rich.text import Text  # noqa: PLC0415 - slow to import

    console().print(Text(text), soft_wrap=True)


def command(*words: object) -> str:
    """Return a command as it can be pasted into a shell, quoted where it must be."""
    return shlex.join(map(str, words))


def say_notes(notes: Iterable[str], json: bool) -> None:
    """Print a line for each note, unless the answer is JSON."""
    for note in () if json else notes:
        say(note)


def compilation_shown(quiet: bool = False) -> AbstractContextManager[None]:
    """Say on stderr that loops are compiled within the block, and how long that took, unless none is."""
    if quiet:
        return nullcontext()
    from palate.system.compilation import announced  # noqa: PLC0415 - loads numba, which few commands need

    return announced(errors().print)


@contextmanager
def stages(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield the function that shows the stage of a long command on stderr: with the time on a terminal, else a line."""
    if quiet or not errors().is_terminal:
        yield (lambda line: None) if quiet else errors().print
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - slow to import

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=errors(), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda line: progress.update(task, description=line)


STOPPED = 130
"""The exit code of a command that Ctrl-C has stopped."""


def fail(message: str, code: int) -> NoReturn:
    """End the program with one line on stderr."""
    from rich.text import Text  # noqa: PLC0415 - slow to import

    label = ("", "") if code == STOPPED else ("error: ", "bold red")
    errors().print(Text.assemble(label, " ".join(message.split())))
    sys.exit(code)


def as_json(answer: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; in ASCII where the terminal may not take Unicode."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(answer, ensure_ascii=not unicode, indent=1))


def as_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows with the same fields as a table; a field that is None in every row is left out."""
    from rich.table import Table  # noqa: PLC0415 - slow to import
    from rich.text import Text  # noqa: PLC0415 - slow to import

    fields = [name for name in rows[0] if any(row[name] is not None for row in rows)] if rows else []
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in fields:
        numbers = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[name])) for name in fields))
    if title:
        console().print(Text(title, style="italic"), soft_wrap=True)
    console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4f}"
    return f"{value:g}" if isinstance(value, float) else str(value)
