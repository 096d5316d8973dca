"""Choose the events that a model is measured on, from its own table or from another, and what it may know of users."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_order
from palate.data.split import Split
from palate.data.vocabulary import UNKNOWN
from palate.datasets import load_table
from palate.errors import OptionError


class HeldOut(NamedTuple):
    """Events to predict."""

    known: Interactions
    """The events that the model may know of the users."""
    events: Interactions
    """The events to predict, by the rows of the model's table."""
    left_out: dict[str, float]
    """Numbers of events left out: `unknown`, with an unknown user or item, and `learned`; {} for the test part."""


def events_to_predict(split: Split, source: object | None) -> HeldOut:
    """Choose the events to predict, from another table, as `load_table` takes it, or from the test part without one.

    Raises:
        DataError: the table can't be read.
        OptionError: there is no test part, or no event of the other table can be predicted.
    """
    if source is None:
        if not len(split.test):
            raise OptionError("this model has no test part: name a table to evaluate it on")
        return HeldOut(split.shown, split.test, {})
    table, held_out = split.table, load_table(source, None, {})
    users = table.user_ids.find(held_out.user_ids.ids)[held_out.users]
    items = table.item_ids.find(held_out.item_ids.ids)[held_out.items]
    known = (users != UNKNOWN) & (items != UNKNOWN)
    learned = known & np.isin(_pairs(table, users, items), _pairs_of(table, split.before_test))
    fresh = known & ~learned
    if not fresh.any():
        raise OptionError(
            f"none of the {len(held_out):,} events can be predicted: {(~known).sum():,} have a user or an item that "
            f"the model does not know, and it has learned from {learned.sum():,}"
        )
    events = replace(
        held_out.where(fresh),
        users=users[fresh].astype(np.int32),
        items=items[fresh].astype(np.int32),
        user_ids=table.user_ids,
        item_ids=table.item_ids,
    )
    events = events.where(in_order(events.users, events.times))
    rest = table.where(~np.isin(_pairs_of(table, table), _pairs_of(table, events)))
    return HeldOut(rest, events, {"unknown": float((~known).sum()), "learned": float(learned.sum())})


def _pairs(table: Interactions, users: NDArray[Any], items: NDArray[Any]) -> NDArray[np.int64]:
    """Return a number for each pair of user and item rows (n,), different for different pairs -> (n,)."""
    numbers: NDArray[np.int64] = users.astype(np.int64) * table.n_items + items
    return numbers


def _pairs_of(table: Interactions, events: Interactions) -> NDArray[np.int64]:
    return _pairs(table, events.users, events.items)
