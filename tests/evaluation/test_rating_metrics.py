"""Errors of predicted ratings, by hand."""

import numpy as np
import pytest

from palate.evaluation.rating_metrics import calibration, covered, mae, rmse, user_mae, user_rmse

PREDICTED = np.array([4.0, 2.5, 1.0, 5.0], dtype=np.float32)
REAL = np.array([5.0, 2.0, 3.0, 5.0], dtype=np.float32)


def test_rmse() -> None:
    assert rmse(PREDICTED, REAL) == pytest.approx(((1**2 + 0.5**2 + 2**2 + 0**2) / 4) ** 0.5)


def test_mae() -> None:
    assert mae(PREDICTED, REAL) == pytest.approx((1 + 0.5 + 2 + 0) / 4)


def test_of_people_each_counts_once() -> None:
    users = np.array([7, 7, 3, 7], dtype=np.int32)
    assert user_rmse(PREDICTED, REAL, users) == pytest.approx((((1**2 + 0.5**2 + 0**2) / 3) ** 0.5 + 2) / 2)
    assert user_mae(PREDICTED, REAL, users) == pytest.approx(((1 + 0.5 + 0) / 3 + 2) / 2)


def test_sums_are_in_double_precision() -> None:
    """In single precision a million errors of 0.1 would not add up."""
    real = np.zeros(1_000_000, dtype=np.float32)
    predicted = real + np.float32(0.1)
    one = np.zeros(len(real), dtype=np.int32)
    for found in (rmse(predicted, real), mae(predicted, real), calibration(predicted, real).error):
        assert found == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    for metric in (user_rmse, user_mae):
        assert metric(predicted, real, one) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_perfect() -> None:
    assert rmse(REAL, REAL) == mae(REAL, REAL) == calibration(REAL, REAL).error == 0


def test_calibration_compares_means_by_bins_of_equal_size() -> None:
    predicted = np.array([3.0, 1.0, 4.0, 2.0, 6.0, 5.0])
    real = np.array([5.0, 2.0, 4.0, 2.0, 3.0, 5.0])
    found = calibration(predicted, real, bins=3)
    assert found.ratings.tolist() == [2, 2, 2]
    assert found.predicted.tolist() == [1.5, 3.5, 5.5]
    assert found.real.tolist() == [(2 + 2) / 2, (5 + 4) / 2, (5 + 3) / 2]
    assert found.error == pytest.approx((0.5 + 1 + 1.5) / 3)


def test_equal_predictions_share_a_bin_and_bins_count_by_size() -> None:
    predicted = np.array([1.0, 2.0, 2.0, 2.0])
    found = calibration(predicted, np.array([1.5, 3.0, 3.0, 6.0]), bins=2)
    assert found.ratings.tolist() == [4]
    found = calibration(predicted, np.array([1.5, 3.0, 3.0, 6.0]), bins=10)
    assert found.ratings.tolist() == [1, 3]
    assert found.error == pytest.approx((1 * 0.5 + 3 * (4 - 2)) / 4)


def test_a_thousand_predictions_fall_into_tenths() -> None:
    draw = np.random.default_rng(0)
    predicted, real = draw.normal(size=1000), draw.normal(size=1000)
    found, order = calibration(predicted, real), np.argsort(predicted)
    assert found.ratings.tolist() == [100] * 10
    np.testing.assert_allclose(found.real, real[order].reshape(10, 100).mean(1))
    np.testing.assert_allclose(found.predicted, predicted[order].reshape(10, 100).mean(1))


def test_covered_counts_the_ends() -> None:
    low, high = np.array([1.0, 2.0, 3.0, 1.0]), np.array([2.0, 3.0, 4.0, 1.5])
    assert covered(low, high, np.array([1.0, 3.0, 4.5, 1.2])) == 3 / 4
