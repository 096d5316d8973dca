"""What the handlers share: the model that is served now, the threads that work for it, and what people did since."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from palate.data.vocabulary import Id
from palate.errors import ArtifactError
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.service.batching import Batcher
from palate.service.errors import Problem, at
from palate.service.event_store import EventStore, StoredEvent, StoredEvents, StoreError
from palate.service.live_events import LiveEvents, since
from palate.service.loaded_model import Served
from palate.service.metrics import ServiceMetrics

LARGEST_BATCH = 64
"""Lists made at once; a batch of course models of 27,000 items takes some 100 ms."""

LARGEST_COMMIT = 256
"""Requests whose events are committed together."""

RETRY_SECONDS = 2
"""How often a database that is away is tried, and how often an artifact is looked at."""

Answer = TypeVar("Answer")

log = logging.getLogger("palate.service")


class ListRequest(NamedTuple):
    """One list to make."""

    served: Served
    person: Person
    filters: Filters


class ServiceState:
    """One for each running service."""

    def __init__(self, path: Path, events: str, cached: int = 0) -> None:
        """cached: how many lists are kept, to be given again while nothing has changed."""
        self._cached = cached
        self.served = Served.open(path, cached)
        self.posted = LiveEvents()
        self.metrics = ServiceMetrics()
        self.metrics.models.inc()
        self._store = EventStore(events)
        self._caught_up = False
        self.lists: Batcher[ListRequest, RankedItems] = Batcher(choose, LARGEST_BATCH, "lists")
        self._commits: Batcher[Sequence[StoredEvent], StoredEvents] = Batcher(self._keep, LARGEST_COMMIT, "events")
        self.lists.sizes, self._commits.sizes = self.metrics.batches.observe, self.metrics.commits.observe
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="quick")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="slow")

    async def person(self, served: Served, user: Id) -> Person:
        """Who an address names. Near misses of someone unknown are looked for beside the event loop."""
        if user in served.user_rows or self.posted.count(user):
            return self.known(served, user)
        with at("path.user_id"):
            return await self.quick(partial(self.known, served, user))

    def known(self, served: Served, user: Id) -> Person:
        """Someone of the table, or someone who did something since.

        Raises:
            UnknownIdError: there is no such person; the message offers near misses.
        """
        row, ids = served.user_rows.get(user), served.recommender.table.user_ids
        events = self.posted.of(user) if isinstance(user, str) == ids.is_text else []  # "1" is not 1
        if row is None and not events:
            row = ids.row(user)
        return since(served, row, events)

    async def post(self, events: Sequence[StoredEvent]) -> StoredEvents:
        """Store events; they count at the next question.

        Raises:
            Problem: 503, they are not known to be stored, and may be sent again.
        """
        try:
            kept = await self._commits.ask(events)
        except StoreError as error:
            self.metrics.events.labels("refused").inc(len(events))
            log.warning("events can't be stored: %s", type(error).__name__)
            raise Problem(503, "store_unavailable", "events can't be stored now: send them again") from error
        self.posted.add(kept.events)
        self.metrics.events.labels("accepted").inc(kept.accepted)
        self.metrics.events.labels("repeated").inc(kept.repeated)
        return kept

    def _keep(self, requests: Sequence[Sequence[StoredEvent]]) -> list[StoredEvents]:
        self._catch_up()
        return self._store.add(requests)

    def _catch_up(self) -> None:
        """What was stored before this process began."""
        if not self._caught_up:
            self.posted.add(self._store.read())
            self._caught_up = True

    async def tend(self, watch: bool) -> None:
        """Look after what may be away or change, until cancelled."""
        while True:
            try:
                if not self._caught_up:
                    await self._commits.ask(())
                if watch:
                    await self.reload()
            except StoreError as error:
                log.warning("the events' database is away: %s", type(error).__name__)
            except Exception as error:  # whatever it is, the next round may be better
                log.error("looking after the service failed: %s", type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    def reload_soon(self) -> None:
        self._reloading = asyncio.ensure_future(self.reload())

    async def reload(self) -> None:
        """Serve the artifact that lies there now, if it is another; requests under way end with the one they began."""
        path, stamp = self.served.path, self.served.stamp
        try:
            if await self.slow(partial(Served.stamp_of, path)) != stamp:
                begun = time.monotonic()
                self.served = await self.slow(partial(Served.open, path, self._cached))
                self.metrics.models.inc()
                log.info("a new model is served, loaded in %.1f s", time.monotonic() - begun)
        except ArtifactError as error:
            log.warning("the model that is served stays: %s", type(error).__name__)

    async def quick(self, work: Callable[[], Answer]) -> Answer:
        """Done beside the event loop: what takes milliseconds."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    async def slow(self, work: Callable[[], Answer]) -> Answer:
        """Done behind all else that takes long, so that it holds up nothing but that."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, work)

    def close(self) -> None:
        """End the threads; what has been asked of the database is done first."""
        for pool in (self._quick, self._slow):
            pool.shutdown(cancel_futures=True)
        self.lists.close()
        self._commits.close()
        self._store.close()


def choose(wishes: Sequence[ListRequest]) -> list[RankedItems]:
    """Lists of one batch; where a new model came in between, of each model for itself."""
    found: dict[int, RankedItems] = {}
    for served in {id(wish.served): wish.served for wish in wishes}.values():
        places = [place for place, wish in enumerate(wishes) if wish.served is served]
        people, filters = [wishes[at].person for at in places], [wishes[at].filters for at in places]
        found.update(zip(places, served.recommender.choose(people, filters), strict=True))
    return [found[place] for place in range(len(wishes))]
