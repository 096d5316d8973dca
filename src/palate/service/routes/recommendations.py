"""Lists, predictions and explanations."""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody

from palate.data.vocabulary import Id
from palate.inference import top_n as choosing
from palate.inference.ids import Ratings
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.service import parameters as fields
from palate.service import schemas
from palate.service.errors import Problem, at
from palate.service.loaded_model import Served
from palate.service.schemas import (
    Explanation,
    ExplanationAsked,
    Prediction,
    Predictions,
    PredictionsAsked,
    Ranked,
    RankedList,
    RatedReason,
    Reason,
    RecommendationsAsked,
)
from palate.service.state import ListRequest, ServiceState

EXPLAINING = 3.0
"""Seconds that finding reasons may take: most models can try thousands of ratings in them, the course's hundreds."""


@get("/v1/users/{user_id:str}/recommendations")
async def of_user(
    request: Request[Any, Any, Any],
    user_id: fields.UserId,
    k: fields.K = 10,
    exclude: fields.Exclude = None,
    only: fields.Only = None,
    category: fields.Category = None,
    min_ratings: fields.MinRatings = 0,
    diversity: fields.Diversity = 0.0,
    explain: fields.Explain = 0,
) -> Response[RankedList]:
    """The best items that someone has not met; what they did since the training counts."""
    core: ServiceState = request.app.state.core
    served = core.served
    user = served.user_id(user_id)
    key = (user_id, request.scope["query_string"], core.posted.count(user))
    if (known := served.lists.get(key)) is not None:
        return Encoded(known)
    person = await core.person(served, user)
    wanted = Filters(k)
    if request.scope["query_string"]:
        parsed = partial(_ids, served)
        wanted = await core.quick(
            partial(
                filters,
                served,
                "query",
                k=k,
                exclude=parsed(exclude or []),
                only=None if only is None else parsed(only),
                category=category or [],
                min_ratings=min_ratings,
                diversity=diversity,
            )
        )
    found = msgspec.json.encode(await recommend(core, served, person, wanted, explain))
    if not explain:  # reasons follow from how much time there was, too
        served.lists.put(key, found)
    return Encoded(found)


@post("/v1/recommendations", status_code=200)
async def of_newcomer(request: Request[Any, Any, Any], data: JSONBody[RecommendationsAsked]) -> RankedList:
    """The best items for a person never seen, from what they rated; for no ratings, what suits everyone."""
    core: ServiceState = request.app.state.core
    served = core.served

    def prepare() -> tuple[Person, Filters]:
        person = newcomer(served, data.ratings, data.history)
        return person, filters(
            served,
            "body",
            k=data.k,
            exclude=data.exclude,
            only=data.only,
            category=data.category,
            min_ratings=data.min_ratings,
            diversity=data.diversity,
        )

    person, wanted = await core.quick(prepare)
    return await recommend(core, served, person, wanted, data.explain)


@post("/v1/predictions", status_code=200)
async def predictions(request: Request[Any, Any, Any], data: JSONBody[PredictionsAsked]) -> Predictions:
    """Predicted ratings, rated already or not, and where a share of the real ones lies."""
    core: ServiceState = request.app.state.core
    served = core.served

    def work() -> Predictions:
        person = whoever(core, served, data.user, data.ratings, None)
        with at("body.items"):
            rows = served.rows(data.items)
        with at("body.interval"):
            found = served.recommender.rate(person, rows, data.interval)
        values = zip(*(column.tolist() for column in found.values()), strict=True)
        return Predictions([Prediction(*served.named(row), *each) for row, each in zip(rows, values, strict=True)])

    return await core.quick(work)


