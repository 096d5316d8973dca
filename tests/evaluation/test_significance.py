"""Intervals and groups: known answers, and how often they are wrong."""

import numpy as np
import pytest

from palate.evaluation.significance import DRAWS, LEVEL, PerUserMetric, bootstrap, standings


def people(values: list[list[float]], counts: list[float] | None = None) -> PerUserMetric:
    sums = np.array(values)
    return PerUserMetric(sums, np.ones(sums.shape[1]) if counts is None else np.array(counts))


def test_the_value_is_sums_over_counts() -> None:
    assert people([[1, 5], [2, 6]], [2, 4]).of_runs().tolist() == [6 / 6, 8 / 6]


def test_people_are_drawn_alike_for_every_model() -> None:
    draw = np.random.default_rng(0)
    one = draw.random((1, 300))
    drawn = bootstrap([PerUserMetric(one, np.ones(300)), PerUserMetric(one + 0.25, np.ones(300))])
    assert drawn.shape == (DRAWS, 2)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 0.25)
    assert drawn[:, 0].std() == pytest.approx(one.std() / np.sqrt(300), rel=0.05)


def test_an_interval_is_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(3, 2, (1, 1_000))
    (found,) = standings([PerUserMetric(values, np.ones(1_000))], larger_is_better=True)
    half = 1.96 * values.std() / np.sqrt(1_000)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.value == pytest.approx(half, rel=0.1)
    assert found.value - found.low == pytest.approx(half, rel=0.1)
    assert (found.spread, found.group) == (0, 1)


def test_a_small_difference_that_everybody_has_is_seen_and_a_bigger_one_by_chance_is_not() -> None:
    first, second = np.random.default_rng(2).normal(size=(2, 1, 400))
    by_chance = second - second.mean() + first.mean() - 0.03
    models = [PerUserMetric(values, np.ones(400)) for values in (first, first - 0.02, by_chance)]
    assert [found.group for found in standings(models, larger_is_better=True)] == [1, 2, 1]
    assert [found.group for found in standings([models[0], models[2]], larger_is_better=True)] == [1, 1]
    assert [found.group for found in standings(models[:2], larger_is_better=False)] == [2, 1]


def test_a_root_is_taken_of_the_mean_not_of_people() -> None:
    (found,) = standings([people([[9, 0, 3]], [1, 1, 1])], larger_is_better=False, root=True)
    assert found.value == pytest.approx(2)  # sqrt(12 / 3)


def test_runs_that_differ_widen_the_interval_and_have_a_spread() -> None:
    values = np.random.default_rng(4).normal(0, 0.1, 500)
    (steady,) = standings([people([values.tolist()] * 2)], larger_is_better=True)
    (shaky,) = standings([people([(values - 1).tolist(), (values + 1).tolist()])], larger_is_better=True)
    assert shaky.value == pytest.approx(steady.value)
    assert steady.spread == 0
    assert shaky.spread == pytest.approx(2**0.5)
    assert shaky.high - shaky.low > 10 * (steady.high - steady.low)


def test_models_that_are_alike_are_told_apart_at_most_as_often_as_the_level_says() -> None:
    wrong, tried = 0, 60
    for seed in range(tried):
        draw = np.random.default_rng(100 + seed)
        models = [PerUserMetric(draw.random((1, 80)), np.ones(80)) for _ in range(4)]
        wrong += any(found.group > 1 for found in standings(models, larger_is_better=True))
    assert wrong / tried <= 2 * (1 - LEVEL)


def test_a_value_that_is_no_number_does_not_go_on_for_ever() -> None:
    ones = np.ones(3)
    models = [PerUserMetric(np.array([[0.1, 0.2, np.nan]]), ones), PerUserMetric(np.array([[0.1, 0.2, 0.3]]), ones)]
    assert {standing.group for standing in standings(models, larger_is_better=True)} <= {1, 2}
