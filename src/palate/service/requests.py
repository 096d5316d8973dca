"""Bodies of HTTP requests as structs; the OpenAPI document is made from them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

LONGEST_HISTORY = 5_000
"""Largest number of events in the history of a request."""

MOST_IDS = 1_000
"""Largest number of ids in a list of a request."""

MOST_CATEGORIES = 100

LONGEST_TEXT = 512

Text = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Id = int | Text
"""An id as the table has it: an integer where its ids are integers, else text. An item may be named by its title."""

ItemId = Annotated[Id, Meta(description="Id of an item, or its exact title.")]
UserId = Annotated[Id | None, Meta(description="Id of a user; give this or a new user, not both.")]
K = Annotated[int, Meta(ge=1, le=100, description="Number of items to return.")]
MinRatings = Annotated[int, Meta(ge=0, le=2**31, description="Return only items with at least this many ratings.")]
Diversity = Annotated[
    float, Meta(ge=0, le=1, description="Weight of diversity: 0 returns the best items, 1 the most different items.")
]
Explain = Annotated[int, Meta(ge=0, le=5, description="Number of reasons to return for each item.")]


class RequestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the request bodies: unknown fields are refused."""


class Rating(RequestBody, frozen=True):
    """A rating of an item by the user of the request."""

    item: ItemId
    rating: Annotated[float, Meta(description="Rating on the scale of the table.")]


Ratings = Annotated[list[Rating], Meta(max_length=LONGEST_HISTORY, description="Ratings of a new user (cold start).")]
History = Annotated[
    list[Id],
    Meta(max_length=LONGEST_HISTORY, description="Items of a new user (cold start) without ratings, oldest first."),
]


class RecommendationRequest(RequestBody, frozen=True):
    """A new user (cold start), given by ratings or by items alone, and the filters of the list."""

    ratings: Ratings | None = None
    history: History | None = None
    k: K = 10
    exclude: Annotated[list[Id], Meta(max_length=MOST_IDS, description="Leave these items out.")] = []
    only: Annotated[list[Id], Meta(max_length=MOST_IDS, description="Return only these items.")] | None = None
    category: Annotated[
        Text | Annotated[list[Text], Meta(max_length=MOST_CATEGORIES)],
        Meta(description="Return only items in any of these categories."),
    ] = []
    min_ratings: MinRatings = 0
    diversity: Diversity = 0.0
    explain: Explain = 0


class PredictionRequest(RequestBody, frozen=True):
    """Items to predict ratings of, for a user of the table or for a new user (cold start)."""

    items: Annotated[
        list[Id], Meta(min_length=1, max_length=MOST_IDS, description="Items whose ratings are predicted.")
    ]
    user: UserId = None
    ratings: Ratings | None = None
    interval: Annotated[
        float | None, Meta(description="Share of real ratings that the interval holds, such as 0.8; null for none.")
    ] = None


class ExplanationRequest(RequestBody, frozen=True):
    """An item to explain, for a user of the table or for a new user (cold start)."""

    item: Annotated[Id, Meta(description="The item to explain, by id or exact title.")]
    user: UserId = None
    ratings: Ratings | None = None
    history: History | None = None
    k: Annotated[int, Meta(ge=1, le=100, description="Number of reasons to return.")] = 5


class AnalogyRequest(RequestBody, frozen=True):
    """Three items; the response has the items nearest to a - b + c."""

    a: ItemId
    b: ItemId
    c: ItemId
    k: K = 10
    min_ratings: MinRatings = 0


class Event(RequestBody, frozen=True):
    """A rating or a view by a user after the model was trained."""

    id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            pattern=r"^[^\x00]+$",
            description="Id of the event, chosen by the client. An event that is sent twice with one id counts once.",
        ),
    ]
    user: Annotated[Id, Meta(description="Id of the user, who may be new.")]
    item: ItemId
    kind: Annotated[Literal["rating", "view"], Meta(description="Whether the user rated or only viewed the item.")] = (
        "rating"
    )
    rating: Annotated[float | None, Meta(description="Rating on the scale of the table; not for a view.")] = None
    time: Annotated[float, Meta(ge=0, le=1e11, description="Unix time in seconds; null for now.")] | None = None


class EventsRequest(RequestBody, frozen=True):
    """Events to store; where one of them is refused, none is stored."""

    events: Annotated[
        list[Event], Meta(min_length=1, max_length=MOST_IDS, description="Events to store, all of them or none.")
    ]
