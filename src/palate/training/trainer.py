"""Train a model on a split: by gradient descent with early stopping, in one step, or as a blend; and refit it."""

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
from palate.training.finite import finite
from palate.training.fit import Monitor, Observer, Record, fit

DURATIONS = {"seconds", "ratings_per_second"}
"""What differs between two runs that are otherwise the same."""

LISTS = "ndcg@10"
"""The metric that chooses the epoch of a model without predicted ratings."""


@dataclass(frozen=True)
class TrainingRecord:
    """The epochs of a training."""

    history: list[Record]
    """A record per epoch; empty for a model without epochs and for a blend."""
    epoch: int = 0
    """The epoch whose weights were kept, 0 for a model without epochs."""
    members: tuple["TrainingRecord", ...] = ()
    """The records of a blend's members, in their order."""

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
    """Train a model in place on the training part.

    The validation part chooses the epoch, or the weights of a blend.

    Args:
        watch_test: also measure the test part after each epoch; it chooses nothing.
        deadline: the `time.monotonic` after which no further epoch begins.

    Raises:
        Interrupted: Ctrl-C stopped the training, after its checkpoint was saved.
        OptionError: the training diverged, or ended in weights that are not finite.
    """
    if isinstance(model, Blend):
        members = [learn(part, split, seed=seed, observers=observers, deadline=deadline) for part in model.parts]
        if len(split.validation):
            with finite(model, split.train):
                weigh(model, split, seed)
        return TrainingRecord([], members=tuple(members))
    monitor = monitor_of(type(model), split, watch_test)
    history = fit(
        model,
        split.train,
        seed=seed,
        monitor=monitor,
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
        deadline=deadline,
    )
    return TrainingRecord(history, monitor.best_epoch(history))


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
    """Train a new model with the same settings on training and validation part together -> the new model.

    It trains for the number of epochs that validation has chosen. A blend keeps its weights; its members are refitted.
    """
    if isinstance(model, Blend):
        blend = type(model)(model.config, model.n_users, model.n_items)
        for name, weights in model.named_buffers(recurse=False):
            setattr(blend, name, weights.clone())
        for name, part, record in zip(model.members, model.parts, learned.members, strict=True):
            blend.members[name] = refit(part, split, record, seed=seed, observers=observers)
        return blend
    refitted = type(model)(model.config, model.n_users, model.n_items)
    fit(
        refitted.to(model.device),
        split.before_test,
        seed=seed,
        monitor=Monitor(until=learned.epoch),
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
    )
    return refitted


def monitor_of(cls: type[Model], split: Split, watch_test: bool) -> Monitor:
    """Return the monitor of a training: the validation part chooses the epoch, by squared error or by nDCG of lists.

    The squared error is for models that predict ratings, if the table has ratings. The test part is measured with
    `watch_test`, or if there is no validation part; it never chooses.
    """
    by_ratings = issubclass(cls, PredictsRatings) and split.table.ratings is not None
    name, quality = ("loss", squared_error) if by_ratings else (LISTS, _ndcg)
    best: Callable[[Iterable[float]], float] = min if by_ratings else max
    validation, test = (
        part if by_ratings else relevant(part, split.train.usual_scale) for part in (split.validation, split.test)
    )
    has_validation = len(validation) > 0
    parts = {f"validation_{name}": validation} if has_validation else {}
    if (watch_test or not has_validation) and len(test):
        parts[f"test_{name}"] = test

    def measure(model: Model) -> Record:
        return {name: quality(model, split.train, part, split.newcomers) for name, part in parts.items()}

    return Monitor(measure, f"validation_{name}" if has_validation else None, best)


def _ndcg(model: Model, known: Interactions, held_out: Interactions, newcomers: NDArray[np.bool_]) -> float:
    return evaluate(model, known, held_out, newcomers=newcomers)[LISTS]
