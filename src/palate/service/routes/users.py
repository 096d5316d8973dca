"""People: found as you type, what they met, and what they do."""

import time
from functools import partial
from typing import Any

import numpy as np
from litestar import Request, get, post
from litestar.params import JSONBody

from palate.inference.ids import on_scale
from palate.inference.queries import Person
from palate.service import parameters as fields
from palate.service import schemas
from palate.service.errors import Problem, at
from palate.service.event_store import StoredEvent
from palate.service.loaded_model import Served
from palate.service.schemas import Accepted, EventsPosted, Met, Past, User, Users
from palate.service.state import ServiceState


@get("/v1/users")
async def users(request: Request[Any, Any, Any], text: fields.Query = "", k: fields.K = 10) -> Users:
    """Users whose id begins with the text, the busiest first."""
    core: ServiceState = request.app.state.core
    served = core.served
    rows = await core.quick(partial(served.find_users.find, text, k))
    return Users([User(served.user_ids[row], int(served.user_counts[row])) for row in rows.tolist()])


@get("/v1/users/{user_id:str}/history")
async def history(
    request: Request[Any, Any, Any],
    user_id: fields.UserId,
    k: fields.LongK = 100,
) -> Past:
    """What someone met, what they did since the training too: newest first, or without times best rated first."""
    core: ServiceState = request.app.state.core
    served = core.served
    return past(served, await core.person(served, served.user_id(user_id)), k)


@post("/v1/events", status_code=200)
async def events(request: Request[Any, Any, Any], data: JSONBody[EventsPosted]) -> Accepted:
    """What people did just now. It is answered when it is on the disk, counts at the next question, and counts once
    however often it is sent: repeated says how many were there already."""
    core: ServiceState = request.app.state.core
    served = core.served
    kept = await core.post(await core.quick(partial(checked, served, data.events, time.time())))
    return Accepted(kept.accepted, kept.repeated)


def checked(served: Served, events: list[schemas.Event], now: float) -> list[StoredEvent]:
    """The events as they are stored.

    Raises:
        Problem: one of them can't be, and so none is.
    """
    table = served.recommender.table
    by_text = table.user_ids.is_text
    with at("body.events"):
        rows = served.rows([event.item for event in events])
    found = []
    for place, (event, row) in enumerate(zip(events, rows.tolist(), strict=True)):
        where = f"body.events[{place}]"
        if isinstance(event.user, str) != by_text or (isinstance(event.user, int) and abs(event.user) >= 2**63):
            kind = "text" if by_text else "an integer"
            raise Problem(
                400, "bad_value", f"user {event.user!r} is not {kind}, as this table's ids are", f"{where}.user"
            )
        if (event.kind == "rating") != (event.rating is not None):
            raise Problem(400, "bad_value", "a rating event has a rating, and a view has none", f"{where}.rating")
        if event.rating is not None:
            if table.ratings is None:
                raise Problem(400, "unsupported", "this model knows views, and no ratings", f"{where}.kind")
            with at(f"{where}.rating"):
                on_scale(table, {event.item: event.rating})
        item, when = served.item_ids[row], now if event.time is None else event.time
        found.append(StoredEvent(0, event.id, str(event.user), str(item), event.kind, event.rating, when))
    return found


def past(served: Served, person: Person, k: int) -> Past:
    n = len(person.items)
    order = np.arange(n)[::-1]
    if person.times is not None:
        order = np.argsort(person.times, kind="stable")[::-1]
    elif person.ratings is not None:
        order = np.argsort(-person.ratings, kind="stable")
    ratings = [None] * n if person.ratings is None else person.ratings.tolist()
    times = [None] * n if person.times is None else person.times.tolist()
    return Past([Met(*served.facts[person.items[at]], rating=ratings[at], time=times[at]) for at in order[:k]])
