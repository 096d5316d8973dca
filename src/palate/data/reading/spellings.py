"""Ratings that are written otherwise than as numbers: true and false, thumbs, stars, 4/5, 80%."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from palate.data.reading.columns import words
from palate.data.reading.values import Place, refuse, shown
from palate.errors import DataError

YES = frozenset(words("true yes y t like liked up thumbsup 👍 recommended positive"))
NO = frozenset(words("false no n f dislike disliked down thumbsdown 👎 notrecommended negative"))
"""Words of two ratings, 1 and 0, in lower case without blanks and signs."""

OF = r"^(\d+(?:\.\d+)?) *(?:/|out of|of) *(\d+)$"
PERCENT = r"^(\d+(?:\.\d+)?) *%$"
STARRED = r"^([★⭐]+)(½?)[☆✩]*$"
STARS = r"^(\d+(?:\.\d+)?) *stars?$"


class Spelling(NamedTuple):
    """One way of writing ratings."""

    name: str
    """What the notes say of it."""
    read: Callable[[pl.Series], pl.Series]
    """Returns the ratings of texts as Float64, null where one is written otherwise."""


def _bare(text: pl.Series) -> pl.Series:
    return text.str.to_lowercase().str.replace_all("[\\s_\\-\ufe0f]|[\U0001f3fb-\U0001f3ff]", "")


def _yes_or_no(text: pl.Series) -> pl.Series:
    words: Mapping[str, float] = dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0)
    return _bare(text).replace_strict(words, default=None, return_dtype=pl.Float64)


def _number(pattern: str) -> Callable[[pl.Series], pl.Series]:
    return lambda text: text.str.to_lowercase().str.extract(pattern).cast(pl.Float64, strict=False)


def _starred(text: pl.Series) -> pl.Series:
    groups = text.str.replace_all("[\\s\ufe0f]", "").str.extract_groups(STARRED).struct
    whole, half = groups.field("1").str.len_chars(), groups.field("2").str.len_chars()
    return whole.cast(pl.Float64) + half.fill_null(0) / 2


SPELLINGS = (
    Spelling("false and true as 0 and 1", _yes_or_no),
    Spelling("out of {most}", _number(OF)),
    Spelling("percent", _number(PERCENT)),
    Spelling("stars", _starred),
    Spelling("stars", _number(STARS)),
)


def spelling_of(text: str) -> Spelling | None:
    """Return the way in which a text writes a rating; None for a number and for what is no rating."""
    sample = pl.Series([text.strip()])
    return next((spelling for spelling in SPELLINGS if not spelling.read(sample).null_count()), None)


def from_text(column: pl.Series, name: str, place: Place) -> tuple[pl.Series, str] | None:
    """Return ratings (n,) Float64 of texts or truth values, and how they are written; None if the first is a number.

    Raises:
        DataError: another rating is written otherwise, or is out of another number.
    """
    text = column.cast(pl.String).str.strip_chars()
    spelling = spelling_of(text[0]) if len(text) else None
    if spelling is None:
        return None
    ratings = spelling.read(text)
    refuse(column, ratings.is_null(), name, place, f"is no rating such as {shown(column[0])}")
    return ratings, spelling.name.format(most=_most(text, name, place))


def _most(text: pl.Series, name: str, place: Place) -> str:
    """Return the 5 of 4/5, which is the same in all rows; an empty text for other spellings."""
    most = text.str.to_lowercase().str.extract(OF, 2)
    other = most.ne_missing(most.head(1))
    if other.any():
        row = int(other.arg_max() or 0)
        raise DataError(
            f"{place(row)}: column {name!r} is out of {most[row]}, {shown(text[row])}, but out of {most[0]} "
            f"at {place(0)}; bring all ratings to one scale"
        )
    return most[0] or ""


def is_spelled(values: pl.Series) -> bool:
    """Return whether each of these texts is a rating in one of these spellings."""
    first = spelling_of(values[0])
    return first is not None and not first.read(values.str.strip_chars()).null_count()
