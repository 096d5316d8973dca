"""Routes of users: search, history and events."""

import time
from functools import partial
from typing import Any

import numpy as np
from litestar import Request, get, post
from litestar.params import JSONBody

from palate.data.interactions import DAY
from palate.inference.ids import on_scale
from palate.inference.queries import Person
from palate.service import parameters
from palate.service.errors import Problem, at
from palate.service.event_store import StoredEvent
from palate.service.loaded_model import LoadedModel
from palate.service.requests import Event, EventsRequest
from palate.service.responses import EventsResult, HistoryItem, User, UserHistory, Users
from palate.service.state import ServiceState


@get("/v1/users")
async def search_users(
    request: Request[Any, Any, Any], text: parameters.Query = "", k: parameters.UserCount = 10
) -> Users:
    """Return users whose id begins with the query. The users with the most events come first."""
    state: ServiceState = request.app.state.service
    model = state.model
    rows = await state.run_quick(partial(model.user_search.find, text, k))
    return Users([User(model.user_ids[row], int(model.user_counts[row])) for row in rows.tolist()])


@get("/v1/users/{user_id:str}/history")
async def get_history(
    request: Request[Any, Any, Any],
    user_id: parameters.UserId,
    k: parameters.HistoryCount = 100,
) -> UserHistory:
    """Return the history of a user, with the events since the training. The newest events come first or, in a table
    without times, the best rated."""
    state: ServiceState = request.app.state.service
    model = state.model
    return user_history(model, await state.find_person(model, model.user_id(user_id)), k)


@post("/v1/events", status_code=200)
async def store_events(request: Request[Any, Any, Any], data: JSONBody[EventsRequest]) -> EventsResult:
    """Store ratings and views of users. The response is sent once the events are on the disk. They count from the
    next request, and once however often they are sent: `repeated` is the number of those stored before."""
    state: ServiceState = request.app.state.service
    model = state.model
    stored = await state.store_events(await state.run_quick(partial(check_events, model, data.events, time.time())))
    if stored.conflict is not None:
        detail = f"id {data.events[stored.conflict].id!r} belongs to another event: give each event an id of its own"
        raise Problem(409, "id_taken", detail, f"body.events[{stored.conflict}].id")
    return EventsResult(stored.accepted, stored.repeated)


def check_events(model: LoadedModel, events: list[Event], now: float) -> list[StoredEvent]:
    """Return the events as they are stored. now: the time of events that name none.

    Raises:
        Problem: one of the events is invalid, so that none is stored.
    """
    rows = model.rows_at([event.item for event in events], "body.events[{}].item")
    stored = []
    for place, (event, row) in enumerate(zip(events, rows.tolist(), strict=True)):
        _check_event(model, event, f"body.events[{place}]")
        item, when = model.item_ids[row], now if event.time is None else event.time
        if when > now + DAY:
            detail = f"time is {when:g}: it must be at most a day after now, which is {now:.0f}"
            raise Problem(400, "bad_value", detail, f"body.events[{place}].time")
        stored.append(StoredEvent(0, event.id, str(event.user), str(item), event.kind, event.rating, when))
    return stored


def _check_event(model: LoadedModel, event: Event, where: str) -> None:
    table = model.recommender.table
    is_text = table.user_ids.is_text
    if isinstance(event.user, str) != is_text or (isinstance(event.user, int) and abs(event.user) >= 2**63):
        kind = "text" if is_text else "64-bit integers"
        raise Problem(
            400, "bad_value", f"user is {event.user!r}: the user ids of this table are {kind}", f"{where}.user"
        )
    if isinstance(event.user, str) and not event.user.strip():
        raise Problem(400, "bad_value", f"user is {event.user!r}: an event needs the id of a user", f"{where}.user")
    if (event.kind == "rating") != (event.rating is not None):
        detail = "an event of kind rating needs a rating, and one of kind view must have none"
        raise Problem(400, "bad_value", detail, f"{where}.rating")
    if event.rating is not None:
        if table.ratings is None:
            detail = "this model was trained without ratings: send events of kind view"
            raise Problem(400, "unsupported", detail, f"{where}.kind")
        with at(f"{where}.rating"):
            on_scale(table, {event.item: event.rating})


def user_history(model: LoadedModel, person: Person, k: int) -> UserHistory:
    n = len(person.items)
    order = np.arange(n)[::-1]
    if person.times is not None:
        order = np.argsort(person.times, kind="stable")[::-1]
    elif person.ratings is not None:
        order = np.argsort(-person.ratings, kind="stable")
    ratings = [None] * n if person.ratings is None else person.ratings.tolist()
    times = [None] * n if person.times is None else person.times.tolist()
    items = [
        HistoryItem(*model.facts[person.items[place]], rating=ratings[place], time=times[place]) for place in order[:k]
    ]
    return UserHistory(items)
