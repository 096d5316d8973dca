"""Conformal intervals around predicted ratings, by split conformal prediction.

Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", 2005; Lei, G'Sell, Rinaldo, Tibshirani &
Wasserman, "Distribution-Free Predictive Inference for Regression", JASA 2018, algorithm 2. The method needs only the
model's predictions. The coverage holds on average over ratings drawn like those of the calibration part, not for each
user, and it is exact if the calibration part took no part in training. Here the calibration part is the validation
part: the model does not learn from its ratings, but they choose the epoch of a model that learns in epochs, which makes
its residuals, and so the intervals, slightly too small.
"""

from collections.abc import Mapping
from math import ceil
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palate.evaluation.rating_metrics import covered
from palate.inference.predictions import interval_ends

Ratings = NDArray[np.float32] | NDArray[np.float64]
HalfWidths = Mapping[float, float]
"""{level: half width of its intervals}, in ratings; in spreads if the model knows the spread of each rating."""

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""The levels of intervals: the shares of real ratings that they contain."""


def half_widths(
    predicted: Ratings, real: Ratings, scale: tuple[float, float], spread: Ratings | None = None
) -> dict[float, float]:
    """Return {level: half width} of the intervals, from n ratings that the model has not learned from.

    A half width is the ceil((n + 1) level)-th smallest |predicted - real|, and the whole scale where n is too small for
    that. Predictions are within the scale. If the model knows the spread (n,) of each rating, residuals and half widths
    are in spreads, so that uncertain predictions get wide intervals (Lei et al., section 5.2).
    """
    residuals, least = np.abs(predicted.astype(np.float64) - real), 1.0
    if spread is not None:
        residuals, least = residuals / spread, float(spread.min(initial=1.0))
    places = {level: ceil(round((len(residuals) + 1) * level, 9)) for level in LEVELS}  # 0.9 · 10 is 9, not above it
    low, high = scale
    reach = np.append(np.sort(residuals), (high - low) / least)
    return {level: float(reach[min(place, len(reach)) - 1]) for level, place in places.items()}


def normal_half_widths() -> dict[float, float]:
    """Return {level: half width} in spreads of normally distributed ratings, for a model without a validation part."""
    return {level: NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS}


class IntervalCoverage(NamedTuple):
    """Fit of the intervals of one level to real ratings."""

    covered: float
    """Share of the real ratings within their intervals."""
    width: float
    """Mean width of the intervals from end to end, in ratings."""
    reach: float
    """Mean half width in ratings, before the intervals are cut to the scale."""


def interval_coverage(
    predicted: Ratings, real: Ratings, scale: tuple[float, float], half_widths: HalfWidths, spread: Ratings | None
) -> dict[float, IntervalCoverage]:
    """Measure the intervals of each level on n ratings. spread: (n,), of a model that knows it."""
    coverage = {}
    for level, half_width in half_widths.items():
        reach = half_width * (1.0 if spread is None else spread)
        low, high = interval_ends(predicted, reach, scale)
        width, mean_reach = float((high - low).mean()), float(np.mean(reach, dtype=np.float64))
        coverage[level] = IntervalCoverage(covered(low, high, real), width, mean_reach)
    return coverage
