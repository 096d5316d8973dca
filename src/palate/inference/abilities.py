"""Errors for a question that needs an ability which the model lacks."""

from palate.errors import UnsupportedError
from palate.models import MODELS, name_of
from palate.models.contract import Model


def unsupported(model: Model, what: str, ability: type) -> UnsupportedError:
    """Return the error that says what the model lacks, and which of Palate's models have it.

    ability: one of the Protocols of `models/contract.py`; what: its name in the message, such as "vectors".
    """
    able = ", ".join(name for name, cls in MODELS.items() if issubclass(cls, ability))
    return UnsupportedError(f"model {name_of(type(model))!r} has no {what}; train one that has: {able}")
