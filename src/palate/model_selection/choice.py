"""Choice of the model to train: the named one, the usual one for the table, or the best that a search finds."""

import time
from dataclasses import dataclass

from palate import models
from palate.data.interactions import Interactions
from palate.errors import OptionError, as_number, option
from palate.models.contract import BaseConfig, Model
from palate.models.settings import configure
from palate.options import ModelOptions

BEST = "best"
"""The name that asks for a search."""

FOR_RATINGS, FOR_EVENTS = "svdpp", "ease"
"""The usual model for a table with ratings, and for one without (implicit feedback)."""

MINUTES = 10.0
"""How long a search takes if nothing else is asked for."""


@dataclass(frozen=True)
class ModelChoice:
    """A model's class and hyperparameters, or the deadline of a search for them."""

    cls: type[Model] | None
    """None asks for a search."""
    config: BaseConfig
    deadline: float = 0.0
    """The `time.monotonic` by which a search has ended, its refit included."""


def choose(options: ModelOptions, table: Interactions, *, resume: bool) -> ModelChoice:
    """Return the model that the options ask for.

    Raises:
        OptionError: the model or one of its hyperparameters is unknown or out of bounds, or options exclude each other.
        UnsupportedError: the model learns from ratings, and the table has none.
    """
    model = options.model or usual_model(table, options.preset)
    given = {**(options.settings or {}), **({"epochs": options.epochs} if options.epochs is not None else {})}
    if model != BEST:
        if options.minutes is not None or options.aim is not None:
            raise OptionError(f"minutes, and what a model is for, are asked for with model {BEST} alone")
        cls = models.find(model, also=[BEST])
        config = configure(cls, options.preset, given)
        models.check_ratings(cls, table)
        return ModelChoice(cls, config)
    if options.preset is not None or given:
        raise OptionError(f"model {BEST} is chosen with default settings: leave preset, settings and epochs out")
    if resume:
        raise OptionError("a search for the best model can't be resumed: start it anew")
    minutes = MINUTES if options.minutes is None else as_number(options.minutes, "minutes")
    if not minutes > 0:
        raise OptionError(f"{option('minutes')} is {minutes}: it must be above 0")
    return ModelChoice(None, BaseConfig(), time.monotonic() + 60 * minutes)


def usual_model(table: Interactions, preset: str | None = None) -> str:
    """Return the name of the model that `palate.train` takes where none is named.

    With a preset it is the first model that has presets; without ratings it is a model for implicit feedback.
    """
    if preset is not None:
        return next(name for name, cls in models.MODELS.items() if cls.PRESETS)
    return FOR_EVENTS if table.ratings is None else FOR_RATINGS
