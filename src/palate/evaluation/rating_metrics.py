"""Error metrics of predicted ratings. Arrays (n,) in, one number out, in units of the ratings."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ratings = NDArray[np.float32] | NDArray[np.float64]
Rows = NDArray[np.int32] | NDArray[np.int64]
Values = NDArray[np.float64]

BINS = 10
"""Bins of the calibration, unless another number is given."""


def rmse(predicted: Ratings, real: Ratings) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - real) ** 2)))


def mae(predicted: Ratings, real: Ratings) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(predicted.astype(np.float64) - real)))


def user_rmse(predicted: Ratings, real: Ratings, users: Rows) -> float:
    """Return the mean over users of each user's own RMSE: users with many ratings have no more weight than others."""
    return float(np.sqrt(_by_user((predicted.astype(np.float64) - real) ** 2, users)).mean())


def user_mae(predicted: Ratings, real: Ratings, users: Rows) -> float:
    """Return the mean over users of each user's own MAE."""
    return float(_by_user(np.abs(predicted.astype(np.float64) - real), users).mean())


def _by_user(errors: Values, users: Rows) -> Values:
    """Return the mean error of each of U users -> (U,)."""
    _, user = np.unique(users, return_inverse=True)
    means: Values = np.bincount(user, errors) / np.bincount(user)
    return means


class Calibration(NamedTuple):
    """Predictions from low to high in bins of about equal size, (bins,) each; equal predictions are in one bin."""

    ratings: NDArray[np.int64]
    """Number of ratings in each bin."""
    predicted: Values
    """Mean prediction of each bin."""
    real: Values
    """Mean real rating of each bin: equal to the mean prediction for a calibrated model."""

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over ratings of |predicted - real| of their bin.

        Naeini, Cooper & Hauskrecht, "Obtaining Well Calibrated Probabilities Using
        Bayesian Binning", AAAI 2015, with bins of equal size and ratings in place of probabilities.
        """
        return float(np.average(np.abs(self.predicted - self.real), weights=self.ratings))


def calibration(predicted: Ratings, real: Ratings, bins: int = BINS) -> Calibration:
    """Compare predicted with real ratings in bins of the predictions; bins that ties leave empty are left out."""
    edges = np.quantile(predicted, np.arange(1, bins) / bins)
    bin_ = np.searchsorted(edges, predicted)  # (n,)
    counts = np.bincount(bin_, minlength=bins)
    filled = counts > 0
    means = [np.bincount(bin_, values, bins)[filled] / counts[filled] for values in (predicted, real)]
    return Calibration(counts[filled], *means)


def covered(low: Ratings, high: Ratings, real: Ratings) -> float:
    """Return the share of the real ratings within their intervals, ends included."""
    return float(np.mean((low <= real) & (real <= high)))
