"""A table to the models that can learn from it and fit into memory, with an estimate of their training time.

No model is named here: its class says what it can do, and its time is measured on a sample of users.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from palate.data.catalogue import Catalogue
from palate.data.interactions import Interactions
from palate.data.vocabulary import Vocabulary
from palate.errors import OptionError, PalateError
from palate.models.contract import BaseConfig, LearnedModel, Model, PredictsRatings
from palate.models.registry import SINGLE
from palate.system.compilation import clock
from palate.system.memory import free
from palate.training.fit import fit

SAMPLE = 10_000
"""Largest number of events in the sample that training time is measured on."""

WARM_UP = 8
"""A first training, which compiles loops and is not timed, takes the sample's events divided by this."""

COPIES = 5
"""Memory that training and refit may need, in sizes of the model's weights."""


@dataclass(frozen=True)
class Cost:
    """Estimated seconds of training on the whole table."""

    least: float
    """With one epoch; the same as `whole` for a model without epochs."""
    whole: float
    """With all epochs."""


def eligible(table: Interactions, aim: str) -> tuple[list[str], dict[str, str]]:
    """Return the models that can learn from the table for the aim, the smallest first, and why others can't.

    For lists, models that predict ratings come last: users rarely choose the items with the best predicted ratings
    (docs/reference/lists.md).
    """
    sizes: dict[str, int] = {}
    reasons: dict[str, str] = {}
    room = free() // COPIES
    for name, cls in SINGLE.items():
        try:
            sizes[name] = weights(cls, cls.Config().suited(table), table.n_users, table.n_items)
        except OptionError as error:  # it asks for too much memory
            reasons[name] = str(error)
            continue
        if aim == "ratings" and not _predicts_ratings(name):
            reasons[name] = "it predicts no ratings"
        elif cls.NEEDS_RATINGS and table.ratings is None:
            reasons[name] = "it learns from ratings, and this table has none"
        elif sizes[name] > room:
            reasons[name] = (
                f"its weights take {sizes[name] / 10**9:,.1f} GB, and training may need {COPIES} times as much memory"
            )
    names = [name for name in SINGLE if name not in reasons]
    return sorted(names, key=lambda name: (aim == "lists" and _predicts_ratings(name), sizes[name])), reasons


def _predicts_ratings(name: str) -> bool:
    return issubclass(SINGLE[name], PredictsRatings)


def weights(cls: type[Model], config: BaseConfig, n_users: int, n_items: int) -> int:
    """Return the bytes of a model's parameters and buffers for so many users and items, without allocating them."""
    with torch.device("meta"):
        model = cls(config, n_users, n_items)
    return sum(value.numel() * value.element_size() for value in model.state_dict().values())


def cost(name: str, sample: Interactions, train: Interactions, device: torch.device, seed: int) -> Cost:
    """Train a model on the sample, and estimate the time of training on `train`.

    Time grows with the events, users and items. Where weights grow with the square of the items, as in a model that is
    solved from one system of all items, time grows with their cube. The compilation of loops is left out.

    Raises:
        OptionError: training diverged, or ended in weights that are not finite.
    """
    cls = SINGLE[name]
    began = clock()
    config = cls.Config().suited(train)
    model = cls(config, sample.n_users, sample.n_items).to(device)
    fit(model, sample, seed=seed, deadline=-math.inf)
    seconds = clock() - began
    items = train.n_items / sample.n_items
    grows = max(len(train) / len(sample), train.n_users / sample.n_users, items)
    if weights(cls, config, 1, 2 * train.n_items) > 3 * weights(cls, config, 1, train.n_items):
        grows = max(grows, items**3)
    epochs = model.config.epochs if isinstance(model, LearnedModel) else 1
    return Cost(seconds * grows, seconds * grows * epochs)


def costs(
    names: list[str],
    train: Interactions,
    device: torch.device,
    seed: int,
    until: float,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Cost], dict[str, str]]:
    """Estimate the cost of each model -> the costs by name, and why other models have none.

    until: the `time.monotonic` after which no further model is measured.
    """
    estimates: dict[str, Cost] = {}
    reasons: dict[str, str] = {}
    sample = sample_of(train, SAMPLE, seed)
    small = sample_of(sample, max(1, len(sample) // WARM_UP), seed)
    for name in names:
        if estimates and time.monotonic() > until:
            reasons[name] = "no time was left to measure its training time"
            continue
        told(f"measuring the training time of {name} on a sample of {len(sample):,} events")
        try:
            cost(name, small, train, device, seed)
            estimates[name] = cost(name, sample, train, device, seed)
        except Exception as error:  # whatever stops one model, the others go on
            reasons[name] = reason_of(error)
    return estimates, reasons


def reason_of(error: Exception) -> str:
    """Return why a model is left out, in one line, from the error that stopped it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "not enough memory"
    message = " ".join(str(error).split())
    return message if isinstance(error, PalateError) else f"it failed with {type(error).__name__}: {message}"


def sample_of(table: Interactions, events: int, seed: int) -> Interactions:
    """Draw users with all their events until there are about `events`; leave out users and items without events."""
    order = np.random.default_rng(seed).permutation(np.unique(table.users))
    counts = np.diff(table.offsets)[order]
    drawn = np.zeros(table.n_users, dtype=np.bool_)
    drawn[order[: 1 + np.searchsorted(counts.cumsum(), events)]] = True
    kept = table.where(drawn[table.users])
    users, user_rows = np.unique(kept.users, return_inverse=True)
    items, item_rows = np.unique(kept.items, return_inverse=True)
    return replace(
        kept,
        users=user_rows.astype(np.int32),
        items=item_rows.astype(np.int32),
        user_ids=Vocabulary("user", table.user_ids.ids[users]),
        item_ids=Vocabulary("item", table.item_ids.ids[items]),
        catalogue=Catalogue(table.catalogue.frame[items]),
    )
