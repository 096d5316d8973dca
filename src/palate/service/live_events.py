"""Events since the training, in memory: they count from the user's next request."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from palate.inference.queries import Person
from palate.models.contract import UNSEEN
from palate.service.event_store import StoredEvent
from palate.service.loaded_model import LoadedModel


class LiveEvents:
    """Stored events by user; an event that is added twice is held once."""

    def __init__(self) -> None:
        self._by_user: dict[str, dict[int, StoredEvent]] = {}

    def add(self, events: Iterable[StoredEvent]) -> None:
        for event in events:
            self._by_user.setdefault(event.user, {})[event.number] = event

    def count(self, user: object) -> int:
        return len(self._by_user.get(str(user), ()))

    def of(self, user: object) -> list[StoredEvent]:
        """Return the events of a user in the order of storage."""
        return [event for _, event in sorted(self._by_user.get(str(user), {}).items())]


def with_live_events(model: LoadedModel, row: int | None, events: list[StoredEvent]) -> Person:
    """Return the user of a row of the table (None for a new user) with the events since the training.

    The rules are those of a table: the latest event of an item stands, by its time. An event that the model's table
    holds, or holds a later one of, is skipped, and a user without other events stays as the model knows them. Where the
    table has ratings, a view only leaves its item out of lists.
    """
    recommender = model.recommender
    table = recommender.table
    person = _new_user(model) if row is None else recommender.person_at(row)
    if not events:
        return person
    rated = table.ratings is not None
    counted = [event for event in events if (event.kind == "rating") == rated]
    in_time = sorted(counted, key=lambda event: (event.time, event.number))
    counted = sorted({event.item: event for event in in_time}.values(), key=lambda event: (event.time, event.number))
    rows = _item_rows(model, counted)
    is_new = rows >= 0
    known = [event for event, new in zip(counted, is_new, strict=True) if new]
    is_new[is_new] &= ~_superseded(person, rows[is_new], known)
    new_events = [event for event, new in zip(counted, is_new, strict=True) if new]
    if new_events:
        person = person.then(
            rows[is_new],
            np.array([event.rating for event in new_events], dtype=np.float32) if rated else None,
            np.array([event.time for event in new_events]),
        )
    viewed = _item_rows(model, [event for event in events if event.kind == "view"]) if rated else rows[:0]
    return replace(person, viewed=viewed[viewed >= 0])


def _new_user(model: LoadedModel) -> Person:
    table = model.recommender.table
    return Person(
        UNSEEN,
        np.empty(0, dtype=np.int64),
        None if table.ratings is None else np.empty(0, dtype=np.float32),
        None if table.times is None else np.empty(0),
    )


def _item_rows(model: LoadedModel, events: list[StoredEvent]) -> NDArray[np.int64]:
    """Return the item rows of n events (n,), -1 for items that the model does not know."""
    ids = model.recommender.table.item_ids
    return ids.find([ids.parse(event.item) for event in events])


def _superseded(person: Person, rows: NDArray[np.int64], events: list[StoredEvent]) -> NDArray[np.bool_]:
    """Return for n events of item rows (n,) whether the history has the same event, or a later one of the item."""
    of_item = person.items == rows[:, None]  # (n, L)
    same, later = of_item, np.zeros_like(of_item)
    if person.ratings is not None:
        same = same & (person.ratings == np.array([event.rating for event in events], dtype=np.float32)[:, None])
    if person.times is not None:
        times = np.array([event.time for event in events])[:, None]
        same, later = same & (person.times == times), of_item & (person.times > times)
    superseded: NDArray[np.bool_] = (same | later).any(axis=1)
    return superseded
