"""Bodies of HTTP responses as structs; the OpenAPI document is made from them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

ItemId = Annotated[int | str, Meta(description="Id of the item.")]
Title = Annotated[str | None, Meta(description="Title of the item; null without one.")]
GivenRating = Annotated[float | None, Meta(description="The user's rating of the item; null without one.")]
Note = Annotated[str | None, Meta(description="What the reader of the answer should know; null for nothing.")]


class Item(msgspec.Struct, frozen=True):
    """An item of the catalogue."""

    id: ItemId
    title: Title
    categories: Annotated[list[str], Meta(description="Categories of the item, such as genres.")]
    year: Annotated[int | None, Meta(description="Year in the title.")]
    ratings: Annotated[int, Meta(description="Number of ratings in the training table.")]
    mean: Annotated[float | None, Meta(description="Mean rating; null in a table without ratings.")]


class Reason(msgspec.Struct, frozen=True):
    """An item of the user's history that a score depends on."""

    id: ItemId
    title: Title
    loss: Annotated[float, Meta(description="Score with this event of the history minus score without it.")]


class RatedReason(Reason, frozen=True, kw_only=True):
    """A reason with the user's rating of the item."""

    rating: GivenRating


class RecommendedItem(Item, frozen=True):
    """An item of a top-N list."""

    score: Annotated[float, Meta(description="Score that the model ranks by.")]
    rating: Annotated[float | None, Meta(description="The predicted rating, within the scale.")] = None
    because: Annotated[list[Reason], Meta(description="The largest reasons, where the request asks for them.")] = []


class Recommendations(msgspec.Struct, frozen=True):
    """A top-N list, best item first."""

    items: Annotated[list[RecommendedItem], Meta(description="The list, best item first.")]
    note: Note = None


class Prediction(msgspec.Struct, frozen=True):
    """The predicted rating of an item, with its interval where the request asks for one."""

    id: ItemId
    title: Title
    rating: Annotated[float, Meta(description="The predicted rating, within the scale.")]
    low: Annotated[float | None, Meta(description="Lower bound of the interval.")] = None
    high: Annotated[float | None, Meta(description="Upper bound of the interval.")] = None


class Predictions(msgspec.Struct, frozen=True):
    """Predicted ratings in the order of the requested items."""

    predictions: Annotated[list[Prediction], Meta(description="A prediction for each item, in the same order.")]


class Explanation(msgspec.Struct, frozen=True):
    """The score of an item and the events of the history that it depends on most."""

    item: Annotated[Item, Meta(description="The explained item.")]
    score: Annotated[float, Meta(description="Score of the item.")]
    reasons: Annotated[list[RatedReason], Meta(description="Events of the history, the largest loss first.")]
    note: Note = None


class Items(msgspec.Struct, frozen=True):
    """Items with the most ratings first."""

    items: Annotated[list[Item], Meta(description="Matching items, the most rated first.")]


class RatingCount(msgspec.Struct, frozen=True):
    """A rating and the number of times it was given."""

    rating: Annotated[float, Meta(description="A rating.")]
    count: Annotated[int, Meta(description="Number of times that it was given.")]


class MapPosition(msgspec.Struct, frozen=True):
    """Coordinates of an item on the map, from -1 to 1."""

    x: Annotated[float, Meta(description="Horizontal coordinate, from -1 to 1.")]
    y: Annotated[float, Meta(description="Vertical coordinate, from -1 to 1.")]


class ItemDetails(Item, frozen=True, kw_only=True):
    """An item with its rating counts, its position on the map and its text."""

    histogram: Annotated[list[RatingCount], Meta(description="Number of times that each rating was given.")]
    map: Annotated[MapPosition | None, Meta(description="Position on the map; null without one.")]
    overview: Annotated[str | None, Meta(description="Text of the item; null without one.")]


class ScoredItem(Item, frozen=True):
    """An item with its similarity."""

    score: Annotated[float, Meta(description="Similarity (cosine).")]


class ScoredItems(msgspec.Struct, frozen=True):
    """Items with the highest score first."""

    items: Annotated[list[ScoredItem], Meta(description="Items, the most similar first.")]


