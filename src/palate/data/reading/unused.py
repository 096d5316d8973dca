"""Columns that the reading does not use -> notes that name them, and the option that takes one that looks useful."""

import re
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from palate.data.reading import dates, spellings
from palate.data.reading.columns import EARLIEST_SECONDS, Roles, plain, shortened, words
from palate.data.reading.tables import Table
from palate.data.reading.values import shown
from palate.errors import DataError, option
from palate.options import ReadingOptions

EXAMINED = 30
"""Largest number of columns whose values are looked at."""

KINDS = words("event eventtype eventname action actiontype behavior behaviour behaviortype behaviourtype interaction")
VERBS = words(
    "view views pv detailview pageview click impression shown cart addtocart purchase buy bought transaction order "
    "like favorite favourite fav wishlist share play played skip watch watched listen read download install rent return"
)
"""Names and values of kinds of events as `plain` writes them; a value in `VERBS` tells a kind under any name."""

MOST_KINDS = 20

QUANTITIES = words(
    "quantity qty amount count counts plays playcount playcounts listens nplays hours hoursplayed playtime "
    "playduration watchratio purchases clicks views orders duration frequency minutes units copies"
)
RATING_WORDS = {"rating", "ratings", "stars", "score", "scores", "grade", "liked"}
OF_ALL = {"avg", "average", "mean", "count", "num", "number", "n", "total", "sum"}
"""Words that make a name such as average_rating one of the item, not of a user's rating."""

DATE_WORDS = {"date", "time", "timestamp", "datetime", "at", "on", "when", "created", "updated"}


def unused_notes(table: Table, options: ReadingOptions, used: Collection[str]) -> Iterator[str]:
    """Yield a note that names the columns without a role, and one for each that looks like a rating, a date, a kind
    of event or a quantity, with the option that takes it.

    used: further columns that are used, such as those that describe items.
    """
    filtered = {*(options.keep or {}), *(options.drop or {})}
    names = [name for name in table.others if name not in filtered and name not in used]
    if not names:
        return
    yield f"columns not used: {shortened(names)}"
    for name in names[:EXAMINED]:
        hint = _hint(name, table.others[name], table.roles, options)
        if hint:
            yield hint


def _hint(name: str, values: pl.Series, roles: Roles, options: ReadingOptions) -> str | None:
    texts = _texts(values)
    if not len(texts):
        return None
    likeness, role = _likeness(name, texts)
    examples = ", ".join(shown(value, 30).strip("'") for value in texts.unique(maintain_order=True).head(3))
    looks = f"column {name!r} looks like a {likeness} ({examples})"
    if role == "kind":
        return f"{looks}: all kinds count alike; {option('keep', {name: texts[0]})} reads one kind only"
    free = {
        "time": roles.time is None and not roles.date and options.time is None,
        "rating": roles.rating is None and options.rating is None,
    }
    return f"{looks}: {option(role, name)} takes it" if free.get(role) else None


def _likeness(name: str, texts: pl.Series) -> tuple[str, str]:
    """Return what a column looks like, and the role that it may have; empty texts for any other column."""
    parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    numbers = texts.cast(pl.Float64, strict=False)
    numeric = not numbers.null_count()
    if _are_dates(texts, numbers if numeric else None, named=bool(parts & DATE_WORDS)):
        return "date", "time"
    if spellings.is_spelled(texts):
        return "rating", "rating"
    if texts.n_unique() <= MOST_KINDS and _are_kinds(name, texts, numeric):
        return "kind of event", "kind"
    if numeric and plain(name) in QUANTITIES:
        return "quantity", "rating"
    if numeric and parts & RATING_WORDS and not parts & OF_ALL:
        return "rating", "rating"
    return "", ""


def _are_dates(texts: pl.Series, numbers: pl.Series | None, *, named: bool) -> bool:
    if numbers is not None:
        low = float(numbers.min())  # type: ignore[arg-type]
        return named and (low >= EARLIEST_SECONDS or dates.from_digits(numbers) is not None)
    try:
        dates.from_text(texts.head(50), "", str)
    except dates.EitherOrderError:
        return True
    except DataError:
        return False
    return True


def _are_kinds(name: str, texts: pl.Series, numeric: bool) -> bool:
    kinds = texts.unique()
    if plain(name) in KINDS:
        return not numeric or len(kinds) < len(texts)
    return not numeric and 2 * sum(plain(kind) in VERBS for kind in kinds) > len(kinds)


def _texts(values: pl.Series) -> pl.Series:
    """Return the values that are there as text, none of nested ones."""
    if values.dtype == pl.Object:
        plain_values: Sequence[object] = [v for v in values if isinstance(v, str | bool | int | float)]
        texts = pl.Series([str(v).lower() if isinstance(v, bool) else str(v) for v in plain_values], dtype=pl.String)
    elif values.dtype.is_nested() or values.dtype == pl.Binary:
        return pl.Series([], dtype=pl.String)
    else:
        texts = values.cast(pl.String, strict=False).drop_nulls()
    texts = texts.str.strip_chars()
    return texts.filter(texts != "")
