"""Add the events that a service stored to a table, for the next training."""

from pathlib import Path

import numpy as np

from palate.data.extend import extend
from palate.data.interactions import Interactions
from palate.errors import DataError
from palate.service.event_store import EventStore, StoreError


def with_events(table: Interactions, where: str) -> Interactions:
    """Return the table with the events of a service.

    where: the URL of the events database, or the path of its SQLite file.

    A table with ratings gets the events of kind "rating"; a table without ratings gets the views.

    Raises:
        DataError: the events can't be read, or their ids are of another type than those of the table.
    """
    if "://" not in where and not Path(where).is_file():
        raise DataError(f"{where} does not exist: give the events file or URL that `palate serve --events` used")
    rated = table.ratings is not None
    store = EventStore(where)
    try:
        events = [event for event in store.read() if (event.kind == "rating") == rated]
    except StoreError as error:
        raise DataError(f"the events can't be read: the database raised {type(error).__name__}") from error
    finally:
        store.close()
    return extend(
        table,
        [event.user for event in events],
        [event.item for event in events],
        np.array([event.rating for event in events], dtype=np.float32) if rated else None,
        np.array([event.time for event in events], dtype=np.float64),
    )
