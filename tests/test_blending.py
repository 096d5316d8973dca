"""Weights are chosen on the validation part, and make the blend no worse than its best member there."""

from math import log2

import numpy as np
import pytest
import torch

from palate.blending import TRIED, Candidates, candidates, list_weights
from palate.data import split as splits
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate, squared_error
from palate.learning import learn
from palate.models.blend import ListBlend, ListBlendConfig, RatingBlend, RatingBlendConfig, standard
from palate.models.contract import Model
from palate.models.liked_history import relevant
from tests import tables
from tests.scripted import Scripted


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


def test_the_quality_of_weights_is_that_of_the_whole_lists(split: Split) -> None:
    blend = ListBlend(ListBlendConfig.model_validate({"members": "popularity,ease,als"}), 120, 60)
    learn(blend, split)
    liked = relevant(split.validation, split.train.scale)
    users = np.unique(liked.users).astype(np.int64)
    found = candidates(blend.parts, split.train, liked, users, split.newcomers)
    assert found.scores.shape == (3, len(users), 180)
    for weights in ([1.0, 0, 0], [0.3, 1, 0.5], [0, 0.2, 1]):
        blend.weights.copy_(torch.tensor(weights))
        assert found.quality(weights, 10).mean() == pytest.approx(judged(blend, split))


def test_no_one_weight_can_be_changed_for_the_better_and_the_order_of_members_does_not_matter() -> None:
    draw = torch.Generator().manual_seed(0)
    hits = torch.rand(300, 40, generator=draw) < 0.1
    scores = torch.randn(4, 300, 40, generator=draw) + hits * torch.tensor([0.5, 0.9, 0.8, 0.3])[:, None, None]
    scores[2] += scores[1]  # says much of the same
    found = Candidates(scores, torch.zeros(300, 40, dtype=torch.bool), hits, hits.sum(1).numpy())
    weights = list_weights([found], 10)
    value = found.quality(weights, 10).mean()
    best = weights.index(1)
    for member in {0, 1, 2, 3} - {best}:
        for tried in TRIED:
            changed = [*weights[:member], tried, *weights[member + 1 :]]
            assert found.quality(changed, 10).mean() <= value
    order = [3, 1, 0, 2]
    turned = Candidates(scores[order], found.out, hits, found.counts)
    assert list_weights([turned], 10) == [weights[member] for member in order]


def test_candidates_are_the_best_of_each_member_once_and_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of seven items, 0 met and 5 and 2 gone for; the two best of one member are 1 and 2, of the other 2 and 3."""
    monkeypatch.setattr("palate.blending.BEST", 2)
    known, liked = tables.table([0], [0], all_items=range(7)), tables.table([0, 0], [5, 2], all_items=range(7))
    members = [Scripted(torch.tensor([row])) for row in ([9.0, 5, 4, 0, 1, 3, 2], [9.0, 0, 5, 4, 1, 2, 3])]
    found = candidates(members, known, liked, np.array([0]), np.array([False]))
    assert found.counts.tolist() == [2]
    kept = ~found.out[0]
    rows = torch.stack([standard(member.table)[0] for member in members])
    torch.testing.assert_close(found.scores[:, 0, kept], rows[:, [1, 2, 3]])
    assert found.hits[0, kept].tolist() == [False, True, False]
    assert found.quality([1.0, 0.0], 2).tolist() == [pytest.approx(1 / log2(3) / (1 + 1 / log2(3)))]  # 1, then 2
    assert found.quality([0.5, 0.5], 2).tolist() == [pytest.approx(1 / (1 + 1 / log2(3)))]  # 2 first


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
