"""Refuse a training that ends in numbers that are not finite."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from palate.data.interactions import Interactions
from palate.errors import OptionError
from palate.models import name_of
from palate.models.contract import Model


@contextmanager
def finite(model: Model, train: Interactions) -> Iterator[None]:
    """Check at the end of the block that every weight of the model is finite.

    Raises:
        OptionError: a weight is infinite or NaN, or a system of equations could not be solved.
    """
    try:
        yield
    except (LinAlgError, np.linalg.LinAlgError) as error:
        raise OptionError(_message(model, train)) from error
    values = model.state_dict().values()
    if not all(bool(value.isfinite().all()) for value in values if value.is_floating_point()):
        raise OptionError(_message(model, train))


def _message(model: Model, train: Interactions) -> str:
    """Say what may be the reason: the settings that are not the defaults, and the ratings if the model needs them."""
    message = f"training {name_of(type(model))} ended in numbers that are not finite"
    settings = model.config.model_dump(exclude_defaults=True, exclude_unset=True)
    if settings:
        message += f", with {', '.join(f'{name}={value}' for name, value in settings.items())}"
    if not model.NEEDS_RATINGS or train.scale is None or train.ratings is None:
        return f"{message}: choose other settings"
    low, high = train.scale
    mean, spread = train.ratings.mean(dtype=np.float64), train.ratings.std(dtype=np.float64)
    return (
        f"{message}, on ratings from {low:g} to {high:g} (mean {mean:g}, standard deviation {spread:g}): choose other "
        "settings, correct outliers, or train on the logarithm of the ratings"
    )
