"""What people did since the model was trained, in memory: it counts at the next question."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from palate.inference.queries import Person
from palate.models.contract import UNSEEN
from palate.service.event_store import StoredEvent
from palate.service.loaded_model import Served


class LiveEvents:
    """Events by user, each once."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, StoredEvent]] = {}

    def add(self, events: Iterable[StoredEvent]) -> None:
        for event in events:
            self._of.setdefault(event.user, {})[event.number] = event

    def count(self, user: object) -> int:
        return len(self._of.get(str(user), ()))

    def of(self, user: object) -> list[StoredEvent]:
        """In the order they were stored in."""
        return [event for _, event in sorted(self._of.get(str(user), {}).items())]


def since(served: Served, row: int | None, events: list[StoredEvent]) -> Person:
    """A person, by their row in the table if they have one, with what they did since the model was trained.

    A later rating of an item stands for an earlier one. Events that the model's table holds already are not news, and
    leave the person as the model knows them. Where the table has ratings, a view keeps an item out of lists, and says
    nothing of taste.
    """
    recommender = served.recommender
    table = recommender.table
    before = _nobody(served) if row is None else recommender.person_at(row)
    if not events:
        return before
    rated = table.ratings is not None
    counted = [event for event in events if (event.kind == "rating") == rated]
    if rated:
        counted = sorted({event.item: event for event in counted}.values())
    rows = _rows(served, counted)
    news = rows >= 0
    news[news] &= ~_held(before, rows[news], [event for event, new in zip(counted, news, strict=True) if new])
    fresh = [event for event, new in zip(counted, news, strict=True) if new]
    person = before
    if fresh:
        person = before.then(
            rows[news],
            np.array([event.rating for event in fresh], dtype=np.float32) if rated else None,
            np.array([event.time for event in fresh]),
        )
    viewed = _rows(served, [event for event in events if event.kind == "view"]) if rated else rows[:0]
    return replace(person, viewed=viewed[viewed >= 0])


def _nobody(served: Served) -> Person:
    table = served.recommender.table
    return Person(
        UNSEEN,
        np.empty(0, dtype=np.int64),
        None if table.ratings is None else np.empty(0, dtype=np.float32),
        None if table.times is None else np.empty(0),
    )


def _rows(served: Served, events: list[StoredEvent]) -> NDArray[np.int64]:
    """Their item rows (n,), -1 of items that this model does not know."""
    ids = served.recommender.table.item_ids
    return ids.find([ids.parse(event.item) for event in events])


def _held(person: Person, rows: NDArray[np.int64], events: list[StoredEvent]) -> NDArray[np.bool_]:
    """Which events (n,) of item rows (n,) the person's history holds as they are."""
    same = person.items == rows[:, None]  # (n, L)
    if person.ratings is not None:
        same &= person.ratings == np.array([event.rating for event in events], dtype=np.float32)[:, None]
    if person.times is not None:
        same &= person.times == np.array([event.time for event in events])[:, None]
    held: NDArray[np.bool_] = same.any(axis=1)
    return held
