"""Groups of options as options of a command: what typer itself can't share between commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Literal, get_args

import typer

from palate.errors import OptionError
from palate.options import BASELINES
from palate.system.keywords import meanings


@dataclass(frozen=True)
class Spelling:
    """The way the command line writes an option, where it differs from the keyword of Python."""

    names: Sequence[str] = ()
    metavar: str | None = None
    kind: Any = None
    """The type that is written, with `default`; None stands for the type of the field."""
    default: Any = None
    shown: str | None = None
    """What help shows in place of the default."""
    value: Callable[[Any], Any] = lambda written: written
    """Turns what is written into the value of the field."""


def settings(written: Sequence[str]) -> dict[str, str]:
    """Return {name: value} of texts such as "dim=20".

    Raises:
        OptionError: a text is not NAME=VALUE.
    """
    return dict(_pairs("--set", written, "NAME=VALUE, such as dim=20"))


def values(flag: str) -> Callable[[Sequence[str]], dict[str, list[str]] | None]:
    """Return a function from texts such as "event=purchase" to {column: values}; None for no text."""

    def by_column(written: Sequence[str]) -> dict[str, list[str]] | None:
        columns: dict[str, list[str]] = {}
        for column, value in _pairs(flag, written, "COLUMN=VALUE, such as event=purchase"):
            columns.setdefault(column, []).append(value)
        return columns or None

    return by_column


def _pairs(flag: str, written: Sequence[str], form: str) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in written]
    for text, (name, equals, _) in zip(written, pairs, strict=True):
        if not name or not equals:
            raise OptionError(f"{flag} {text!r} should be {form}")
    return [(name, value) for name, _, value in pairs]


def names(written: Sequence[str]) -> list[str] | None:
    """Return the names in texts such as "mf, bias"; None without a text."""
    return [name.strip() for text in written for name in text.split(",")] or None


def column(written: str | None) -> str | Literal[False] | None:
    """Return the column that a text names; "none" leaves the role out."""
    return False if written is not None and written.lower() == "none" else written


COLUMNS = ("user", "item", "rating", "time")

SPELLINGS: Mapping[str, Spelling] = {
    **dict.fromkeys(COLUMNS, Spelling(kind=str | None, value=column)),
    "settings": Spelling(["--set"], "NAME=VALUE", kind=list[str], default=[], value=settings),
    "keep": Spelling(metavar="COLUMN=VALUE", kind=list[str], default=[], value=values("--keep")),
    "drop": Spelling(metavar="COLUMN=VALUE", kind=list[str], default=[], value=values("--drop")),
    "aim": Spelling(["--for"]),
    "output": Spelling(["-o", "--output"], shown="the table's name"),
    "resume": Spelling(["--resume"]),
    "skip_invalid": Spelling(["--skip-invalid"], kind=bool, default=False),
    "profile": Spelling(["--profile"]),
    "baselines": Spelling(kind=bool, default=True, value=lambda wanted: BASELINES if wanted else ()),
    "models": Spelling(metavar="NAME,NAME...", kind=list[str], default=[], value=names),
    "k": Spelling(["-k"]),
    "ratings": Spelling(["--rate"]),
}
"""By the name of the field; other options are written as Python writes them, with dashes."""


def written(name: str, value: object) -> str:
    """Return an option as the command line writes it, such as `--time-unit ms`; see `palate.errors.option`."""
    names = _spelling(name).names
    flag = names[-1] if names else f"--{name.replace('_', '-')}"
    if value is None or value is True:
        return flag
    if value is False and name not in COLUMNS:
        return f"--no-{flag.removeprefix('--')}"
    if isinstance(value, Mapping):
        return " ".join(f"{flag} {quote(f'{name}={one}')}" for name, one in value.items())
    return f"{flag} {'none' if value is False else quote(str(value))}"


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command as typer is to see it: with an option for each field of a parameter that is a dataclass."""
    groups: dict[str, type] = {}
    parameters: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        if isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
            parameters += [_option(parameter.annotation, *option) for option in meanings(parameter.annotation)]
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**written: Any) -> None:
        for name, group in groups.items():
            options = [field.name for field in fields(group)]
            written[name] = group(**{option: _spelling(option).value(written.pop(option)) for option in options})
        command(**written)

    called.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _spelling(name: str) -> Spelling:
    return SPELLINGS.get(name, Spelling())


def _option(group: Any, field: "Field[Any]", meaning: str) -> Parameter:
    """Return the parameter of a command that stands for a field."""
    spelling = _spelling(field.name)
    kind, default = (spelling.kind, spelling.default) if spelling.kind else (_written_type(field), field.default)
    option = typer.Option(
        *spelling.names,
        help=meaning,
        metavar=spelling.metavar,
        rich_help_panel=group.TITLE,
        show_default=spelling.shown or default not in (None, []),
    )
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _written_type(field: "Field[Any]") -> Any:
    """Return the type of a field on the command line: a path or a text where the field may be one, else its own."""
    kind = get_args(field.type)[0]
    return next((written | None for written in (Path, str) if written in get_args(kind)), kind)
