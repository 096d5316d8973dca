"""Values that describe an item -> a text, or categories: split at bars, semicolons or commas, or lists already."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from palate.data.reading.literals import list_in

SIGNS = ("|", ";", ",")
"""What separates categories in a text; the first one that a column has separates all of its texts."""

NO_GENRES = "(no genres listed)"
NONE = ("", NO_GENRES, "\\N")
"""Texts that stand for no category, as MovieLens and IMDb write them."""

NAMES = ("name", "description", "title", "label")
"""Keys under which a category that is an object has its name."""


def sentence(value: Any) -> str | None:
    """Return any value as text, lists joined by blanks; None if it is empty."""
    return " ".join(_words(value)) or None


def sign_of(values: Sequence[Any]) -> str:
    """Return what separates the categories in the texts of a column; "|" if none has such a sign.

    In lists, only a bar separates further.
    """
    texts = [value for value in values if isinstance(value, str) and list_in(value.strip()) is None]
    return next((sign for sign in SIGNS if any(sign in text for text in texts)), "|")


def split_at(values: Sequence[Any]) -> str:
    """Return what notes say of how the categories of a column are split; an empty text for the usual bars."""
    sign = sign_of(values)
    return "" if sign == "|" else f", split at {sign!r}"


def categories(values: Sequence[Any]) -> list[list[str]]:
    """Return the categories of each item, without repeats, from values such as 'A|B', 'A, B', "['A', 'B']" or None."""
    sign = sign_of(values)
    return [[*dict.fromkeys(_categories(value, sign))] for value in values]


def _categories(value: Any, sign: str) -> Iterator[str]:
    if isinstance(value, str):
        listed = list_in(value.strip())
        words = _words(listed) if listed is not None else _words(value)
        sign = "|" if listed is not None else sign
    else:
        words, sign = _words(value), "|"
    for word in words:
        yield from (part.strip() for part in word.split(sign) if part.strip() not in NONE)


def _words(value: Any) -> list[str]:
    """Return the texts in a value and its nested lists; of an object, its name."""
    if isinstance(value, list | tuple | pl.Series | np.ndarray):
        return [word for element in value for word in _words(element)]
    if isinstance(value, dict) and any(isinstance(value.get(key), str) for key in NAMES):
        value = next(value[key] for key in NAMES if isinstance(value.get(key), str))
    if value is None or value != value:
        return []
    word = str(value).strip()
    return [word] if word else []
