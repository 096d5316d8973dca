"""How far predicted ratings are from the real ones. Arrays (n,) in, one number out, in units of the ratings."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ratings = NDArray[np.float32] | NDArray[np.float64]
Rows = NDArray[np.int32] | NDArray[np.int64]
Values = NDArray[np.float64]

BINS = 10


def rmse(predicted: Ratings, real: Ratings) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - real) ** 2)))


def mae(predicted: Ratings, real: Ratings) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(predicted.astype(np.float64) - real)))


def user_rmse(predicted: Ratings, real: Ratings, users: Rows) -> float:
    """The mean over people of each one's own RMSE: who rated much counts no more than who rated little."""
    return float(np.sqrt(_by_user((predicted.astype(np.float64) - real) ** 2, users)).mean())


def user_mae(predicted: Ratings, real: Ratings, users: Rows) -> float:
    """The mean over people of each one's own MAE."""
    return float(_by_user(np.abs(predicted.astype(np.float64) - real), users).mean())


def _by_user(errors: Values, users: Rows) -> Values:
    """The mean error of each of the U people there are -> (U,)."""
    _, person = np.unique(users, return_inverse=True)
    means: Values = np.bincount(person, errors) / np.bincount(person)
    return means


class Calibration(NamedTuple):
    """Predictions from low to high in bins of about equal size, (bins,) each; equal predictions share a bin."""

    ratings: NDArray[np.int64]
    """How many there are."""
    predicted: Values
    """Their mean prediction."""
    real: Values
    """Their mean real rating: the same, where the model means what it says."""

    @property
    def error(self) -> float:
        """The mean of |predicted - real| over the ratings.

        The expected calibration error of Naeini, Cooper & Hauskrecht, "Obtaining Well Calibrated Probabilities Using
        Bayesian Binning", AAAI 2015, with bins of equal size and ratings in place of probabilities.
        """
        return float(np.average(np.abs(self.predicted - self.real), weights=self.ratings))


def calibration(predicted: Ratings, real: Ratings, bins: int = BINS) -> Calibration:
    """Predicted against real ratings, by tenths of the predictions; a bin that ties leave empty is left out."""
    edges = np.quantile(predicted, np.arange(1, bins) / bins)
    bin_ = np.searchsorted(edges, predicted)  # (n,)
    counts = np.bincount(bin_, minlength=bins)
    there = counts > 0
    means = [np.bincount(bin_, values, bins)[there] / counts[there] for values in (predicted, real)]
    return Calibration(counts[there], *means)


def covered(low: Ratings, high: Ratings, real: Ratings) -> float:
    """The share of the real ratings within their intervals, ends included."""
    return float(np.mean((low <= real) & (real <= high)))