class Analogy(msgspec.Struct, frozen=True):
    """The answer to an analogy beside two controls: c alone, and a random pair in place of a and b."""

    answer: Annotated[list[ScoredItem], Meta(description="The items nearest to a - b + c.")]
    plain: Annotated[list[ScoredItem], Meta(description="The items nearest to c alone.")]
    shuffled: Annotated[list[ScoredItem], Meta(description="The items nearest to c with a random pair.")]
    shared_plain: Annotated[int, Meta(description="Number of items in both `answer` and `plain`.")]
    shared_shuffled: Annotated[
        float, Meta(description="Mean number of items that `answer` shares with the list of a random pair.")
    ]
    sentence: Annotated[str, Meta(description="The numbers of shared items in one sentence.")]


class User(msgspec.Struct, frozen=True):
    """A user of the training table."""

    id: Annotated[int | str, Meta(description="Id of the user.")]
    ratings: Annotated[int, Meta(description="Number of the user's events in the training table.")]


class Users(msgspec.Struct, frozen=True):
    """Users with the most events first."""

    users: Annotated[list[User], Meta(description="Matching users, those with the most events first.")]


class HistoryItem(Item, frozen=True, kw_only=True):
    """An item of a user's history, with the user's rating and its time."""

    rating: GivenRating
    time: Annotated[float | None, Meta(description="Unix time in seconds.")]


class UserHistory(msgspec.Struct, frozen=True):
    """The history of a user."""

    items: Annotated[list[HistoryItem], Meta(description="Events of the user.")]


class EventsResult(msgspec.Struct, frozen=True):
    """The number of events that were stored now, and of those that were stored before."""

    accepted: Annotated[int, Meta(description="Number of events that were stored now.")]
    repeated: Annotated[int, Meta(description="Number of events that had been stored before.")]


class MapItem(msgspec.Struct, frozen=True):
    """An item on the map."""

    id: ItemId
    title: Title
    x: Annotated[float, Meta(description="Horizontal coordinate, from -1 to 1.")]
    y: Annotated[float, Meta(description="Vertical coordinate, from -1 to 1.")]
    category: Annotated[int, Meta(description="Index of the item's first category in `categories`, -1 for none.")]
    ratings: Annotated[int, Meta(description="Number of ratings in the training table.")]


class ItemMap(msgspec.Struct, frozen=True):
    """The items with the most ratings on a plane; items with similar vectors are near each other."""

    width_of_axis: Annotated[float, Meta(description="Largest coordinate; the smallest is its negative.")]
    categories: Annotated[list[str], Meta(description="Categories that `category` of an item counts in.")]
    items: Annotated[list[MapItem], Meta(description="Items on the map.")]


class ModelInfo(msgspec.Struct, frozen=True):
    """The served model: its table, settings, training and metrics."""

    name: Annotated[str, Meta(description="Name of the model, such as svdpp.")]
    title: Annotated[str | None, Meta(description="Name of the data set, where it is a known one.")]
    settings: Annotated[dict[str, Any], Meta(description="Hyperparameters.")]
    seed: Annotated[int, Meta(description="Random seed of the training.")]
    trained: Annotated[str | None, Meta(description="Time at which the artifact was written, ISO 8601, UTC.")]
    palate: Annotated[str, Meta(description="Version of Palate.")]
    size_bytes: Annotated[int, Meta(description="Size of the model's folder.")]
    users: Annotated[int, Meta(description="Number of users in the table.")]
    items: Annotated[int, Meta(description="Number of items in the table.")]
    ratings: Annotated[int, Meta(description="Number of events in the table.")]
    sparsity: Annotated[float, Meta(description="Share of user-item pairs without an event.")]
    scale: Annotated[
        tuple[float, float] | None, Meta(description="Lowest and highest rating; null in a table without ratings.")
    ]
    rating_counts: Annotated[list[RatingCount], Meta(description="Number of times that each rating was given.")]
    predicts_ratings: Annotated[bool, Meta(description="Whether `POST /v1/predictions` answers.")]
    has_vectors: Annotated[bool, Meta(description="Whether the model has item vectors, for analogies and directions.")]
    has_map: Annotated[bool, Meta(description="Whether `GET /v1/map` answers.")]
    categories: Annotated[list[str], Meta(description="All categories of the items.")]
    split: Annotated[
        dict[str, str | float], Meta(description="Method and shares of the split, and a hash of its parts.")
    ]
    history: Annotated[list[dict[str, float]], Meta(description="Losses of each epoch.")]
    metrics: Annotated[dict[str, float], Meta(description="Metrics on the test part.")]
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
    detail: Annotated[str, Meta(description="What is wrong, in one sentence.")]
    where: Annotated[str | None, Meta(description="The part of the request, such as query.k.")] = None
