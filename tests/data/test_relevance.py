"""What is liked, and what is recent, follow the distribution: outliers decide nothing, and rounding neither."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.interactions import Interactions
from palate.data.outliers import usual_ends
from palate.data.relevance import least_liked, liked_ratings, relevant
from tests import tables

STARS = [1, 2, 3, 4, 4, 5, 5, 3, 2, 4] * 20
SCALES = [(1, 5, 1), (0.5, 5, 0.5), (1, 10, 1), (0, 1, 1)]


def rated(ratings: list[float]) -> Interactions:
    n = len(ratings)
    return tables.table([row % 7 for row in range(n)], [row // 7 for row in range(n)], ratings)


def liked(ratings: list[float]) -> float:
    measured = liked_ratings(rated(ratings))
    assert measured is not None
    return measured.least


@given(st.sampled_from(SCALES), st.data())
def test_well_known_scales_are_liked_from_three_quarters_on(
    scale: tuple[float, float, float], data: st.DataObject
) -> None:
    """Every value has more than a hundredth of the ratings, however uneven."""
    low, high, step = scale
    values = np.arange(low, high + step, step).tolist()
    times = data.draw(st.lists(st.integers(1, 9), min_size=len(values), max_size=len(values)))
    ratings = [value for value, n in zip(values, times, strict=True) for _ in range(n)]
    assert liked(ratings) == low + 0.75 * (high - low)


@pytest.mark.parametrize("outlier", [55, 7, 10, 99, 1e6, -1, -99])
def test_one_outlier_changes_nothing(outlier: float) -> None:
    assert liked([*STARS, outlier]) == 4
    kept = liked_ratings(rated([*STARS, outlier]))
    assert kept is not None
    assert kept.problem.startswith("1 rating is far off the usual 1 to 5, such as")


@given(st.integers(0, 50), st.integers(1, 200), st.sampled_from([10, 100]))
def test_three_quarters_of_a_scale_are_liked_whatever_the_rounding(low: int, steps: int, per_unit: int) -> None:
    first, high = Decimal(low) / per_unit, Decimal(low + 4 * steps) / per_unit
    point = Decimal(low + 3 * steps) / per_unit
    ends = float(np.float32(float(first))), float(np.float32(float(high)))
    assert np.float32(float(point)) >= least_liked(ends)
    assert np.float32(float(point - Decimal(1) / per_unit)) < least_liked(ends)


def test_counts_are_liked_from_their_median_on() -> None:
    counts = np.random.default_rng(0).zipf(1.5, 2000).clip(0, 10**6).astype(float).tolist()
    n = len(relevant(rated(counts), rated(counts).usual_scale))
    assert 0.4 * len(counts) <= n <= 0.8 * len(counts)
    assert "a long tail" in str(liked_ratings(rated(counts)))
    with_zeros = liked_ratings(rated([*[0.0] * 3000, *counts]))
    assert with_zeros is not None
    assert with_zeros.liked == n  # what did not happen is not liked


def test_two_values_are_a_scale_however_rare_one_is() -> None:
    assert liked([0.0] * 995 + [1.0] * 5) == 0.75


def test_ends_without_outliers() -> None:
    assert usual_ends(np.array([3.0])) == (3, 3)
    assert usual_ends(np.array([1.0, 2, 99])) == (1, 99)  # too few to say
    assert usual_ends(np.append(np.arange(1000), [5000, 5001])) == (0, 999)
    assert usual_ends(np.linspace(0, 1, 999)) == (0, 1)


def test_now_is_no_wrong_clock() -> None:
    times = np.append(1.5e9 + np.arange(200) * 60.0, 4.1e9)
    table = tables.table([1, 2] * 100 + [1], [*range(200), 200], times=times.tolist())
    assert table.now == times[-2]
    assert tables.table([1, 2], [1, 2]).now is None
