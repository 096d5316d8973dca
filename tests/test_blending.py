"""Weights are chosen on the validation part, and make the blend no worse than its best member there."""

import numpy as np
import pytest
import torch

from palate.blending import TRIED
from palate.data import split as splits
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate, squared_error
from palate.learning import learn
from palate.models.blend import ListBlend, ListBlendConfig, RatingBlend, RatingBlendConfig
from palate.models.contract import Model
from tests import tables


@pytest.fixture(scope="module")
def split() -> Split:
    return splits.random(tables.random_table(120, 60, 0.3), test=0, validation=0.3, seed=0)


def judged(model: Model, split: Split) -> float:
    return evaluate(model, split.train, split.validation)["ndcg@10"]


def test_ratings_are_no_worse_than_the_best_member_s(split: Split) -> None:
    config = RatingBlendConfig.model_validate({"members": {"mf": {"dim": 2}, "bias": {}}})
    blend = RatingBlend(config, split.table.n_users, split.table.n_items)
    learn(blend, split)
    errors = [squared_error(part, split.train, split.validation) for part in blend.parts]
    assert squared_error(blend, split.train, split.validation) < min(errors)
    assert float(blend.mean) == pytest.approx(split.validation.ratings.mean())  # type: ignore[union-attr]


def test_lists_are_no_worse_than_the_best_member_s(split: Split) -> None:
    blend = ListBlend(
        ListBlendConfig.model_validate({"members": "popularity,ease,mf"}), split.table.n_users, split.table.n_items
    )
    learn(blend, split)
    assert judged(blend, split) >= max(judged(part, split) for part in blend.parts)
    assert float(blend.weights.sum()) == pytest.approx(1)
    best = float(blend.weights.max())
    for weight in blend.weights.tolist():
        assert min(abs(weight / best - tried) for tried in TRIED) < 1e-5


def test_of_two_members_no_weight_that_is_tried_makes_better_lists(split: Split) -> None:
    blend = ListBlend(ListBlendConfig.model_validate({"members": "ease,bias"}), 120, 60)
    learn(blend, split)
    found = judged(blend, split)
    for first, second in [(1.0, tried) for tried in TRIED] + [(0.0, 1.0)]:
        blend.weights.copy_(torch.tensor([first, second]))
        assert judged(blend, split) <= found + 1e-9


def test_without_a_validation_part_all_weigh_the_same(split: Split) -> None:
    whole = Split(split.table, np.zeros(len(split.table), dtype=np.uint8))
    blend = ListBlend(ListBlendConfig.model_validate({"members": "popularity,mf"}), 120, 60)
    learn(blend, whole)
    assert blend.weights.tolist() == [0.5, 0.5]


def test_nobody_who_liked_anything_to_choose_by() -> None:
    table = tables.triples(*((u, i, 1.0 + (u == 0)) for u in range(6) for i in range(4)))
    part = np.where(table.users == 0, splits.TRAIN, splits.VALIDATION).astype(np.uint8)
    blend = ListBlend(ListBlendConfig.model_validate({"members": "popularity,mf"}), 6, 4)
    learn(blend, Split(table, part))
    assert blend.weights.tolist() == [0.5, 0.5]
