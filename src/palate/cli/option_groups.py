"""Options that belong together, as the fields of a dataclass: what typer itself can't share between commands."""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer is to see it: for a parameter that is a dataclass, an option for each of its fields."""
    groups: dict[str, type] = {}
    shown: list[Parameter] = []
    for name, each in signature(command).parameters.items():
        if isinstance(each.annotation, type) and is_dataclass(each.annotation):
            groups[name] = each.annotation
            shown += signature(each.annotation).parameters.values()
        else:
            shown.append(each)

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field: given.pop(field) for field in signature(group).parameters})
        command(**given)

    options = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in shown]
    called.__signature__ = signature(command).replace(parameters=options)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in options}
    return called
