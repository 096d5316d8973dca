"""The settings of a model: build a checked Config from the user's values, and list every setting for help texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from palate.errors import OptionError
from palate.models import MODELS, name_of
from palate.models.contract import BaseConfig, Model
from palate.system.near_names import did_you_mean


@dataclass(frozen=True)
class Setting:
    """One setting (hyperparameter), as the Config of its model declares it."""

    name: str
    default: Any
    bounds: str
    meaning: str

    @property
    def written(self) -> str:
        """The default as it is written after `--set NAME=`."""
        if isinstance(self.default, dict | tuple):
            return ",".join(map(str, self.default)) or "not set"
        if self.default is None:
            return "not set"
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


def configure(model: type[Model], preset: str | None, settings: Mapping[str, object]) -> BaseConfig:
    """Return the model's Config; the settings override the preset, which overrides the defaults.

    Raises:
        OptionError: a preset or setting is unknown (the message suggests similar names), or a value is out of bounds.
    """
    if preset is not None and preset not in model.PRESETS:
        presets = ", ".join(model.PRESETS) or "none"
        raise OptionError(f"model {name_of(model)} has no preset {preset!r}; its presets: {presets}")
    values = {**(model.PRESETS[preset] if preset is not None else {}), **settings}
    try:
        return model.Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            fields = list(model.Config.model_fields)
            hint = did_you_mean(name, fields, most=1) or f"; its settings: {', '.join(fields) or 'none'}"
            if models := [other for other, cls in MODELS.items() if name in cls.Config.model_fields]:
                hint += f"; {', '.join(models)} {'has' if len(models) == 1 else 'have'} it"
            raise OptionError(f"model {name_of(model)} has no setting {name!r}{hint}") from None
        raise OptionError(f"setting {name} of model {name_of(model)} is {first['input']!r}: {first['msg']}") from None


def settings_of(model: type[Model]) -> list[Setting]:
    """Return every setting of a model, in the order of its Config."""
    return [_setting(name, field) for name, field in model.Config.model_fields.items()]


def _setting(name: str, field: FieldInfo) -> Setting:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{signs[key]} {getattr(rule, key):,.10g}" for rule in field.metadata for key in signs if hasattr(rule, key)
    ]
    bounds = " ".join([_words(field.annotation), " and ".join(limits)]).rstrip()
    return Setting(name, field.default, bounds, field.description or "")


def _words(kind: Any) -> str:
    """Return a type in words; a type of several options without None, which a setting has by default."""
    origin, options = get_origin(kind), [option for option in get_args(kind) if option is not NoneType]
    if origin is Literal:
        return " or ".join(map(str, options))
    if origin in (Union, UnionType):
        return " or ".join(map(_words, options))
    if origin is Annotated:
        return _words(options[0])
    if origin is tuple:
        return f"{_words(options[0])}s, separated by commas"
    if origin is dict:
        return "names, separated by commas"
    return {int: "integer", float: "number", bool: "true or false"}.get(kind, getattr(kind, "__name__", str(kind)))
