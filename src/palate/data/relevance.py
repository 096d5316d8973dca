"""Relevant events: those that say that a user likes an item."""

from palate.data.interactions import Interactions

LIKED = 0.75
"""A rating is relevant from this share of the scale on: from 4 on a scale of 1 to 5."""


def relevant(events: Interactions, scale: tuple[float, float] | None) -> Interactions:
    """Return the relevant events: those rated at `LIKED` of the scale or above, or all if there are no ratings."""
    if events.ratings is None or scale is None:
        return events
    return events.where(events.ratings >= least_liked(scale))


def least_liked(scale: tuple[float, float]) -> float:
    """Return the lowest relevant rating on a scale (low, high)."""
    low, high = scale
    return low + LIKED * (high - low)
