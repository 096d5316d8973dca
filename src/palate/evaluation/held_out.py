"""What a model is asked to tell, and what it may know when it does: of its own table, or of another."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions, in_order
from palate.data.split import Split
from palate.data.vocabulary import UNKNOWN
from palate.errors import OptionError


def told_from(split: Split, held_out: Interactions | None) -> tuple[Interactions, Interactions, dict[str, float]]:
    """What may be known, what is to be told from it, and the numbers of events that are `unknown` or `learned`.

    held_out: another table, or None for the test part.

    Raises:
        OptionError: there is no test part, or nothing of the other table can be asked about.
    """
    if held_out is None:
        if not len(split.test):
            raise OptionError("this model held out no test part: name a table to evaluate it on")
        return split.shown, split.test, {}
    table = split.table
    users = table.user_ids.find(held_out.user_ids.ids)[held_out.users]
    items = table.item_ids.find(held_out.item_ids.ids)[held_out.items]
    known = (users != UNKNOWN) & (items != UNKNOWN)
    learned = known & np.isin(_pairs(table, users, items), _pairs_of(table, split.before_test))
    fresh = known & ~learned
    if not fresh.any():
        raise OptionError(
            f"none of the {len(held_out):,} events can be asked about: {(~known).sum():,} have a user or an item "
            f"that the model has never seen, {learned.sum():,} it has learned from"
        )
    asked = replace(
        held_out.where(fresh),
        users=users[fresh].astype(np.int32),
        items=items[fresh].astype(np.int32),
        user_ids=table.user_ids,
        item_ids=table.item_ids,
    )
    asked = asked.where(in_order(asked.users, asked.times))
    rest = table.where(~np.isin(_pairs_of(table, table), _pairs_of(table, asked)))
    return rest, asked, {"unknown": float((~known).sum()), "learned": float(learned.sum())}


def _pairs(table: Interactions, users: NDArray[Any], items: NDArray[Any]) -> NDArray[np.int64]:
    """A number for each (user, item)."""
    numbers: NDArray[np.int64] = users.astype(np.int64) * table.n_items + items
    return numbers


def _pairs_of(table: Interactions, events: Interactions) -> NDArray[np.int64]:
    return _pairs(table, events.users, events.items)
