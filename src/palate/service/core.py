"""What the handlers share: the model that is served now, the threads that work for it, and what people did since."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from palate.choosing import Chosen, Filters
from palate.data.vocabulary import Id
from palate.queries import Person
from palate.service.batching import Batcher
from palate.service.problems import at
from palate.service.served import Served

LARGEST_BATCH = 64

Answer = TypeVar("Answer")


class Wish(NamedTuple):
    """One list to make."""

    served: Served
    person: Person
    filters: Filters


class Core:
    """One for each running service."""

    def __init__(self, path: Path) -> None:
        self.served = Served.open(path)
        self.lists: Batcher[Wish, Chosen] = Batcher(choose, LARGEST_BATCH, "lists")
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="quick")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="slow")

    async def person(self, served: Served, text: str) -> Person:
        """Who an address names."""
        id_ = served.recommender.table.user_ids.parse(text)
        if id_ in served.user_rows:
            return self.known(served, id_)
        with at("path.user_id"):
            return await self.quick(partial(self.known, served, id_))

    def known(self, served: Served, user: Id) -> Person:
        """Someone of the table.

        Raises:
            UnknownIdError: there is no such person; the message offers near misses.
        """
        row = served.user_rows.get(user)
        return served.recommender.person_at(served.recommender.table.user_ids.row(user) if row is None else row)

    async def quick(self, work: Callable[[], Answer]) -> Answer:
        """Done beside the event loop: what takes milliseconds."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    async def slow(self, work: Callable[[], Answer]) -> Answer:
        """Done behind all else that takes long, so that it holds up nothing but that."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, work)

    def close(self) -> None:
        self.lists.close()
        for pool in (self._quick, self._slow):
            with contextlib.suppress(RuntimeError):
                pool.shutdown(cancel_futures=True)


def choose(wishes: Sequence[Wish]) -> list[Chosen]:
    """Lists of one batch; where a new model came in between, of each model for itself."""
    found: dict[int, Chosen] = {}
    for served in {id(wish.served): wish.served for wish in wishes}.values():
        places = [place for place, wish in enumerate(wishes) if wish.served is served]
        people, filters = [wishes[at].person for at in places], [wishes[at].filters for at in places]
        found.update(zip(places, served.recommender.choose(people, filters), strict=True))
    return [found[place] for place in range(len(wishes))]
