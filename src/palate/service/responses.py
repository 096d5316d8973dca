"""Bodies of HTTP responses as structs; the OpenAPI document is made from them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta


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
    """A rating and the number of times it was given."""

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
