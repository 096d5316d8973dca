"""A model and a split to a trained model: by gradient descent while validation watches, in one step, or as a blend; and
then, where asked for, once more from all that is known before the test."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate, squared_error
from palate.models.blend import Blend
from palate.models.contract import Model, PredictsRatings
from palate.training.blend_weights import weigh
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Observer, Record, Watch, fit

DURATIONS = {"seconds", "ratings_per_second"}
"""What differs between two runs that are otherwise the same."""

LISTS = "ndcg@10"
"""What chooses the epoch of a model that predicts no ratings."""


@dataclass(frozen=True)
class TrainingRecord:
    """How a training went."""

    history: list[Record]
    """A record per epoch; none of a model without epochs, and none of a blend."""
    epoch: int = 0
    """The epoch that was kept, 0 for a model without epochs."""
    members: tuple["TrainingRecord", ...] = ()
    """Of a blend, in the order of its members."""

    @property
    def without_durations(self) -> list[Record]:
        """The history as artifacts store it, so that the same run gives the same bytes."""
        return [{name: value for name, value in epoch.items() if name not in DURATIONS} for epoch in self.history]


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
) -> TrainingRecord:
    """Train in place on the training part.

    The validation part chooses the epoch, or the weights of a blend. deadline: the `time.monotonic` after which no
    further epoch begins.
    """
    if isinstance(model, Blend):
        members = [learn(part, split, seed=seed, observers=observers, deadline=deadline) for part in model.parts]
        if len(split.validation):
            weigh(model, split, seed)
        return TrainingRecord([], members=tuple(members))
    watch = watch_of(type(model), split, watch_test)
    history = fit(
        model,
        split.train,
        seed=seed,
        watch=watch,
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
        deadline=deadline,
    )
    return TrainingRecord(history, watch.best_epoch(history))


def refit(
    model: Model,
    split: Split,
    learned: TrainingRecord,
    *,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> Model:
    """A model of the same kind and settings, trained on training and validation part together -> the new model.

    It runs for as many epochs as validation had chosen. A blend keeps its weights; its members are trained anew.
    """
    if isinstance(model, Blend):
        blend = type(model)(model.config, model.n_users, model.n_items)
        for name, chosen in model.named_buffers(recurse=False):
            setattr(blend, name, chosen.clone())
        for name, part, found in zip(model.members, model.parts, learned.members, strict=True):
            blend.members[name] = refit(part, split, found, seed=seed, observers=observers)
        return blend
    again = type(model)(model.config, model.n_users, model.n_items)
    fit(
        again.to(model.device),
        split.before_test,
        seed=seed,
        watch=Watch(until=learned.epoch),
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
    )
    return again


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
