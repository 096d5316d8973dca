"""Fields of paths and query strings, with their bounds."""

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from palate.service.requests import LONGEST_TEXT, MOST_CATEGORIES, MOST_IDS

SLASH = "\ue000"
"""Replaces a slash inside an id while the path is split at its other slashes."""


def unslashed(text: str) -> str:
    """Put the slashes back into a part of a path."""
    return text.replace(SLASH, "/")


UserId = Annotated[str, PathParameter(max_length=LONGEST_TEXT, description="Id of a user.")]
ItemId = Annotated[str, PathParameter(max_length=LONGEST_TEXT, description="Id of an item, or its exact title.")]
Query = Annotated[str, QueryParameter(name="query", max_length=LONGEST_TEXT, description="Text to search for.")]
K = Annotated[int, QueryParameter(ge=1, le=100, description="Number of items to return.")]
UserCount = Annotated[int, QueryParameter(ge=1, le=100, description="Number of users to return.")]
HistoryCount = Annotated[int, QueryParameter(ge=1, le=1000, description="Number of items to return.")]
Exclude = Annotated[list[str] | None, QueryParameter(max_items=MOST_IDS, description="Leave these items out.")]
Only = Annotated[list[str] | None, QueryParameter(max_items=MOST_IDS, description="Return only these items.")]
Category = Annotated[
    list[str] | None,
    QueryParameter(max_items=MOST_CATEGORIES, description="Return only items in any of these categories."),
]
MinRatings = Annotated[
    int, QueryParameter(ge=0, le=2**31, description="Return only items with at least this many ratings.")
]
Diversity = Annotated[
    float,
    QueryParameter(ge=0, le=1, description="Weight of diversity: 0 returns the best items, 1 the most different ones."),
]
Explain = Annotated[int, QueryParameter(ge=0, le=5, description="Number of reasons to return for each item.")]
Towards = Annotated[
    str | None,
    QueryParameter(
        max_length=LONGEST_TEXT,
        description="Move the item's vector in this direction first: `year`, or the name of a category.",
    ),
]
Strength = Annotated[
    float, QueryParameter(ge=-100, le=100, description="Length of the move; a negative value moves away.")
]
