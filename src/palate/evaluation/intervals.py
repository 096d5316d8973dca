"""Predicted ratings to intervals that hold the real one as often as they say: split conformal.

Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", 2005; Lei, G'Sell, Rinaldo, Tibshirani &
Wasserman, "Distribution-Free Predictive Inference for Regression", JASA 2018, algorithm 2. It needs nothing of the
model but its predictions. The promise is of the average over ratings drawn as those of the calibration part were, not
of each person, and it is exact where the calibration part took no part in training. Here that is the validation part:
its ratings are not learned from, but they choose the epoch of a model that learns in epochs, which makes its residuals,
and so the intervals, a trifle small.
"""

from collections.abc import Mapping
from math import ceil
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palate.evaluation.rating_metrics import covered

Ratings = NDArray[np.float32] | NDArray[np.float64]
Values = NDArray[np.float64]
HalfWidths = Mapping[float, float]
"""{level: how far an interval reaches}: in ratings, or in spreads where the model knows the spread of each rating."""

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""The shares of ratings for which an interval can be asked."""


def half_widths(
    predicted: Ratings, real: Ratings, scale: tuple[float, float], spread: Ratings | None = None
) -> dict[float, float]:
    """{level: how far the interval reaches to either side of a prediction}, from n ratings that were not learned from.

    The ceil((n + 1) level)-th smallest |predicted - real|; the whole scale where n is too small for that. Predictions
    are within the scale. Where the model knows the spread (n,) of each rating, residuals and reach are in spreads, so
    that intervals are wide where little is known (Lei et al., section 5.2).
    """
    residuals, least = np.abs(predicted.astype(np.float64) - real), 1.0
    if spread is not None:
        residuals, least = residuals / spread, float(spread.min(initial=1.0))
    places = {level: ceil(round((len(residuals) + 1) * level, 9)) for level in LEVELS}  # 0.9 · 10 is 9, not above it
    reach = np.append(np.sort(residuals), (scale[1] - scale[0]) / least)
    return {level: float(reach[min(place, len(reach)) - 1]) for level, place in places.items()}


def normal_half_widths() -> dict[float, float]:
    """The same in spreads, as if ratings were normal around predictions: where there is nothing to tell it from."""
    return {level: NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS}


def around(predicted: Ratings, half_width: Ratings | float, scale: tuple[float, float]) -> tuple[Values, Values]:
    """The lower and upper ends (n,) of the intervals, within the scale. half_width: one for all, or (n,)"""
    ends = predicted.astype(np.float64)
    return (ends - half_width).clip(*scale), (ends + half_width).clip(*scale)


class IntervalCoverage(NamedTuple):
    """What the intervals of one level were worth."""

    covered: float
    """The share of the real ratings within them."""
    width: float
    """From end to end on average, in ratings."""
    reach: float
    """To either side on average, in ratings, before being cut to the scale."""


def held(
    predicted: Ratings, real: Ratings, scale: tuple[float, float], half_widths: HalfWidths, spread: Ratings | None
) -> dict[float, IntervalCoverage]:
    """{level: what its intervals were worth}, of n ratings. spread: (n,), of a model that knows it."""
    found = {}
    for level, half_width in half_widths.items():
        reach = half_width * (1.0 if spread is None else spread)
        low, high = around(predicted, reach, scale)
        width, mean_reach = float((high - low).mean()), float(np.mean(reach, dtype=np.float64))
        found[level] = IntervalCoverage(covered(low, high, real), width, mean_reach)
    return found
