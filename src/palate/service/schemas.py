"""Bodies of HTTP requests and responses as structs; the OpenAPI document is made from them."""

from typing import Annotated, Any, Literal

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

Ids = Annotated[list[Id], Meta(max_length=MOST_IDS)]
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

    item: Id
    rating: float


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
    exclude: Ids = []
    only: Ids | None = None
    category: Text | Annotated[list[Text], Meta(max_length=MOST_CATEGORIES)] = []
    min_ratings: MinRatings = 0
    diversity: Diversity = 0.0
    explain: Explain = 0


class PredictionRequest(RequestBody, frozen=True):
    """Items to predict ratings of, for a user of the table or for a new user (cold start)."""

    items: Annotated[list[Id], Meta(min_length=1, max_length=MOST_IDS)]
    user: Id | None = None
    ratings: Ratings | None = None
    interval: Annotated[
        float | None, Meta(description="Share of real ratings that the interval holds, such as 0.8; null for none.")
    ] = None


class ExplanationRequest(RequestBody, frozen=True):
    """An item to explain, for a user of the table or for a new user (cold start)."""

    item: Id
    user: Id | None = None
    ratings: Ratings | None = None
    history: History | None = None
    k: Annotated[int, Meta(ge=1, le=100, description="Number of reasons to return.")] = 5


class AnalogyRequest(RequestBody, frozen=True):
    """Three items; the response has the items nearest to a - b + c."""

    a: Id
    b: Id
    c: Id
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
            description="An id chosen by the client. An event that is sent again with the same id counts once.",
        ),
    ]
    user: Id
    item: Id
    kind: Literal["rating", "view"] = "rating"
    rating: float | None = None
    time: Annotated[float, Meta(ge=0, le=1e11, description="Unix time in seconds; null for now.")] | None = None


class EventsRequest(RequestBody, frozen=True):
    """Events to store; where one of them is refused, none is stored."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_IDS)]


class Item(msgspec.Struct, frozen=True):
    """An item of the catalogue."""

    id: int | str
    title: str | None
    categories: list[str]
    year: int | None
    ratings: Annotated[int, Meta(description="Number of ratings in the training table.")]
    mean: Annotated[float | None, Meta(description="Mean rating.")]


class Reason(msgspec.Struct, frozen=True):
    """An item of the user's history that a score depends on."""

    id: int | str
    title: str | None
    loss: Annotated[float, Meta(description="Score with this event of the history minus score without it.")]


class RatedReason(Reason, frozen=True, kw_only=True):
    """A reason with the user's rating of the item."""

    rating: float | None


class RecommendedItem(Item, frozen=True):
    """An item of a top-N list."""

    score: float
    rating: Annotated[float | None, Meta(description="The predicted rating, within the scale.")] = None
    because: Annotated[list[Reason], Meta(description="The largest reasons, where the request asks for them.")] = []


class Recommendations(msgspec.Struct, frozen=True):
    """A top-N list, best item first."""

    items: list[RecommendedItem]
    note: str | None = None


class Prediction(msgspec.Struct, frozen=True):
    """The predicted rating of an item, with its interval where the request asks for one."""

    id: int | str
    title: str | None
    rating: float
    low: float | None = None
    high: float | None = None


class Predictions(msgspec.Struct, frozen=True):
    """Predicted ratings in the order of the requested items."""

    predictions: list[Prediction]


class Explanation(msgspec.Struct, frozen=True):
    """The score of an item and the events of the history that it depends on most."""

    item: Item
    score: float
    reasons: list[RatedReason]
    note: str | None = None


class Items(msgspec.Struct, frozen=True):
    """Items with the most ratings first."""

    items: list[Item]


class RatingCount(msgspec.Struct, frozen=True):
    """How often a rating was given."""

    rating: float
    count: int


class MapPosition(msgspec.Struct, frozen=True):
    """Coordinates of an item on the map, from -1 to 1."""

    x: float
    y: float


