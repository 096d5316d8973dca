"""Routes of top-N lists, predicted ratings and explanations."""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody

from palate.data.vocabulary import Id
from palate.inference import top_n
from palate.inference.ids import Ratings
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.service import parameters
from palate.service.errors import Problem, at
from palate.service.loaded_model import LoadedModel
from palate.service.requests import ExplanationRequest, PredictionRequest, Rating, RecommendationRequest
from palate.service.responses import (
    Explanation,
    Prediction,
    Predictions,
    RatedReason,
    Reason,
    Recommendations,
    RecommendedItem,
)
from palate.service.state import ListRequest, ServiceState

REASON_SECONDS = 3.0
"""Seconds for reasons: in them most models try thousands of ratings, the course's model hundreds."""

NO_HISTORY = "Nothing is known of this user yet: the list is that of a new user without history."

NOTE_ON_REASONS = (
    "The reasons are chosen from the latest {tried:,} of {total:,} ratings, because trying all takes too long."
)


@get("/v1/users/{user_id:str}/recommendations")
async def recommend_to_user(
    request: Request[Any, Any, Any],
    user_id: parameters.UserId,
    k: parameters.K = 10,
    exclude: parameters.Exclude = None,
    only: parameters.Only = None,
    category: parameters.Category = None,
    min_ratings: parameters.MinRatings = 0,
    diversity: parameters.Diversity = 0.0,
    explain: parameters.Explain = 0,
) -> Response[Recommendations]:
    """Return top-N recommendations for a user, without the items of the user's history. Events since the training
    count."""
    state: ServiceState = request.app.state.service
    model = state.model
    user = model.user_id(user_id)
    key = (user_id, request.scope["query_string"], state.live_events.count(user))
    if (cached := model.lists.get(key)) is not None:
        return EncodedResponse(cached)
    person = await state.find_person(model, user, state.fallback)
    filters = Filters(k)
    if request.scope["query_string"]:
        ids = partial(_item_ids, model)
        filters = await state.run_quick(
            partial(
                make_filters,
                model,
                "query",
                k=k,
                exclude=ids(exclude or []),
                only=None if only is None else ids(only),
                category=category or [],
                min_ratings=min_ratings,
                diversity=diversity,
            )
        )
    response = msgspec.json.encode(await recommend(state, ListRequest(model, person, filters), explain))
    if not explain:  # reasons also depend on the time that was left for them
        model.lists.put(key, response)
    return EncodedResponse(response)


@post("/v1/recommendations", status_code=200)
async def recommend_to_new_user(
    request: Request[Any, Any, Any], data: JSONBody[RecommendationRequest]
) -> Recommendations:
    """Return top-N recommendations for a new user (cold start), by fold-in of the given ratings or items. Without
    them the list is the one for a user with no history."""
    state: ServiceState = request.app.state.service
    model = state.model

    def prepare() -> ListRequest:
        person = new_user(model, data.ratings, data.history)
        filters = make_filters(
            model,
            "body",
            k=data.k,
            exclude=data.exclude,
            only=data.only,
            category=data.category,
            min_ratings=data.min_ratings,
            diversity=data.diversity,
        )
        return ListRequest(model, person, filters)

    return await recommend(state, await state.run_quick(prepare), data.explain)


@post("/v1/predictions", status_code=200)
async def predict(request: Request[Any, Any, Any], data: JSONBody[PredictionRequest]) -> Predictions:
    """Return predicted ratings of items, rated before or not. With `interval` each prediction has the bounds that
    hold this share of real ratings."""
    state: ServiceState = request.app.state.service
    model = state.model

    def work() -> Predictions:
        person = find_or_make_person(state, model, data)
        rows = model.rows_at(data.items, "body.items[{}]")
        with at("body" if data.interval is None else "body.interval"):
            columns = model.recommender.rate(person, rows, data.interval)
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        return Predictions([Prediction(*model.name(row), *numbers) for row, numbers in zip(rows, values, strict=True)])

    return await state.run_quick(work)