@post("/v1/explanations", status_code=200)
async def explanation(request: Request[Any, Any, Any], data: JSONBody[ExplanationAsked]) -> Explanation:
    """Which ratings of a person an item's score would lose most without, exactly, for this model.

    Someone of the table asks as a person never seen, with their history.
    """
    core: ServiceState = request.app.state.core
    served = core.served
    person = await core.quick(partial(whoever, core, served, data.user, data.ratings, data.history))

    def work() -> Explanation:
        with at("body.item"):
            rows = served.rows([data.item])
        found = served.recommender.losses(person, rows, time.monotonic() + EXPLAINING)
        ratings = [None] * len(person.items) if person.ratings is None else person.ratings.tolist()
        reasons = [
            RatedReason(*served.named(person.items[event]), float(found.losses[event, 0]), rating=ratings[event])
            for event in found.largest(0, data.k)
        ]
        return Explanation(served.item(int(rows[0])), float(found.scores[0]), reasons, _tried(person, found.tried))

    return await core.slow(work)


class Encoded(Response[RankedList]):
    """An answer that is JSON already."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self

    async def __call__(self, _: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self._answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._answer})


async def recommend(core: ServiceState, served: Served, person: Person, wanted: Filters, explain: int) -> RankedList:
    """A list of items with all that is known of each."""
    found = await core.lists.ask(ListRequest(served, person, wanted))
    because: list[list[Reason]] = [[]] * len(found.rows)
    notes = [served.note]
    if explain and len(found.rows):
        because, note = await core.slow(partial(reasons, served, person, found, explain))
        notes.append(note)
    scores = found.scores.tolist()
    if (scale := served.predicted_scale) is None:
        ratings: list[float | None] = [None] * len(scores)
    else:
        ratings = [min(max(score, scale[0]), scale[1]) for score in scores]
    facts = served.facts
    items = [
        Ranked(*facts[row], *rest) for row, *rest in zip(found.rows.tolist(), scores, ratings, because, strict=True)
    ]
    return RankedList(items, " ".join(note for note in notes if note) or None)


def reasons(served: Served, person: Person, found: RankedItems, k: int) -> tuple[list[list[Reason]], str | None]:
    """Of each item of a list, and what to know of them."""
    lost = served.recommender.losses(person, found.rows, time.monotonic() + EXPLAINING)
    because = [
        [Reason(*served.named(person.items[event]), float(lost.losses[event, item])) for event in lost.largest(item, k)]
        for item in range(len(found.rows))
    ]
    return because, _tried(person, lost.tried)


def _tried(person: Person, tried: int) -> str | None:
    n = len(person.items)
    return (
        None if tried == n else f"Reasons are among the latest {tried:,} of {n:,} ratings: to try all takes too long."
    )


def filters(served: Served, source: str, **wanted: Any) -> Filters:
    """`choosing.filters`, each mistake said of its own field."""
    table = served.recommender.table
    for name in ("exclude", "only", "category"):
        if wanted[name]:
            with at(f"{source}.{name}"):
                choosing.filters(table, **{name: wanted[name]})
    return choosing.filters(table, **wanted)


def newcomer(served: Served, ratings: list[schemas.Rating] | None, history: list[Id] | None) -> Person:
    if ratings is not None and history is not None:
        raise Problem(400, "bad_value", "give ratings or history, and not both", "body")
    given: Ratings = _rated(ratings) if ratings is not None else (history or [])
    if not given and served.recommender.model.NEEDS_RATINGS:
        given = {}
    with at("body.ratings" if ratings is not None else "body.history"):
        return served.recommender.person(None, given)


def whoever(
    core: ServiceState,
    served: Served,
    user: Id | None,
    ratings: list[schemas.Rating] | None,
    history: list[Id] | None,
) -> Person:
    """The person that a question names, with what they did since, or describes."""
    if (user is None) == (ratings is None and history is None):
        raise Problem(400, "bad_value", "name a user, or give ratings of a person never seen, and not both", "body")
    if user is None:
        return newcomer(served, ratings, history)
    with at("body.user"):
        return core.known(served, user)


def _rated(ratings: list[schemas.Rating]) -> dict[Id, float]:
    found = {each.item: each.rating for each in ratings}
    if len(found) < len(ratings):
        raise Problem(400, "bad_value", "ratings name an item twice", "body.ratings")
    return found


def _ids(served: Served, texts: Iterable[str]) -> list[Id]:
    return [served.item_id(text) for text in texts]