class ItemDetails(Item, frozen=True, kw_only=True):
    """An item with its rating counts, its position on the map and its text."""

    histogram: list[RatingCount]
    map: MapPosition | None
    overview: str | None


class ScoredItem(Item, frozen=True):
    """An item with its similarity."""

    score: float


class ScoredItems(msgspec.Struct, frozen=True):
    """Items with the highest score first."""

    items: list[ScoredItem]


class Analogy(msgspec.Struct, frozen=True):
    """The answer to an analogy beside two controls: c alone, and a random pair in place of a and b."""

    answer: list[ScoredItem]
    plain: Annotated[list[ScoredItem], Meta(description="The items nearest to c alone.")]
    shuffled: Annotated[list[ScoredItem], Meta(description="The items nearest to c with a random pair.")]
    shared_plain: Annotated[int, Meta(description="Number of items in both `answer` and `plain`.")]
    shared_shuffled: Annotated[
        float, Meta(description="Mean number of items that `answer` shares with the list of a random pair.")
    ]
    sentence: str


class User(msgspec.Struct, frozen=True):
    """A user of the training table."""

    id: int | str
    ratings: Annotated[int, Meta(description="Number of the user's events in the training table.")]


class Users(msgspec.Struct, frozen=True):
    """Users with the most events first."""

    users: list[User]


class HistoryItem(Item, frozen=True, kw_only=True):
    """An item of a user's history, with the user's rating and its time."""

    rating: float | None
    time: Annotated[float | None, Meta(description="Unix time in seconds.")]


class UserHistory(msgspec.Struct, frozen=True):
    """The history of a user."""

    items: list[HistoryItem]


class EventsResult(msgspec.Struct, frozen=True):
    """The number of events that were stored now, and of those that were stored before."""

    accepted: int
    repeated: int


class MapItem(msgspec.Struct, frozen=True):
    """An item on the map."""

    id: int | str
    title: str | None
    x: float
    y: float
    category: Annotated[int, Meta(description="Index of the item's first category in `categories`, -1 for none.")]
    ratings: int


class ItemMap(msgspec.Struct, frozen=True):
    """The items with the most ratings on a plane; items with similar vectors are near each other."""

    width_of_axis: float
    categories: list[str]
    items: list[MapItem]


class ModelInfo(msgspec.Struct, frozen=True):
    """The served model: its table, settings, training and metrics."""

    name: str
    title: Annotated[str | None, Meta(description="Name of the data set, where it is a known one.")]
    settings: dict[str, Any]
    seed: int
    trained: Annotated[str | None, Meta(description="Time at which the artifact was written, ISO 8601, UTC.")]
    palate: Annotated[str, Meta(description="Version of Palate.")]
    size_bytes: int
    users: int
    items: int
    ratings: int
    sparsity: Annotated[float, Meta(description="Share of user-item pairs without an event.")]
    scale: tuple[float, float] | None
    rating_counts: list[RatingCount]
    predicts_ratings: bool
    has_vectors: bool
    has_map: bool
    categories: list[str]
    split: dict[str, str | float]
    history: Annotated[list[dict[str, float]], Meta(description="Losses of each epoch.")]
    metrics: dict[str, float]
    baselines: Annotated[dict[str, dict[str, float]], Meta(description="Metrics of each baseline.")]
    half_widths: Annotated[
        dict[str, float], Meta(description="Half width of the prediction interval for each share of real ratings.")
    ]
    knows_spread: Annotated[
        bool,
        Meta(description="Whether half widths are in standard deviations, which the model predicts for each rating."),
    ]
    notes: Annotated[list[str], Meta(description="What the reader of the table used and left out.")]
    fingerprint: Annotated[str, Meta(description="Hash of the training table.")]


class Error(msgspec.Struct, frozen=True):
    """An HTTP error response."""

    error: Annotated[str, Meta(description="A code for programs, such as unknown_item.")]
    detail: Annotated[str, Meta(description="A sentence for people.")]
    where: Annotated[str | None, Meta(description="The part of the request, such as query.k.")] = None