@post("/v1/explanations", status_code=200)
async def explain(request: Request[Any, Any, Any], data: JSONBody[ExplanationRequest]) -> Explanation:
    """Return the events of a history that an item's score depends on most. Losses are exact for this model: it scores
    the history again without each event. A user of the table is scored as a new user with the same history."""
    state: ServiceState = request.app.state.service
    model = state.model
    person = await state.run_quick(partial(find_or_make_person, state, model, data))

    def work() -> Explanation:
        with at("body.item"):
            rows = model.rows([data.item])
        losses = model.recommender.losses(person, rows, time.monotonic() + REASON_SECONDS)
        ratings = [None] * len(person.items) if person.ratings is None else person.ratings.tolist()
        reasons = [
            RatedReason(*model.name(person.items[event]), float(losses.losses[event, 0]), rating=ratings[event])
            for event in losses.largest(0, data.k)
        ]
        return Explanation(
            model.item(int(rows[0])), float(losses.scores[0]), reasons, _note_on_reasons(person, losses.tried)
        )

    return await state.run_slow(work)


class EncodedResponse(Response[Recommendations]):
    """A response whose body is encoded already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self

    async def __call__(self, _: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self._body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


async def recommend(state: ServiceState, request: ListRequest, n_reasons: int) -> Recommendations:
    """Return the list of a request, with n_reasons reasons for each item."""
    model = request.model
    ranked = await state.lists.submit(request)
    because: list[list[Reason]] = [[]] * len(ranked.rows)
    notes = [model.note, None if len(request.person.items) else NO_HISTORY]
    if n_reasons and len(ranked.rows):
        because, note = await state.run_slow(partial(list_reasons, model, request.person, ranked, n_reasons))
        notes.append(note)
    scores = ranked.scores.tolist()
    if (scale := model.predicted_scale) is None:
        ratings: list[float | None] = [None] * len(scores)
    else:
        ratings = [min(max(score, scale.low), scale.high) for score in scores]
    columns = zip(ranked.rows.tolist(), scores, ratings, because, strict=True)
    items = [RecommendedItem(*model.facts[row], *values) for row, *values in columns]
    return Recommendations(items, " ".join(note for note in notes if note) or None)


def list_reasons(
    model: LoadedModel, person: Person, ranked: RankedItems, k: int
) -> tuple[list[list[Reason]], str | None]:
    """Return k reasons for each item of a list, and a note where not all events were tried."""
    losses = model.recommender.losses(person, ranked.rows, time.monotonic() + REASON_SECONDS)
    reasons = [
        [
            Reason(*model.name(person.items[event]), float(losses.losses[event, item]))
            for event in losses.largest(item, k)
        ]
        for item in range(len(ranked.rows))
    ]
    return reasons, _note_on_reasons(person, losses.tried)


def _note_on_reasons(person: Person, tried: int) -> str | None:
    n = len(person.items)
    if tried == n:
        return None
    return NOTE_ON_REASONS.format(tried=tried, total=n)


def make_filters(model: LoadedModel, source: str, **options: Any) -> Filters:
    """Return the filters of `top_n.filters`; an error names the field of the request that it is about."""
    table = model.recommender.table
    for name in ("exclude", "only", "category"):
        if options[name]:
            with at(f"{source}.{name}"):
                top_n.filters(table, **{name: options[name]})
    return top_n.filters(table, **options)


def new_user(model: LoadedModel, ratings: list[Rating] | None, history: list[Id] | None) -> Person:
    """Return a new user (cold start) with these ratings, or with these items where there are no ratings."""
    if ratings is not None and history is not None:
        raise Problem(400, "bad_value", "give either ratings or history", "body")
    events: Ratings = _ratings_by_item(ratings) if ratings is not None else (history or [])
    if not events and model.recommender.model.NEEDS_RATINGS:
        events = {}
    with at("body.ratings" if ratings is not None else "body" if history is None else "body.history"):
        return model.recommender.person(None, events)


def find_or_make_person(
    state: ServiceState, model: LoadedModel, data: PredictionRequest | ExplanationRequest
) -> Person:
    """Return the user that a request names, with the events since the training, or the new user that it describes."""
    history = data.history if isinstance(data, ExplanationRequest) else None
    if (data.user is None) == (data.ratings is None and history is None):
        raise Problem(400, "bad_value", "give either a user of the table or the ratings of a new user", "body")
    if data.user is None:
        return new_user(model, data.ratings, history)
    with at("body.user"):
        return state.person(model, data.user)


def _ratings_by_item(ratings: list[Rating]) -> dict[Id, float]:
    by_item = {rating.item: rating.rating for rating in ratings}
    if len(by_item) < len(ratings):
        raise Problem(400, "bad_value", "ratings has an item twice: give each item once", "body.ratings")
    return by_item


def _item_ids(model: LoadedModel, texts: Iterable[str]) -> list[Id]:
    return [model.item_id(text) for text in texts]
