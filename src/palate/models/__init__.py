"""The models, by the name that the command line and the artifact use. Adding one: its file, and its line here."""

from importlib import import_module
from operator import attrgetter

from palate.errors import OptionError
from palate.models.als import AlternatingLeastSquares
from palate.models.bias import Bias
from palate.models.contract import Model
from palate.models.graph_filter import GraphFilter
from palate.models.mf import MatrixFactorization
from palate.models.neural import NeuralRating
from palate.models.popularity import Popularity

MODELS: dict[str, type[Model]] = {
    "neural": NeuralRating,
    "mf": MatrixFactorization,
    "bias": Bias,
    "popularity": Popularity,
    "als": AlternatingLeastSquares,
    "graph-filter": GraphFilter,
}


def find(name: str) -> type[Model]:
    """The model of that name, or the class that `package.module:Class` names.

    Raises:
        OptionError: there is none.
    """
    if name in MODELS:
        return MODELS[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise OptionError(f"unknown model {name!r}: there are {', '.join(MODELS)}, or your own as package.module:Class")
    try:
        found = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise OptionError(f"model {name!r} can't be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise OptionError(f"{name!r} is not a model: it must be a class derived from palate.models.contract.Model")
    return found


def name_of(model: type[Model]) -> str:
    """The name that `find` finds a model's class by."""
    names = {found: name for name, found in MODELS.items()}
    return names.get(model, f"{model.__module__}:{model.__qualname__}")
