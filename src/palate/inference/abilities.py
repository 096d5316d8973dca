"""Abilities of a model: its vectors without gradients, and the error where it lacks what a question needs."""

from torch import Tensor

from palate.errors import UnsupportedError
from palate.models import MODELS, name_of
from palate.models.contract import HasVectors, Model


def unsupported(model: Model, what: str, ability: type) -> UnsupportedError:
    """Return the error that says what the model lacks, and which of Palate's models have it.

    ability: one of the Protocols of `models/contract.py`; what: its name in the message, such as "vectors".
    """
    able = ", ".join(name for name, cls in MODELS.items() if issubclass(cls, ability))
    return UnsupportedError(f"model {name_of(type(model))!r} has no {what}; train one that has: {able}")


def user_vectors(model: HasVectors) -> Tensor:
    """Return the users' vectors (n_users, d), without gradients."""
    return model.user_vectors().detach()


def item_vectors(model: HasVectors) -> Tensor:
    """Return the items' vectors (n_items, d), without gradients."""
    return model.item_vectors().detach()
