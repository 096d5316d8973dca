"""A model and a split to a trained model: by gradient descent while validation watches, in one step, or as a blend."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from palate.blending import weigh
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate, squared_error
from palate.models.blend import Blend
from palate.models.contract import Model, PredictsRatings
from palate.models.liked_history import relevant
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Observer, Record, Watch, fit

LISTS = "ndcg@10"
"""What chooses the epoch of a model that predicts no ratings."""


def learn(
    model: Model,
    split: Split,
    *,
    seed: int = 0,
    watch_test: bool = False,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    deadline: float = math.inf,
) -> list[Record]:
    """Train in place on the training part -> a record per epoch of a model that has epochs, else none.

    The validation part chooses the epoch, or the weights of a blend. deadline: the `time.monotonic` after which no
    further epoch begins.
    """
    if isinstance(model, Blend):
        for part in model.parts:
            learn(part, split, seed=seed, observers=observers, deadline=deadline)
        if len(split.validation):
            weigh(model, split, seed)
        return []
    return fit(
        model,
        split.train,
        seed=seed,
        watch=watch_of(type(model), split, watch_test),
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
        deadline=deadline,
    )


def watch_of(cls: type[Model], split: Split, watch_test: bool) -> Watch:
    """Validation chooses the epoch; the test part is only looked at, and only where asked for or nothing is chosen.

    A model that predicts ratings is judged by their squared error, another by its lists.
    """
    by_ratings = issubclass(cls, PredictsRatings) and split.table.ratings is not None
    name, quality = ("loss", squared_error) if by_ratings else (LISTS, _ndcg)
    best: Callable[[Iterable[float]], float] = min if by_ratings else max
    validation, test = (
        part if by_ratings else relevant(part, split.train.scale) for part in (split.validation, split.test)
    )
    judged = len(validation) > 0
    watched = {f"validation_{name}": validation} if judged else {}
    if (watch_test or not judged) and len(test):
        watched[f"test_{name}"] = test

    def measure(model: Model) -> Record:
        return {name: quality(model, split.train, part, split.newcomers) for name, part in watched.items()}

    return Watch(measure, f"validation_{name}" if judged else None, best)


def _ndcg(model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_]) -> float:
    return evaluate(model, known, held_out, newcomers=newcomers)[LISTS]
