"""Ratings and ids that may not be what they seem -> Findings: values that mean "none", counts, ratings all alike, ids
that lack."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.data.vocabulary import Vocabulary, as_integers
from palate.errors import option

NONE = (-1.0, 0.0, 9.0, 99.0, 999.0, 9999.0, -9.0, -99.0, -999.0, -9999.0)
"""Numbers that tables write for a rating that lacks."""

MISSING = frozenset(
    {"null", "nan", "none", "na", "n/a", "<na>", "#n/a", "nil", "\\n", "(null)", "undefined", "missing"}
)
"""Texts that programs write for an id that lacks, in lower case."""

MOST_STARS = 20
"""Up to this highest rating a scale begins at 1, so that 0 may mean "none"; 0 of 100 is a rating."""

MOST_GRADES = 11
"""Ratings with at most so many values are grades, not counts."""

TAIL, LONG_TAIL = 3.0, 10.0
"""Whole numbers are counts if their 95th percentile is TAIL medians or more, and the largest LONG_TAIL or more."""

INVISIBLE = "[\\s\u00ad\u200b-\u200f\u2060\ufeff]"


@dataclass(frozen=True)
class Finding:
    """One property of the data that the user should know."""

    severity: str
    """"warning": figures or models may be wrong; "note": good to know."""
    count: int
    what: str
    advice: str


def of_ratings(ratings: NDArray[np.float32]) -> Iterator[Finding]:
    """Yield what is doubtful about ratings (n,), n > 0: all alike, a value that may mean "none", or counts."""
    low, high = float(ratings.min()), float(ratings.max())
    if low == high:
        yield Finding(
            "warning",
            len(ratings),
            f"ratings are all the same ({low:g}): there is nothing to predict",
            f"this is a table of events: {option('rating', False)} reads it so, for lists",
        )
        return
    for value in {low, high}.intersection(NONE):
        rest = ratings[ratings != value]
        if _means_none(value, float(rest.min()), float(rest.max())):
            yield Finding(
                "warning",
                len(ratings) - len(rest),
                f"ratings are {value:g} beside others from {rest.min():g} to {rest.max():g}",
                f"if {value:g} means 'no rating', {option('drop', {'rating': f'{value:g}'})} leaves these rows out",
            )
    if low >= 0 and high > MOST_GRADES and are_counts(ratings):
        yield Finding(
            "warning",
            len(ratings),
            f"ratings look like counts, from {low:g} to {high:g} with half of them up to {np.median(ratings):g}",
            f"{option('rating', False)} learns lists without them; or give their logarithm",
        )


def _means_none(value: float, low: float, high: float) -> bool:
    """Return whether a value below or above the ratings from `low` to `high` looks like one that means "none"."""
    if low == high:
        return False
    if value == 0:
        return low >= 1 and high <= MOST_STARS
    if value == -1:
        return low >= 1 or (low >= 0 and high >= 3)
    return max(low - value, value - high) > high - low


def are_counts(ratings: NDArray[np.float32]) -> bool:
    """Return whether ratings of 0 and more are whole numbers with a long tail."""
    sample = ratings[:: max(1, len(ratings) // 100_000)]
    if len(np.unique(sample)) <= MOST_GRADES or (sample != np.floor(sample)).any():
        return False
    middle, most = np.quantile(sample, [0.5, 0.95])
    middle = max(float(middle), 1.0)
    return bool(most >= TAIL * middle and sample.max() >= LONG_TAIL * middle)


def of_ids(vocabulary: Vocabulary, rows: NDArray[np.int32]) -> Iterator[Finding]:
    """Yield what is doubtful about ids: text that means none, or one that is no integer where all others are.

    rows: (n,) of the events.
    """
    if not vocabulary.is_text:
        return
    ids, kind = vocabulary.ids, vocabulary.kind
    missing = ids.str.strip_chars().str.to_lowercase().is_in(list(MISSING))
    odd = missing.arg_true().to_list()
    if not odd and len(ids) > 2:
        others = ids.cast(pl.Int64, strict=False).is_null()
        odd = others.arg_true().to_list() if others.sum() == 1 else []
        if odd and as_integers(ids.filter(~others)).dtype == pl.String:
            return
    for row in odd:
        rest = ids.filter(pl.Series(np.arange(len(ids)) != row))
        as_text = "; it is no integer where all others are" if as_integers(rest).dtype != pl.String else ""
        yield Finding(
            "warning",
            int((rows == row).sum()),
            f"rows have the {kind} {ids[row]!r}{as_text}",
            f"if that is a missing id, many {kind}s became one: {option('drop', {kind: ids[row]})} leaves the rows out",
        )


def look_alikes(vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield ids that differ only in what nobody sees, and ids that all carry blanks."""
    if not vocabulary.is_text:
        return
    ids, kind = vocabulary.ids, vocabulary.kind
    blank = ids != ids.str.strip_chars()
    if blank.all():
        yield Finding(
            "warning",
            len(ids),
            f"{kind} ids all begin or end with a blank, such as {ids[0]!r}",
            "the blank is part of the id: if it follows the separator, name both as the separator, such as "
            f"{option('separator', ', ')}",
        )
    bare = _bare(ids)
    alike = bare.is_duplicated()
    if alike.any():
        first, second = ids.filter(bare == bare.filter(alike)[0]).to_list()[:2]
        yield Finding(
            "warning",
            int(alike.sum()),
            f"{kind} ids differ only by case or spaces, or in ways that are not seen, such as "
            f"{ascii_where_alike(first, second)} and {ascii_where_alike(second, first)}",
            f"spell the ids of one {kind} alike: now they count as different {kind}s",
        )


def _bare(ids: pl.Series) -> pl.Series:
    """Return ids in lower case, composed, without spaces and signs of no width."""
    return ids.str.normalize("NFKC").str.replace_all(INVISIBLE, "").str.to_lowercase()


def ascii_where_alike(text: str, other: str) -> str:
    """Return a text in quotes, with escapes for what only they tell from the other text."""
    seen = [unicodedata.normalize("NFC", one).translate(dict.fromkeys(range(0x200B, 0x2010))) for one in (text, other)]
    return ascii(text) if seen[0] == seen[1] else repr(text)
