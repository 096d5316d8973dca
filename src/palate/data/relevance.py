"""Relevant events: those that say that a user likes an item."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from palate.data.interactions import Interactions
from palate.errors import option

FEW = 0.05
"""With a smaller share of relevant ratings, models of lists learn little."""

LIKED = Decimal("0.75")
"""A rating is relevant from this share of the scale on: from 4 on a scale of 1 to 5."""


def relevant(events: Interactions, scale: tuple[float, float] | None) -> Interactions:
    """Return the relevant events: those rated at `LIKED` of the scale or above, or all if there are no ratings.

    scale: `Interactions.usual_scale` of the events that a model knows.
    """
    if events.ratings is None or scale is None:
        return events
    return events.where(events.ratings >= least_liked(scale))


def least_liked(scale: tuple[float, float]) -> float:
    """Return the lowest relevant rating on a scale (low, high) as float32 holds it.

    It is computed in decimals, as people write ratings: of 0 to 1.2 it is 0.9, which binary arithmetic misses.
    """
    low, high = (Decimal(str(np.float32(end))) for end in scale)
    return float(np.float32(float(low + LIKED * (high - low))))


class LikedRatings(NamedTuple):
    """The ratings of a table that are liked, and what is unusual about them ("" where nothing is)."""

    least: float
    liked: int
    total: int
    problem: str
    advice: str

    def __str__(self) -> str:
        shown = f"liked: rated {self.least:g} or above, {self.liked:,} of {self.total:,} ratings"
        share = f" ({self.liked / self.total:.0%})"
        return f"{shown}{share}" + (f"; {self.problem}: {self.advice}" if self.problem else "")


def liked_ratings(table: Interactions) -> LikedRatings | None:
    """Return which ratings of a table are liked; None if the table has no ratings."""
    if table.ratings is None or table.usual_scale is None or table.scale is None:
        return None
    least, usual, (low, high) = least_liked(table.usual_scale), table.usual_scale, table.scale
    liked = LikedRatings(least, int((table.ratings >= least).sum()), len(table), "", "")
    if usual.low == usual.high < high:
        problem = (
            f"ratings have a long tail, from {low:g} to {high:g}, as counts have, so the median says what is liked"
        )
        return liked._replace(problem=problem, advice=_without_ratings())
    if usual != table.scale:
        outside = table.ratings[(table.ratings < usual.low) | (table.ratings > usual.high)]
        examples = ", ".join(f"{value:g}" for value in np.unique(outside)[:3])
        are = "rating is" if len(outside) == 1 else "ratings are"
        problem = f"{len(outside):,} {are} far off the usual {usual.low:g} to {usual.high:g}, such as {examples}"
        return liked._replace(problem=problem, advice="correct them or leave them out")
    if liked.liked < FEW * len(table):
        return liked._replace(problem="models of lists learn little from so few", advice=_without_ratings())
    return liked


def liked_notes(table: Interactions) -> tuple[str, ...]:
    """Return the line that says which ratings of a table are liked; () if the table has no ratings."""
    liked = liked_ratings(table)
    return () if liked is None else (str(liked),)


def _without_ratings() -> str:
    return f"if each event is a sign of liking, train without ratings ({option('rating', False)})"
