"""What goes over the wire: every question and answer as a struct, from which the OpenAPI document is made."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

LONGEST_HISTORY = 5_000
"""Events of a person who asks with their history, at most."""

MOST_IDS = 1_000
"""Ids in a list of a question, at most."""

MOST_CATEGORIES = 100

LONGEST_TEXT = 512

Text = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Id = int | Text
"""The table's own: an integer where its ids are integers, else text; of an item also the exact title."""

Ids = Annotated[list[Id], Meta(max_length=MOST_IDS)]
K = Annotated[int, Meta(ge=1, le=100, description="How many.")]
MinRatings = Annotated[int, Meta(ge=0, le=2**31, description="Only what has been rated so often, at least.")]
Diversity = Annotated[float, Meta(ge=0, le=1, description="0 for the best items, 1 for the most different ones.")]
Explain = Annotated[int, Meta(ge=0, le=5, description="How many reasons to give for each item.")]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every question."""


class Rating(Asked, frozen=True):
    item: Id
    rating: float


Ratings = Annotated[list[Rating], Meta(max_length=LONGEST_HISTORY)]
History = Annotated[list[Id], Meta(max_length=LONGEST_HISTORY, description="Items, oldest first.")]


class RecommendationsAsked(Asked, frozen=True):
    """A person never seen, with what they rated, or with the items alone; and what the list may hold."""

    ratings: Ratings | None = None
    history: History | None = None
    k: K = 10
    exclude: Ids = []
    only: Ids | None = None
    category: Text | Annotated[list[Text], Meta(max_length=MOST_CATEGORIES)] = []
    min_ratings: MinRatings = 0
    diversity: Diversity = 0.0
    explain: Explain = 0


class PredictionsAsked(Asked, frozen=True):
    items: Annotated[list[Id], Meta(min_length=1, max_length=MOST_IDS)]
    user: Id | None = None
    ratings: Ratings | None = None
    interval: float | None = None


class ExplanationAsked(Asked, frozen=True):
    item: Id
    user: Id | None = None
    ratings: Ratings | None = None
    history: History | None = None
    k: K = 5


class AnalogyAsked(Asked, frozen=True):
    """The items nearest to a - b + c."""

    a: Id
    b: Id
    c: Id
    k: K = 10
    min_ratings: MinRatings = 0


class Event(Asked, frozen=True):
    """Something a person did, after the model was trained."""

    id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            pattern=r"^[^\x00]+$",
            description="The client's own; sent again, it counts once.",
        ),
    ]
    user: Id
    item: Id
    kind: Literal["rating", "view"] = "rating"
    rating: float | None = None
    time: Annotated[float, Meta(ge=0, le=1e11, description="Unix seconds; now if not given.")] | None = None


class EventsPosted(Asked, frozen=True):
    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_IDS)]


class Item(msgspec.Struct, frozen=True):
    id: int | str
    title: str | None
    categories: list[str]
    year: int | None
    ratings: Annotated[int, Meta(description="How many people rated it.")]
    mean: Annotated[float | None, Meta(description="Their mean rating.")]


class Reason(msgspec.Struct, frozen=True):
    """A rating of the person, and what the item's score would lose without it."""

    id: int | str
    title: str | None
    loss: float


class RatedReason(Reason, frozen=True, kw_only=True):
    rating: float | None


class Ranked(Item, frozen=True):
    score: float
    rating: Annotated[float | None, Meta(description="The predicted rating, within the scale.")] = None
    because: list[Reason] = []


class RankedList(msgspec.Struct, frozen=True):
    items: list[Ranked]
    note: str | None = None


class Prediction(msgspec.Struct, frozen=True):
    id: int | str
    title: str | None
    rating: float
    low: float | None = None
    high: float | None = None


class Predictions(msgspec.Struct, frozen=True):
    predictions: list[Prediction]


class Explanation(msgspec.Struct, frozen=True):
    item: Item
    score: float
    reasons: list[RatedReason]
    note: str | None = None


class Items(msgspec.Struct, frozen=True):
    items: list[Item]


class Count(msgspec.Struct, frozen=True):
    rating: float
    count: int


class Place(msgspec.Struct, frozen=True):
    x: float
    y: float


class WholeItem(Item, frozen=True, kw_only=True):
    histogram: list[Count]
    map: Place | None
    overview: str | None


class Scored(Item, frozen=True):
    score: float


class ScoredItems(msgspec.Struct, frozen=True):
    items: list[Scored]


class Analogy(msgspec.Struct, frozen=True):
    """An answer beside what needs no analogy: the nearest to c alone, and with a random pair in place of a and b."""

    answer: list[Scored]
    plain: list[Scored]
    shuffled: list[Scored]
    shared_plain: int
    shared_shuffled: float
    sentence: str


class User(msgspec.Struct, frozen=True):
    id: int | str
    ratings: int


class Users(msgspec.Struct, frozen=True):
    users: list[User]


class Met(Item, frozen=True, kw_only=True):
    rating: float | None
    time: float | None


class Past(msgspec.Struct, frozen=True):
    items: list[Met]


class Accepted(msgspec.Struct, frozen=True):
    accepted: int
    repeated: int


class Point(msgspec.Struct, frozen=True):
    id: int | str
    title: str | None
    x: float
    y: float
    category: Annotated[int, Meta(description="The place of its first category in `categories`, -1 for none.")]
    ratings: int


class Map(msgspec.Struct, frozen=True):
    width_of_axis: float
    categories: list[str]
    items: list[Point]


class About(msgspec.Struct, frozen=True):
    """The model that answers."""

    name: str
    title: str | None
    settings: dict[str, Any]
    seed: int
    trained: str | None
    palate: str
    size_bytes: int
    users: int
    items: int
    ratings: int
    sparsity: float
    scale: tuple[float, float] | None
    rating_counts: list[Count]
    predicts_ratings: bool
    has_vectors: bool
    has_map: bool
    categories: list[str]
    split: dict[str, str | float]
    history: list[dict[str, float]]
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    half_widths: dict[str, float]
    knows_spread: bool
    """Whether half widths are in standard deviations of each predicted rating, which the model knows."""
    notes: list[str]
    fingerprint: str


class Error(msgspec.Struct, frozen=True):
    error: Annotated[str, Meta(description="A word for programs, such as unknown_item.")]
    detail: Annotated[str, Meta(description="A line for a person.")]
    where: Annotated[str | None, Meta(description="The part of the question, such as query.k.")] = None
