"""Predicted ratings of one user, and the intervals around them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.errors import OptionError, UnsupportedError, as_number
from palate.inference import queries
from palate.inference.abilities import unsupported
from palate.inference.queries import Person
from palate.models.contract import KnowsSpread, Model, PredictsRatings

Values = NDArray[np.float64]


class PredictedRating(NamedTuple):
    """A predicted rating and its interval, on the table's scale."""

    rating: float
    low: float
    high: float


def interval_ends(
    predicted: NDArray[np.floating], half_width: NDArray[np.floating] | float, scale: tuple[float, float]
) -> tuple[Values, Values]:
    """Return the lower and upper ends (n,) of intervals around predictions (n,), cut to the scale.

    half_width: how far an interval reaches to either side, one for all or (n,).
    """
    ends = predicted.astype(np.float64)
    return (ends - half_width).clip(*scale), (ends + half_width).clip(*scale)


def half_width_at(level: float, half_widths: Mapping[float, float]) -> float:
    """Return the half width of the intervals of a level, such as 0.8.

    Raises:
        OptionError: half_widths has no such level.
        UnsupportedError: half_widths is empty.
    """
    if not half_widths:
        raise UnsupportedError("this model has no intervals: they need a validation part when it is trained")
    if as_number(level, "interval") not in half_widths:
        levels = ", ".join(f"{known:g}" for known in half_widths)
        raise OptionError(f"interval is {level:g}: it must be one of {levels}")
    return half_widths[level]


@torch.inference_mode()
def predict_ratings(
    model: Model,
    table: Interactions,
    person: Person,
    rows: NDArray[np.int64],
    interval: float | None,
    half_widths: Mapping[float, float],
) -> dict[str, Values]:
    """Predict the rating of each item row (n,), cut to the table's scale -> {"rating": (n,)}.

    With an interval, the result also has "low" and "high" (n,).

    Raises:
        OptionError: the interval is of an unknown level.
        UnsupportedError: the model predicts no ratings, or has no intervals.
    """
    if not isinstance(model, PredictsRatings):
        raise unsupported(model, "predicted ratings", PredictsRatings)
    half_width = None if interval is None else half_width_at(interval, half_widths)
    query, items = queries.of_people([person], model), torch.from_numpy(rows).to(model.device)
    people, scale = torch.zeros_like(items), table.scale
    assert scale is not None
    ratings = model.predict(query, people, items).cpu().numpy().clip(*scale).astype(np.float64)
    if half_width is None:
        return {"rating": ratings}
    spread = model.spread(query, people, items).cpu().numpy() if isinstance(model, KnowsSpread) else 1
    low, high = interval_ends(ratings, half_width * spread, scale)
    return {"rating": ratings, "low": low, "high": high}
