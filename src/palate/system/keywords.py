"""Groups of options as keyword arguments of a function."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, fields, replace
from typing import Any, TypeVar, get_args

from annotated_doc import Doc

from palate.errors import OptionError
from palate.system.near_names import did_you_mean

Kind = TypeVar("Kind")
Function = TypeVar("Function", bound=Callable[..., Any])


def collect(kind: type[Kind], groups: Sequence[Any], keywords: Mapping[str, object]) -> Kind:
    """Sort keywords into the groups of options that `kind` has as its fields. A keyword wins over a given group.

    Raises:
        OptionError: a keyword is unknown (the message offers a near miss), or a group is unknown or given twice.
    """
    kinds = _groups(kind)
    names = [option.name for group in kinds.values() for option in fields(group)]
    for name in keywords:
        if name not in names:
            hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
            if "settings" in names:
                hint += f" (a hyperparameter of the model is written settings={{{name!r}: {keywords[name]!r:.40}}})"
            raise OptionError(f"unknown option {name!r}{hint}")
    given = {type(group): group for group in groups}
    if len(given) < len(groups) or not given.keys() <= set(kinds.values()):
        allowed = ", ".join(group.__name__ for group in kinds.values())
        raise OptionError(f"after the table, give options by name, or groups of them, each once: {allowed}")

    def filled(group: Any) -> Any:
        own = {option.name: keywords[option.name] for option in fields(group) if option.name in keywords}
        return replace(given[group] if group in given else group(), **own)

    return kind(**{name: filled(group) for name, group in kinds.items()})


def takes(kind: type) -> Callable[[Function], Function]:
    """List the options of the groups in `kind` in the signature and the docstring of a function with **keywords."""

    def described(function: Function) -> Function:
        shown = inspect.signature(function)
        parameters = [each for each in shown.parameters.values() if each.kind is not each.VAR_KEYWORD]
        lines = [inspect.cleandoc(function.__doc__ or ""), ""]
        for group in _groups(kind).values():
            lines.append(f"{group.TITLE} (`{group.__name__}`):")
            for option, meaning in meanings(group):
                lines.append(f"    {option.name}: {meaning}")
                parameters.append(
                    inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default)
                )
        function.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined]
        function.__doc__ = "\n".join(lines)
        return function

    return described


def meanings(group: Any) -> Iterator[tuple["Field[Any]", str]]:
    """Yield each option of a group with the sentence that says what it means."""
    for option in fields(group):
        yield option, next(note.documentation for note in get_args(option.type) if isinstance(note, Doc))


def _groups(kind: Any) -> dict[str, Any]:
    """The dataclasses that are the fields of `kind`, by the names of these fields."""
    return {part.name: part.type for part in fields(kind)}
