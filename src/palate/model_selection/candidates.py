"""A table to the models that may suit it: which can learn from it, which fit into memory, and what training would cost.

No model is named here: what one can do is asked of its class, and what it costs is measured on a sample of people.
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
from palate.errors import OptionError
from palate.models.contract import BaseConfig, LearnedModel, Model, PredictsRatings
from palate.models.registry import SINGLE
from palate.system.memory import free
from palate.training.fit import fit

SAMPLE = 10_000
"""Events that costs are measured on, or all there are."""

WARM_UP = 8
"""Into how many parts the sample is cut for the training that compiles loops, and is not timed."""

COPIES = 5
"""Times its own weights that a model may hold while it is trained, and trained again."""


@dataclass(frozen=True)
class Cost:
    """Seconds of training on all of the table, as they look from a sample."""

    least: float
    """With one epoch; the same as `whole` for a model without epochs."""
    whole: float
    """With all epochs."""


def able(table: Interactions, aim: str) -> tuple[list[str], dict[str, str]]:
    """The models that can learn from the table what the aim asks for, the smallest first, and why others can't.

    For lists, those that predict ratings come last: the best predicted are rarely what people take
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
            reasons[name] = "no predicted ratings"
        elif cls.NEEDS_RATINGS and table.ratings is None:
            reasons[name] = "learns from ratings, and this table has none"
        elif sizes[name] > room:
            reasons[name] = (
                f"weights of {sizes[name] / 10**9:,.1f} GB, too many to hold {COPIES} times, as training may"
            )
    names = [name for name in SINGLE if name not in reasons]
    return sorted(names, key=lambda name: (aim == "lists" and _predicts_ratings(name), sizes[name])), reasons


def _predicts_ratings(name: str) -> bool:
    return issubclass(SINGLE[name], PredictsRatings)


def weights(cls: type[Model], config: BaseConfig, n_users: int, n_items: int) -> int:
    """Bytes of a model's parameters and buffers, as far as numbers of people and items say; no memory is taken."""
    with torch.device("meta"):
        model = cls(config, n_users, n_items)
    return sum(value.numel() * value.element_size() for value in model.state_dict().values())


def cost(name: str, sample: Interactions, train: Interactions, device: torch.device, seed: int) -> Cost:
    """What training on `train` would take, judged by the sample.

    Time grows with the events, people and items; and where weights grow with the square of the items, as those of a
    model do that is solved from a system of them all, it grows with their cube.

    Raises:
        OptionError: training diverged.
    """
    cls = SINGLE[name]
    began = time.perf_counter()
    config = cls.Config().suited(train)
    model = cls(config, sample.n_users, sample.n_items).to(device)
    fit(model, sample, seed=seed, deadline=-math.inf)
    seconds = time.perf_counter() - began
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
    """Of each model, and why others have none. until: the `time.monotonic` after which no further one is measured."""
    found: dict[str, Cost] = {}
    reasons: dict[str, str] = {}
    sample = sample_of(train, SAMPLE, seed)
    small = sample_of(sample, max(1, len(sample) // WARM_UP), seed)
    for name in names:
        if found and time.monotonic() > until:
            reasons[name] = "no time was left to see what it costs"
            continue
        told(f"what {name} costs, on a sample of {len(sample):,} events")
        try:
            cost(name, small, train, device, seed)
            found[name] = cost(name, sample, train, device, seed)
        except OptionError as error:
            reasons[name] = str(error)
    return found, reasons


def sample_of(table: Interactions, events: int, seed: int) -> Interactions:
    """About so many events, of people drawn whole; people and items without any are left out."""
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
