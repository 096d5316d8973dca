"""Errors of predicted ratings, by hand."""

import numpy as np
import pytest

from palate.evaluation.rating_metrics import mae, rmse

PREDICTED = np.array([4.0, 2.5, 1.0, 5.0], dtype=np.float32)
REAL = np.array([5.0, 2.0, 3.0, 5.0], dtype=np.float32)


def test_rmse() -> None:
    assert rmse(PREDICTED, REAL) == pytest.approx(((1**2 + 0.5**2 + 2**2 + 0**2) / 4) ** 0.5)


def test_mae() -> None:
    assert mae(PREDICTED, REAL) == pytest.approx((1 + 0.5 + 2 + 0) / 4)


def test_sums_are_in_double_precision() -> None:
    """In single precision a million errors of 0.1 would not add up."""
    real = np.zeros(1_000_000, dtype=np.float32)
    predicted = real + np.float32(0.1)
    assert rmse(predicted, real) == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert mae(predicted, real) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_perfect() -> None:
    assert rmse(REAL, REAL) == mae(REAL, REAL) == 0
