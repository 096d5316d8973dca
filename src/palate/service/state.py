"""State that the request handlers share: the served model, its worker threads, and the events since the training."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from palate.data.vocabulary import Id
from palate.errors import ArtifactError, OptionError
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.service.batching import Batcher
from palate.service.errors import Problem, at
from palate.service.event_store import EventStore, StoredEvent, StoredEvents, StoreError
from palate.service.live_events import LiveEvents, with_live_events
from palate.service.loaded_model import LoadedModel
from palate.service.metrics import ServiceMetrics

LARGEST_BATCH = 64
"""Largest number of lists in a batch; a batch of the course's model with 27,000 items takes about 100 ms."""

LARGEST_COMMIT = 256
"""Largest number of requests whose events are committed together."""

RETRY_SECONDS = 2
"""Seconds between two attempts to reach the database, and between two checks for a new artifact."""

Result = TypeVar("Result")

log = logging.getLogger("palate.service")


class ListRequest(NamedTuple):
    """A top-N list to compute."""

    model: LoadedModel
    person: Person
    filters: Filters


class ServiceState:
    """The state of one running service."""

    def __init__(
        self, path: Path, events: str, cached: int = 0, model_class: str | None = None, fallback: bool = False
    ) -> None:
        """
        path: the artifact.
        events: the URL of the events database, or the path of its SQLite file.
        cached: number of lists in the cache.
        model_class: package.module:Class of a model that is not one of Palate's.
        fallback: an unknown user gets the list of a new user without history, not an error.
        """
        self.fallback = fallback
        self._open = partial(LoadedModel.open, path, cached, model_class)
        self.model = self._open()
        self.live_events = LiveEvents()
        self.metrics = ServiceMetrics()
        self.metrics.models.inc()
        self._store = EventStore(events)
        self._caught_up = self._warm = False
        self.lists: Batcher[ListRequest, RankedItems] = Batcher(compute_lists, LARGEST_BATCH, "lists")
        self._commits: Batcher[Sequence[StoredEvent], StoredEvents] = Batcher(self._commit, LARGEST_COMMIT, "events")
        self.lists.on_batch, self._commits.on_batch = self.metrics.batches.observe, self.metrics.commits.observe
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="quick")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="slow")

    @property
    def ready(self) -> bool:
        """True once the stored events count and the first list is computed, which compiles what lists need."""
        return self._caught_up and self._warm

    async def find_person(self, model: LoadedModel, user: Id, or_new: bool = False) -> Person:
        """Return the user of a path. or_new: see `person`.

        Raises:
            Problem: 404, the user is unknown; the search for similar ids runs beside the event loop.
        """
        if or_new or user in model.user_rows or self.live_events.count(user):
            return self.person(model, user, or_new)
        with at("path.user_id"):
            return await self.run_quick(partial(self.person, model, user))

    def person(self, model: LoadedModel, user: Id, or_new: bool = False) -> Person:
        """Return a user of the table, or a user with events since the training.

        or_new: an unknown user is a new one without history.

        Raises:
            UnknownIdError: the user is unknown; the message offers similar ids.
            Problem: 503, the user may be in the stored events, which are not read yet.
        """
        row, ids = model.user_rows.get(user), model.recommender.table.user_ids
        events = self.live_events.of(user) if isinstance(user, str) == ids.is_text else []  # "1" is not 1
        if row is None and not events:
            if not self._caught_up:
                detail = "the stored events, which may hold this user, are not read yet: retry later"
                raise Problem(503, "not_ready", detail)
            row = None if or_new else ids.row(user)
        return with_live_events(model, row, events)

    async def store_events(self, events: Sequence[StoredEvent]) -> StoredEvents:
        """Store events; they count from the next request.

        Raises:
            Problem: 503, the events are not known to be stored; the client may send them again.
        """
        try:
            result = await self._commits.submit(events)
        except StoreError as error:
            self.metrics.events.labels("refused").inc(len(events))
            log.warning("the events can't be stored: %s", type(error).__name__)
            raise Problem(503, "store_unavailable", "the events can't be stored now: send them again") from error
        self.live_events.add(result.events)
        self.metrics.events.labels("accepted").inc(result.accepted)
        self.metrics.events.labels("repeated").inc(result.repeated)
        return result

    def _commit(self, requests: Sequence[Sequence[StoredEvent]]) -> list[StoredEvents]:
        self._catch_up()
        return self._store.add(requests)

    def _catch_up(self) -> None:
        """Read the events that were stored before this process started."""
        if not self._caught_up:
            self.live_events.add(self._store.read())
            self._caught_up = True

    async def maintain(self, watch: bool) -> None:
        """Reach the events database and, with `watch`, load new artifacts, until cancelled."""
        self._warming = asyncio.ensure_future(self._warm_up())
        while True:
            try:
                if not self._caught_up:
                    await self._commits.submit(())
                if watch:
                    await self.reload()
            except StoreError as error:
                log.warning("the events database can't be reached: %s", type(error).__name__)
            except Exception as error:  # the next attempt may succeed
                log.error("the check for a new model or the events database failed: %s", type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _warm_up(self) -> None:
        """Compute a first list: it compiles what lists need."""
        await self.lists.submit(ListRequest(self.model, self.model.recommender.person_at(0), Filters(10)))
        self._warm = True

    def reload_soon(self) -> None:
        self._reloading = asyncio.ensure_future(self.reload())

    async def reload(self) -> None:
        """Load the artifact if it is a new one; requests in progress keep the model that they started with."""
        path, checksum = self.model.path, self.model.checksum
        try:
            if await self.run_slow(partial(LoadedModel.artifact_checksum, path)) != checksum:
                start = time.monotonic()
                self.model = await self.run_slow(self._open)
                self.metrics.models.inc()
                log.info("a new model is served, loaded in %.1f s", time.monotonic() - start)
        except (ArtifactError, OptionError) as error:
            log.warning("the new model can't be loaded, so the old one stays: %s", type(error).__name__)

    async def run_quick(self, work: Callable[[], Result]) -> Result:
        """Run work that takes milliseconds, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    async def run_slow(self, work: Callable[[], Result]) -> Result:
        """Run work that takes long, after other such work, so that it delays nothing else."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, work)

    def close(self) -> None:
        """Stop the threads, after the commits in progress."""
        for pool in (self._quick, self._slow):
            pool.shutdown(cancel_futures=True)
        self.lists.close()
        self._commits.close()
        self._store.close()


def compute_lists(requests: Sequence[ListRequest]) -> list[RankedItems]:
    """Compute the lists of a batch; requests of different models are computed model by model."""
    lists: dict[int, RankedItems] = {}
    for model in {id(request.model): request.model for request in requests}.values():
        places = [place for place, request in enumerate(requests) if request.model is model]
        people = [requests[place].person for place in places]
        filters = [requests[place].filters for place in places]
        lists.update(zip(places, model.recommender.choose(people, filters), strict=True))
    return [lists[place] for place in range(len(requests))]
