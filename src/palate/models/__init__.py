"""The models, by the name that the command line and the artifact use."""

from collections.abc import Sequence
from importlib import import_module
from operator import attrgetter

from palate.data.interactions import Interactions
from palate.errors import OptionError, UnsupportedError
from palate.models.blend import ListBlend, RatingBlend
from palate.models.contract import Model
from palate.models.registry import SINGLE

MODELS: dict[str, type[Model]] = {**SINGLE, "rating-blend": RatingBlend, "list-blend": ListBlend}


def find(name: str, also: Sequence[str] = ()) -> type[Model]:
    """The model of that name, or the class that `package.module:Class` names. also: what else a person may ask for.

    Raises:
        OptionError: there is none.
    """
    if name in MODELS:
        return MODELS[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        there = ", ".join([*MODELS, *also])
        raise OptionError(f"unknown model {name!r}: there are {there}, or your own as package.module:Class")
    try:
        found = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise OptionError(f"model {name!r} can't be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise OptionError(f"{name!r} is not a model: it must be a class derived from palate.models.contract.Model")
    if missing := getattr(found, "__abstractmethods__", None):
        raise OptionError(f"model {name!r} is not whole: it lacks {', '.join(sorted(missing))}")
    return found


def name_of(model: type[Model]) -> str:
    """The name that `find` finds a model's class by."""
    names = {found: name for name, found in MODELS.items()}
    return names.get(model, f"{model.__module__}:{model.__qualname__}")


def check_ratings(cls: type[Model] | None, table: Interactions) -> None:
    """Raises UnsupportedError where a model, if there is one yet, needs ratings and the table has none."""
    if cls is not None and cls.NEEDS_RATINGS and table.ratings is None:
        others = ", ".join(name for name, other in MODELS.items() if not other.NEEDS_RATINGS)
        raise UnsupportedError(
            f"model {name_of(cls)!r} learns from ratings, and this table has none: choose --model {others}"
        )
