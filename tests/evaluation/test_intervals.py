"""Conformal intervals: the order statistic by hand, and the coverage that they promise."""

import math

import numpy as np
import pytest

from palate.evaluation.intervals import LEVELS, half_widths, normal_half_widths
from palate.evaluation.rating_metrics import covered
from palate.inference.predictions import interval_ends


@pytest.mark.parametrize(
    ("n", "places"),
    [
        (9, {0.5: 5, 0.8: 8, 0.9: 9, 0.95: None}),  # ceil of 10 · level: 5, 8, 9, 9.5
        (10, {0.5: 6, 0.8: 9, 0.9: 10, 0.95: None}),  # of 11 · level: 5.5, 8.8, 9.9, 10.45
        (99, {0.5: 50, 0.8: 80, 0.9: 90, 0.95: 95}),
        (100, {0.5: 51, 0.8: 81, 0.9: 91, 0.95: 96}),
    ],
)
def test_which_residual_it_is(n: int, places: dict[float, int | None]) -> None:
    """Residuals 1 / n, 2 / n .. 1, of either sign and shuffled; the whole scale where too few are there."""
    draw = np.random.default_rng(0)
    residuals = draw.permutation(np.arange(1, n + 1) / n)
    predicted = np.full(n, 3.0)
    found = half_widths(predicted, predicted + residuals * draw.choice([-1, 1], n), scale=(1, 5))
    assert tuple(found) == LEVELS
    expected = {level: 4.0 if place is None else place / n for level, place in places.items()}
    assert found == pytest.approx(expected, rel=1e-12)


def test_residuals_are_counted_in_spreads_where_these_are_known() -> None:
    """Errors of .5, 1, .3 with spreads of 1, .5, .1 are .5, 2 and 3 spreads; of 3, the second for 50 %, none above."""
    found = half_widths(np.full(3, 3.0), np.array([3.5, 2, 3.3]), (1, 5), np.array([1, 0.5, 0.1]))
    assert found == pytest.approx({0.5: 2, 0.8: 40, 0.9: 40, 0.95: 40})  # 40 spreads of .1 are the scale
    low, high = interval_ends(np.array([2.0, 3, 3]), found[0.5] * np.array([1, 0.5, 0.1]), (1, 5))
    assert low == pytest.approx([1, 2, 2.8])
    assert high == pytest.approx([4, 4, 3.2])


def test_without_ratings_to_tell_it_from_spreads_are_those_of_normals() -> None:
    assert normal_half_widths() == pytest.approx({0.5: 0.67449, 0.8: 1.28155, 0.9: 1.64485, 0.95: 1.95996}, abs=1e-5)


def test_an_interval_is_cut_to_the_scale() -> None:
    low, high = interval_ends(np.array([1.5, 3.0, 4.75], dtype=np.float32), 1.0, (1, 5))
    assert low.tolist() == [1, 2, 3.75]
    assert high.tolist() == [2.5, 4, 5]


def test_the_promise_is_kept_by_a_model_that_is_wrong() -> None:
    """Mean coverage over many draws is ceil((n + 1) level) / (n + 1): the new residual's rank is any of n + 1 alike."""
    draw = np.random.default_rng(0)
    n, times, fresh = 30, 4000, 50
    shares: dict[float, list[float]] = {level: [] for level in LEVELS}
    for _ in range(times):
        real = draw.exponential(size=n + fresh)
        predicted = np.full(n + fresh, 0.3)  # far from the mean of 1
        for level, reach in half_widths(predicted[:n], real[:n], (0, 1e6)).items():
            shares[level].append(covered(*interval_ends(predicted[n:], reach, (0, 1e6)), real[n:]))
    for level, found in shares.items():
        error = float(np.std(found)) / math.sqrt(times)
        assert np.mean(found) == pytest.approx(math.ceil((n + 1) * level) / (n + 1), abs=4 * error), level
