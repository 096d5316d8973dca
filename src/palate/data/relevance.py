"""Which events say that someone liked an item."""

from palate.data.interactions import Interactions

LIKED = 0.75
"""A rating says that an item was liked from this share of the scale on: 4 of 1 to 5."""


def relevant(events: Interactions, scale: tuple[float, float] | None) -> Interactions:
    """The events of people who liked what they met: rated at `LIKED` of the scale or above, or all without ratings."""
    if events.ratings is None or scale is None:
        return events
    return events.where(events.ratings >= least_liked(scale))


def least_liked(scale: tuple[float, float]) -> float:
    """The lowest rating, on a scale from lowest to highest, that says that an item was liked."""
    return scale[0] + LIKED * (scale[1] - scale[0])
