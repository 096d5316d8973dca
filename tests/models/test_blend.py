"""Several models as one: sums, weights and settings by hand."""

import numpy as np
import pytest
import torch

from palate.data.interactions import Interactions
from palate.errors import OptionError
from palate.inference import queries
from palate.models.blend import (
    TOWARDS_EQUAL,
    TOWARDS_EQUAL_PER_RATING,
    ListBlend,
    ListBlendConfig,
    RatingBlend,
    RatingBlendConfig,
    standard,
)
from palate.models.settings import configure
from palate.training.fit import fit


def trained(blend: RatingBlend | ListBlend, train: Interactions, weights: list[float]) -> None:
    for part in blend.parts:
        fit(part, train)
    blend.weights.copy_(torch.tensor(weights))


def test_ratings_are_the_weighted_sum_around_the_mean(small: Interactions) -> None:
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": "mf,bias"}), small.n_users, small.n_items)
    trained(blend, small, [0.7, 0.2])
    blend.mean.fill_(3.5)
    query = queries.of_users(small, np.arange(5), blend)
    mf, bias = (part.score(query) for part in blend.parts)
    torch.testing.assert_close(blend.score(query), 3.5 + 0.7 * (mf - 3.5) + 0.2 * (bias - 3.5))


def test_lists_are_the_weighted_sum_of_standard_scores(small: Interactions) -> None:
    blend = ListBlend(ListBlendConfig.model_validate({"members": "popularity,ease"}), small.n_users, small.n_items)
    trained(blend, small, [0.25, 0.75])
    query = queries.of_users(small, np.arange(5), blend)
    popularity, ease = (part.score(query) for part in blend.parts)
    expected = [
        0.25 * (p - p.mean()) / p.std(correction=0) + 0.75 * (e - e.mean()) / e.std(correction=0)
        for p, e in zip(popularity, ease, strict=True)
    ]
    torch.testing.assert_close(blend.score(query), torch.stack(expected))


def test_equal_scores_say_nothing() -> None:
    assert standard(torch.full((2, 4), 7.0)).tolist() == [[0] * 4] * 2


def test_weights_are_those_of_the_ridge_regression_towards_equal_ones() -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(3, 1, 400)
    predicted = np.stack([real + draw.normal(0, spread, 400) for spread in (0.5, 1.0)], axis=1)
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": "mf,bias"}), 1, 1)
    blend.weigh(torch.from_numpy(predicted), torch.from_numpy(real))

    pull = (TOWARDS_EQUAL + 400 * TOWARDS_EQUAL_PER_RATING) * real.var()

    def cost(weights: torch.Tensor) -> float:
        off = (predicted - real.mean()) @ weights.double().numpy() - (real - real.mean())
        return float((off**2).sum() + pull * ((weights.double().numpy() - 0.5) ** 2).sum())

    least = cost(blend.weights)
    assert blend.weights[0] > 2 * blend.weights[1] > 0
    for nudge in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]):
        assert cost(blend.weights + torch.tensor(nudge)) > least
    assert float(blend.mean) == pytest.approx(real.mean())


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_few_ratings_leave_the_weights_nearly_equal_on_any_scale(unit: float) -> None:
    draw, furthest = np.random.default_rng(0), []
    for n in (12, 120, 12_000):
        real = draw.normal(3, 1, n)
        predicted = np.stack([real.mean() + 0.3 * (real - real.mean()) + draw.normal(0, s, n) for s in (0.3, 0.6)], 1)
        blend = RatingBlend(RatingBlendConfig.model_validate({"members": "mf,bias"}), 1, 1)
        blend.weigh(torch.from_numpy(unit * predicted), torch.from_numpy(unit * real))
        furthest.append(float((blend.weights - 0.5).abs().max()))
    assert furthest[0] < 0.1 < furthest[1] < furthest[2]


def test_weights_of_a_constant_table_are_equal() -> None:
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": "mf,bias"}), 1, 1)
    blend.weigh(torch.full((10, 2), 3.0), torch.full((10,), 3.0))
    torch.testing.assert_close(blend.weights, torch.tensor([0.5, 0.5]))


def test_members_that_say_the_same_share_their_weight() -> None:
    real = torch.linspace(1, 5, 50)
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": ["mf", "bias"]}), 1, 1)
    blend.weigh(torch.stack([real, real], dim=1), real)
    assert blend.weights.tolist() == pytest.approx([0.5, 0.5])


def test_a_model_may_be_a_member_more_than_once(small: Interactions) -> None:
    members = {"mf": {"dim": 4}, "mf:wide": {"dim": 16}, "mf:again": {"dim": 16}}
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": members}), small.n_users, small.n_items)
    trained(blend, small, [0.2, 0.3, 0.5])
    query = queries.of_users(small, np.arange(5), blend)
    narrow, wide, again = (part.score(query) for part in blend.parts)
    assert [part.config.dim for part in blend.parts] == [4, 16, 16]
    torch.testing.assert_close(wide, again)
    torch.testing.assert_close(blend.score(query), 0.2 * narrow + 0.8 * wide, atol=1e-4, rtol=1e-4)


def test_members_may_have_settings_and_keep_their_order() -> None:
    config = ListBlendConfig.model_validate({"members": {"popularity": {"days": 30}, "item-knn": {"neighbours": 7}}})
    blend = ListBlend(config, 3, 4)
    assert [type(part).__name__ for part in blend.parts] == ["Popularity", "ItemKNN"]
    assert [part.config.days for part in blend.parts[:1]] == [30.0]
    assert [part.config.neighbours for part in blend.parts[1:]] == [7]
    assert blend.weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("kind", "members", "said"),
    [
        (ListBlend, "ease,nobody", "there is no model 'nobody' to blend: choose from neural, mf"),
        (ListBlend, "list-blend", "there is no model 'list-blend'"),
        (ListBlend, "ease,ease:a.b", "there is no model 'ease:a.b'"),
        (ListBlend, {"ease": {"l3": 1}}, "l3"),
        (ListBlend, {"ease": {"l2": -1}}, "greater than 0"),
        (ListBlend, {}, "at least 1"),
        (RatingBlend, "mf,popularity", "popularity predicts no ratings"),
    ],
)
def test_what_cannot_be_blended(kind: type[ListBlend], members: object, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        configure(kind, None, {"members": members})
