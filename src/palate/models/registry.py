"""The registry of models, by the names of the command line and the artifact. To add a model, add its line here.

A class is imported on its first use: to list the names imports no model, and to use a model imports no other.
An installed package adds models by entry points of the group `palate.models`, each a name and `package.module:Class`.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from palate.errors import OptionError, UnsupportedError, option

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from palate.data.interactions import Interactions
    from palate.models.contract import Model

ALONE = {
    "neural": "palate.models.neural.model:NeuralRating",
    "mf": "palate.models.mf:MatrixFactorization",
    "svdpp": "palate.models.svdpp.model:SVDpp",
    "bayes": "palate.models.bayes.model:BayesianFactorization",
    "bias": "palate.models.bias:Bias",
    "popularity": "palate.models.popularity:Popularity",
    "ease": "palate.models.ease:Ease",
    "item-knn": "palate.models.item_knn:ItemKNN",
    "next-item": "palate.models.next_item:NextItem",
    "als": "palate.models.als:AlternatingLeastSquares",
    "graph-filter": "palate.models.graph_filter:GraphFilter",
    "sasrec": "palate.models.sasrec:SelfAttention",
}
"""Single models (not blends), as package.module:Class."""

BLENDS = {
    "rating-blend": "palate.models.blend:RatingBlend",
    "list-blend": "palate.models.blend:ListBlend",
}
"""Models that combine single models."""

FORMER_NAMES = {"history": "svdpp"}
"""Former names of models, each with the current name. They are accepted everywhere, in saved models too."""


def current_name(name: str) -> str:
    """Return the current name of a model."""
    return FORMER_NAMES.get(name, name)


ENTRY_POINTS = "palate.models"
"""The group of entry points by which an installed package adds models."""


class Registry(Mapping[str, "type[Model]"]):
    """Model classes by name. It iterates over Palate's own; it also accepts former names and names of packages."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = paths

    def __getitem__(self, name: str) -> "type[Model]":
        own = self.paths.get(current_name(name))
        return _from_package(name) if own is None else _imported(name, own)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (current_name(name) in self.paths or name in names_from_packages())

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


SINGLE = Registry(ALONE)
MODELS = Registry(ALONE | BLENDS)


def find(name: str, also: Sequence[str] = ()) -> "type[Model]":
    """Return the model of that name, or the class at `package.module:Class`.

    also: names that the error message for an unknown name lists after the models.

    Raises:
        OptionError: there is no such model.
    """
    if not isinstance(name, str):
        raise OptionError(f"{option('model')} is {name!r}: it must be a name, such as ease or package.module:Class")
    if ":" in name:
        return _imported(name, name)
    if name not in MODELS:
        names = ", ".join([*MODELS, *names_from_packages(), *also])
        raise OptionError(f"unknown model {name!r}: there are {names}, or your own as package.module:Class")
    return MODELS[name]


def names_from_packages() -> dict[str, str]:
    """Return the model names that installed packages add, each with its packages. Palate's own names win."""
    return {name: _packages(points) for name, points in _entry_points().items()}


def check_class(name: str, model: object) -> "type[Model]":
    """Return the model, checked to be a class that can be trained; `name` stands for it in the error message.

    Raises:
        OptionError: it is not a model, or lacks a method.
    """
    from palate.models.contract import Model  # noqa: PLC0415 - loads torch, which names alone do not need

    if not (isinstance(model, type) and issubclass(model, Model)):
        raise OptionError(f"{name!r} is not a model: it must be a class derived from palate.models.contract.Model")
    if missing := getattr(model, "__abstractmethods__", None):
        raise OptionError(f"model {name!r} is not complete: it lacks {', '.join(sorted(missing))}")
    return model


def name_of(model: "type[Model]") -> str:
    """Return the name of a model's class, as `find` reads it."""
    path = f"{model.__module__}:{model.__qualname__}"
    if path in MODELS.paths.values():
        return next(name for name, own in MODELS.paths.items() if own == path)
    points = (points[0] for points in _entry_points().values() if len(points) == 1)
    return next((point.name for point in points if _is_imported(point, model)), path)


def check_ratings(model: "type[Model] | None", table: "Interactions") -> None:
    """Check that the table has ratings if the model learns from them; None checks nothing.

    Raises:
        UnsupportedError: the model needs ratings, and the table has none.
    """
    if model is not None and model.NEEDS_RATINGS and table.ratings is None:
        names = ", ".join(name for name, cls in MODELS.items() if not cls.NEEDS_RATINGS)
        raise UnsupportedError(
            f"model {name_of(model)!r} learns from ratings, and this table has none: choose {option('model')} {names}"
        )


def _entry_points() -> dict[str, list["EntryPoint"]]:
    """Return the entry points of installed packages by name, without the names of Palate's own models."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and few commands need it

    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        if current_name(point.name) not in MODELS.paths:
            by_name.setdefault(point.name, []).append(point)
    return by_name


def _packages(points: Sequence["EntryPoint"]) -> str:
    return " and ".join(point.dist.name if point.dist else point.module for point in points)


def _is_imported(point: "EntryPoint", model: "type[Model]") -> bool:
    """Return whether an entry point names the model; its module has then been imported."""
    return getattr(sys.modules.get(point.module), point.attr, None) is model


def _from_package(name: str) -> "type[Model]":
    """Import a model that an installed package adds.

    Raises:
        KeyError: no package adds a model of that name.
        OptionError: two packages add it, or the model can't be imported.
    """
    points = _entry_points()[name]
    if len(points) > 1:
        paths = " or ".join(point.value for point in points)
        raise OptionError(f"the packages {_packages(points)} both add a model {name!r}: name its class, {paths}")
    return _imported(f"{name} of the package {_packages(points)}", points[0].value)


def _imported(name: str, path: str) -> "type[Model]":
    """Import the class at `package.module:Class`.

    Raises:
        OptionError: it can't be imported, or is not a model that can be trained.
    """
    module, _, attribute = path.partition(":")
    try:
        model = attrgetter(attribute)(import_module(module))
    except Exception as error:  # a user's module may raise any exception
        raise OptionError(f"model {name!r} can't be imported: {_place(error)}{error}") from error
    return check_class(name, model)


def _place(error: Exception) -> str:
    """Return the place where a module failed, for errors whose message does not give it."""
    if isinstance(error, ImportError | SyntaxError):
        return ""
    line = extract_tb(error.__traceback__)[-1]
    in_the_module = line.filename != __file__ and "importlib" not in line.filename
    return f"{Path(line.filename).name}, line {line.lineno}: {type(error).__name__}: " if in_the_module else ""
