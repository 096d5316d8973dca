"""The test metrics of a trained model, and of simple models beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from palate import models
from palate.data.interactions import Interactions
from palate.data.split import TEST, Split, absent
from palate.evaluation.evaluate import evaluate
from palate.models.contract import Model
from palate.results import Metrics
from palate.training.fit import fit


def trainable(names: Sequence[str], table: Interactions) -> list[str]:
    """Return those of the named models that can learn from the table, by their current names.

    Raises:
        OptionError: a name is unknown.
    """
    return [
        name
        for name in map(models.current_name, names)
        if not (models.find(name).NEEDS_RATINGS and table.ratings is None)
    ]


def evaluate_on_test(model: Model, split: Split, seed: int) -> Metrics:
    """Measure a trained model on the test part; without a test part there are no metrics."""
    return _metrics(model, split, split.newcomers, seed)


def baseline_metrics(names: Sequence[str], trained: Model, split: Split, seed: int) -> dict[str, Metrics]:
    """Fit models with default hyperparameters on all events before the test, and measure them on the test part.

    A baseline that is the trained model itself is left out.
    """
    new_users = absent(split.table, split.part < TEST)
    names = [name for name in names if name != models.name_of(type(trained))]
    return {name: _metrics(_fitted(name, split), split, new_users, seed) for name in names}


def _metrics(model: Model, split: Split, new_users: NDArray[np.bool_], seed: int) -> Metrics:
    if not len(split.test):
        return {}
    return evaluate(model, split.shown, split.test, seed=seed, newcomers=new_users)


def _fitted(name: str, split: Split) -> Model:
    cls = models.find(name)
    model = cls.of(cls.Config(), split.table)
    fit(model, split.before_test)
    return model
