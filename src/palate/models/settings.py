"""A model's settings: from what a person wrote to a checked Config, and back to a table of what may be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from palate.data.vocabulary import did_you_mean
from palate.errors import OptionError
from palate.models import MODELS, name_of
from palate.models.contract import BaseConfig, Model


@dataclass(frozen=True)
class Setting:
    """One hyperparameter, as its Config declares it."""

    name: str
    default: Any
    bounds: str
    meaning: str


def configure(model: type[Model], preset: str | None, settings: Mapping[str, object]) -> BaseConfig:
    """The model's Config: its defaults, over them the preset's, over them the settings.

    Raises:
        OptionError: an unknown preset or setting (with near misses), or a value out of its bounds.
    """
    if preset is not None and preset not in model.PRESETS:
        there = ", ".join(model.PRESETS) or "none"
        raise OptionError(f"model {name_of(model)} has no preset {preset!r}; its presets: {there}")
    chosen = {**(model.PRESETS[preset] if preset is not None else {}), **settings}
    try:
        return model.Config.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            fields = list(model.Config.model_fields)
            hint = did_you_mean(name, fields, most=1) or f"; its settings: {', '.join(fields) or 'none'}"
            if having := [other for other, cls in MODELS.items() if name in cls.Config.model_fields]:
                hint += f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it"
            raise OptionError(f"model {name_of(model)} has no setting {name!r}{hint}") from None
        raise OptionError(f"setting {name} of model {name_of(model)} is {first['input']!r}: {first['msg']}") from None


def settings_of(model: type[Model]) -> list[Setting]:
    """Every setting of a model, in order."""
    return [_setting(name, field) for name, field in model.Config.model_fields.items()]


def _name(kind: object) -> str:
    """Of a type or of a value that is one of a few."""
    return "none" if kind is NoneType else str(getattr(kind, "__name__", kind))


def _setting(name: str, field: FieldInfo) -> Setting:
    choice = get_origin(field.annotation) in (Literal, Union, UnionType)
    options = get_args(field.annotation) if choice else [field.annotation]
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [f"{signs[key]} {getattr(rule, key)}" for rule in field.metadata for key in signs if hasattr(rule, key)]
    kind = " or ".join(map(_name, options))
    return Setting(name, field.default, " ".join([kind, *limits]), field.description or "")
