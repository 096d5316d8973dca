"""The help of a command: its arguments, and its options in panels, each with its value, its meaning and its default."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, cleandoc, signature
from itertools import zip_longest
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from types import UnionType
from typing import Any, TypeAlias, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import ArgumentInfo

WIDEST = 100
"""Columns: longer lines are hard to read."""

NAMES = 24
"""Columns that the names of options take, at most."""

ARGUMENTS, OPTIONS = "Arguments", "Options"

Panels: TypeAlias = dict[str, list[tuple[str, str]]]
"""Names and meaning of each option, by the title of its panel."""

VALUES = {int: "N", float: "X", Path: "PATH"}
"""What stands for a value, by its type."""


@dataclass(frozen=True)
class Described:
    """One argument or option of a command."""

    names: tuple[str, ...]
    value: str
    """Such as N or PATH; empty for a flag and for an argument."""
    meaning: str
    default: str
    panel: str


def described(command: Callable[..., Any]) -> list[Described]:
    """Return the arguments and options of a command's function, in the order of its signature."""
    return [_described(parameter) for parameter in signature(command).parameters.values()]


def _described(parameter: Parameter) -> Described:
    kind, info = get_args(parameter.annotation)
    required, default = parameter.default is Parameter.empty, parameter.default
    types = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    several = any(get_origin(each) is list for each in types)
    meaning = info.help or ""
    if isinstance(info, ArgumentInfo):
        name = parameter.name.upper() + ("..." if several else "")
        return Described((name if required else f"[{name}]",), "", meaning, "", ARGUMENTS)
    flag = kind is bool
    long = parameter.name.replace("_", "-")
    names = tuple(name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str))
    names = names or (f"--{long}", *([f"--no-{long}"] if default is True else []))
    value = "" if flag else info.metavar or next((sign for of, sign in VALUES.items() if of in types), "TEXT")
    shown = "required" if required else _default(default, info.show_default)
    meaning += " Repeat the option for more." if several else ""
    return Described(names, value, meaning, shown, info.rich_help_panel or OPTIONS)


def _default(default: Any, shown: bool | str) -> str:
    if isinstance(shown, str):
        return shown
    if default is None or default is False or default == []:
        return ""
    if isinstance(default, float):
        return f"{default:g}"
    return "on" if default is True else str(default)


class Command(TyperCommand):
    """A command whose help fits the width of the terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        options = described(self.callback) if self.callback is not None else []
        panels: Panels = {ARGUMENTS: [], OPTIONS: []}
        for option in options:
            panels.setdefault(option.panel, []).append(_row(option))
        panels[OPTIONS] = [*panels.pop(OPTIONS), ("-h, --help", "Show this help and exit.")]
        arguments = [option.names[0] for option in options if option.panel == ARGUMENTS]
        formatter.write(_page(" ".join([ctx.command_path, *arguments, "[OPTIONS]"]), self.help, panels))


class Program(TyperGroup):
    """All commands, listed in panels."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        panels: Panels = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panels.setdefault(command.rich_help_panel, []).append((name, command.help.split("\n\n")[0]))
        options: list[Any] = self.get_params(ctx)
        panels[OPTIONS] = [(", ".join(option.opts), option.help) for option in options]
        formatter.write(_page(f"{ctx.command_path} COMMAND [OPTIONS]", self.help, panels))


def _row(option: Described) -> tuple[str, str]:
    names = " ".join(filter(None, [", ".join(option.names), option.value]))
    if not option.default:
        return names, option.meaning
    default = "required" if option.default == "required" else f"default: {option.default}"
    return names, f"{option.meaning} [{default}]"


def _page(usage: str, text: str | None, panels: Panels) -> str:
    """Return the text of a page of help: two columns, the names and what they mean, as wide as the terminal."""
    width = min(get_terminal_size().columns, WIDEST)
    column = min(NAMES, max(len(names) for rows in panels.values() for names, _ in rows))
    paragraphs = [" ".join(part.split()) for part in cleandoc(text or "").split("\n\n")]
    lines = [f"{typer.style('Usage:', bold=True)} {usage}", ""]
    for paragraph in paragraphs:
        lines += [*wrap(paragraph, width), ""]
    for title, rows in panels.items():
        lines += [typer.style(title, bold=True)] * bool(rows)
        for names, meaning in rows:
            lines += _columns(wrap(names, column, break_on_hyphens=False), column, wrap(meaning, width - column - 4))
        lines += [""] * bool(rows)
    return "\n".join(lines)


def _columns(names: list[str], column: int, meaning: list[str]) -> Iterator[str]:
    for name, text in zip_longest(names, meaning, fillvalue=""):
        yield f"  {typer.style(name, fg='cyan')}{' ' * (column - len(name))}  {text}".rstrip()
