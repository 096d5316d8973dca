"""What a service has been told, for the next training."""

from pathlib import Path

import numpy as np

from palate.data.extend import extend
from palate.data.interactions import Interactions
from palate.errors import DataError
from palate.service.event_store import EventStore, StoreError


def with_events(table: Interactions, where: str) -> Interactions:
    """The table with the events of a service: a database's URL, or the path of its SQLite file.

    Of a table with ratings those of a kind "rating" are taken, of another the views.

    Raises:
        DataError: the events can't be read, or have other ids than the table.
    """
    if "://" not in where and not Path(where).is_file():
        raise DataError(f"{where} does not exist: it should be what palate serve --events names")
    rated = table.ratings is not None
    store = EventStore(where)
    try:
        events = [event for event in store.read() if (event.kind == "rating") == rated]
    except StoreError as error:
        raise DataError(f"the events can't be read: {type(error).__name__} of their database") from error
    finally:
        store.close()
    return extend(
        table,
        [event.user for event in events],
        [event.item for event in events],
        np.array([event.rating for event in events], dtype=np.float32) if rated else None,
        np.array([event.time for event in events], dtype=np.float64),
    )
