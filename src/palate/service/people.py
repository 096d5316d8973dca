"""People of the table: found as you type, and what they met."""

from functools import partial
from typing import Any

import numpy as np
from litestar import Request, get

from palate.queries import Person
from palate.service import fields
from palate.service.core import Core
from palate.service.schemas import Met, Past, User, Users
from palate.service.served import Served


@get("/v1/users")
async def users(request: Request[Any, Any, Any], text: fields.Query = "", k: fields.K = 10) -> Users:
    """Users whose id begins with the text, the busiest first."""
    core: Core = request.app.state.core
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
    core: Core = request.app.state.core
    served = core.served
    return past(served, await core.person(served, user_id), k)


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
