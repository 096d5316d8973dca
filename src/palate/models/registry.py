"""The models by the name that the command line and the artifact use. To add one: write its file, and add its line here.

A class is imported when it is asked for: to list the names loads no model, and to ask for one loads no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from palate.errors import OptionError, UnsupportedError

if TYPE_CHECKING:
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
"""Models that stand alone, as package.module:Class."""

BLENDS = {
    "rating-blend": "palate.models.blend:RatingBlend",
    "list-blend": "palate.models.blend:ListBlend",
}
"""Models made of those above."""

FORMER_NAMES = {"history": "svdpp"}
"""Names that a model had before. They are read wherever a model is named, in saved models too."""


def current_name(name: str) -> str:
    """Return the name that a model has now."""
    return FORMER_NAMES.get(name, name)


class Registry(Mapping[str, "type[Model]"]):
    """Model classes by name. It iterates over current names, and reads former ones as well."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = paths

    def __getitem__(self, name: str) -> "type[Model]":
        model: type[Model] = _imported(self.paths[current_name(name)])
        return model

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and current_name(name) in self.paths

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


SINGLE = Registry(ALONE)
MODELS = Registry(ALONE | BLENDS)


def find(name: str, also: Sequence[str] = ()) -> "type[Model]":
    """Return the model of that name, or the class that `package.module:Class` names.

    also: names that the message about an unknown one lists beside the models.

    Raises:
        OptionError: there is no such model.
    """
    if name in MODELS:
        return MODELS[name]
    if ":" not in name:
        there = ", ".join([*MODELS, *also])
        raise OptionError(f"unknown model {name!r}: there are {there}, or your own as package.module:Class")
    try:
        model = _imported(name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise OptionError(f"model {name!r} can't be imported: {error}") from error
    return _checked(name, model)


def name_of(model: "type[Model]") -> str:
    """Return the name that `find` finds a model's class by."""
    path = f"{model.__module__}:{model.__qualname__}"
    return next((name for name, own in MODELS.paths.items() if own == path), path)


def check_ratings(model: "type[Model] | None", table: "Interactions") -> None:
    """Check that the table has what the model, if there is one yet, learns from.

    Raises:
        UnsupportedError: the model needs ratings, and the table has none.
    """
    if model is not None and model.NEEDS_RATINGS and table.ratings is None:
        others = ", ".join(name for name, other in MODELS.items() if not other.NEEDS_RATINGS)
        raise UnsupportedError(
            f"model {name_of(model)!r} learns from ratings, and this table has none: choose --model {others}"
        )


def _imported(path: str) -> Any:
    """Import what `package.module:Class` names."""
    module, _, attribute = path.partition(":")
    return attrgetter(attribute)(import_module(module))


def _checked(name: str, model: Any) -> "type[Model]":
    """Return the model if it is a class that can be trained."""
    from palate.models.contract import Model  # noqa: PLC0415 - loads torch, which names alone do not need

    if not (isinstance(model, type) and issubclass(model, Model)):
        raise OptionError(f"{name!r} is not a model: it must be a class derived from palate.models.contract.Model")
    if missing := getattr(model, "__abstractmethods__", None):
        raise OptionError(f"model {name!r} is not whole: it lacks {', '.join(sorted(missing))}")
    return model
