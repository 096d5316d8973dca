"""How far predicted ratings are from the real ones. Arrays (n,) in, one number out, in units of the ratings."""

import numpy as np
from numpy.typing import NDArray

Ratings = NDArray[np.float32] | NDArray[np.float64]


def rmse(predicted: Ratings, real: Ratings) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - real) ** 2)))


def mae(predicted: Ratings, real: Ratings) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(predicted.astype(np.float64) - real)))
