"""What stands in addresses: the fields of paths and query strings, with their bounds."""

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from palate.service.schemas import LONGEST_TEXT, MOST_CATEGORIES, MOST_IDS

SLASH = "\ue000"
"""What stands for a slash inside an id, while paths are taken apart at the others."""


def unslashed(text: str) -> str:
    """A part of a path as it was meant."""
    return text.replace(SLASH, "/")


UserId = Annotated[str, PathParameter(max_length=LONGEST_TEXT, description="A user's id.")]
ItemId = Annotated[str, PathParameter(max_length=LONGEST_TEXT, description="An item's id, or its exact title.")]
Query = Annotated[str, QueryParameter(name="query", max_length=LONGEST_TEXT, description="What has been typed.")]
K = Annotated[int, QueryParameter(ge=1, le=100, description="How many.")]
LongK = Annotated[int, QueryParameter(ge=1, le=1000, description="How many.")]
Exclude = Annotated[list[str] | None, QueryParameter(max_items=MOST_IDS, description="Items that must not appear.")]
Only = Annotated[list[str] | None, QueryParameter(max_items=MOST_IDS, description="The only items that may.")]
Category = Annotated[list[str] | None, QueryParameter(max_items=MOST_CATEGORIES, description="Items in any of them.")]
MinRatings = Annotated[int, QueryParameter(ge=0, le=2**31, description="Only what has been rated so often, at least.")]
Diversity = Annotated[
    float, QueryParameter(ge=0, le=1, description="0 for the best items, 1 for the most different ones.")
]
Explain = Annotated[int, QueryParameter(ge=0, le=5, description="How many reasons to give for each item.")]
Towards = Annotated[
    str | None,
    QueryParameter(max_length=LONGEST_TEXT, description="year or a category: the item is moved this way first."),
]
Strength = Annotated[float, QueryParameter(ge=-100, le=100, description="How far; negative: away.")]
