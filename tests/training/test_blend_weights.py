"""Weights are chosen on the validation part, and make the blend no worse than its best member there."""

from math import log2

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data import split as splits
from palate.data.relevance import relevant
from palate.data.split import Split
from palate.evaluation.evaluate import evaluate, squared_error
from palate.models.blend import ListBlend, ListBlendConfig, RatingBlend, RatingBlendConfig, standard
from palate.models.contract import Model
from palate.training.blend_weights import Candidates, candidates, list_weights
from palate.training.trainer import learn
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


def test_the_quality_of_weights_is_that_of_the_whole_lists(split: Split) -> None:
    blend = ListBlend(ListBlendConfig.model_validate({"members": "popularity,ease,als"}), 120, 60)
    learn(blend, split)
    liked = relevant(split.validation, split.train.usual_scale)
    users = np.unique(liked.users).astype(np.int64)
    found = candidates(blend.parts, split.train, liked, users, split.newcomers)
    assert found.scores.shape == (3, len(users), 180)
    for weights in ([1.0, 0, 0], [0.3, 1, 0.5], [0, 0.2, 1]):
        blend.weights.copy_(torch.tensor(weights))
        assert found.quality(weights, 10).mean() == pytest.approx(judged(blend, split))


def guesses(skill: list[float], people: int = 300) -> Candidates:
    """Members whose scores say so much of what people go for, of 40 items."""
    draw = torch.Generator().manual_seed(0)
    hits = torch.rand(people, 40, generator=draw) < 0.1
    scores = torch.randn(len(skill), people, 40, generator=draw) + hits * torch.tensor(skill)[:, None, None]
    return Candidates(scores, torch.zeros(people, 40, dtype=torch.bool), hits, hits.sum(1).numpy())


def test_members_are_chosen_one_by_one_while_lists_become_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way of choosing four, one after the other, tried by hand for everybody at once."""
    monkeypatch.setattr("palate.training.blend_weights.DRAWS", 1)
    monkeypatch.setattr("palate.training.blend_weights.ROUNDS", 4)
    monkeypatch.setattr("numpy.random.default_rng", lambda seed: Everybody())
    found = guesses([0.5, 0.9, 0.8])
    counts, best, value = [0.0, 0, 0], [0.0, 0, 0], 0.0
    for _ in range(4):
        more = [[count + (member == m) for m, count in enumerate(counts)] for member in range(3)]
        values = [found.quality(each, 10).mean() for each in more]
        counts = more[values.index(max(values))]
        if max(values) > value:
            best, value = counts, max(values)
    assert len([count for count in best if count]) > 1
    assert list_weights([found], 10) == pytest.approx([count / sum(best) for count in best])


class Everybody:
    """Draws everybody once."""

    def multinomial(self, n: int, shares: NDArray[np.float64], size: int) -> NDArray[np.int64]:
        return np.ones((size, n), dtype=np.int64)


def test_who_says_more_weighs_more_and_the_order_of_members_does_not_matter() -> None:
    found = guesses([0.5, 0.9, 0.7, 0.0])
    weights = list_weights([found], 10)
    assert sum(weights) == pytest.approx(1)
    assert weights[1] > weights[2] > weights[0] > weights[3]
    assert found.quality(weights, 10).mean() > found.quality([0, 1, 0, 0], 10).mean()
    order = [3, 1, 0, 2]
    turned = Candidates(found.scores[order], found.out, found.hits, found.counts)
    assert list_weights([turned], 10) == pytest.approx([weights[member] for member in order])
    parts = [Candidates(found.scores[:, p], found.out[p], found.hits[p], found.counts[p]) for p in PARTS]
    assert list_weights(parts, 10) == pytest.approx(weights)
    assert list_weights([found], 10, seed=1) != weights


PARTS = [slice(0, 100), slice(100, 300)]


def test_weights_of_few_people_lie_nearer_to_those_of_many_than_the_best_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of people like those that weights are chosen by, who did not choose: better lists by the mean of draws."""
    everybody = guesses([0.6, 0.8, 0.7, 0.3, 0.2, 0.1], people=2_000)
    gains = []
    for start in range(0, 800, 40):
        few = slice(start, start + 40)
        some = Candidates(everybody.scores[:, few], everybody.out[few], everybody.hits[few], everybody.counts[few])
        with monkeypatch.context() as patch:
            patch.setattr("palate.training.blend_weights.DRAWS", 1)
            patch.setattr("numpy.random.default_rng", lambda seed: Everybody())
            lucky = list_weights([some], 10)
        gains.append(everybody.quality(list_weights([some], 10), 10).mean() - everybody.quality(lucky, 10).mean())
    assert np.mean(gains) > 2 * np.std(gains) / len(gains) ** 0.5


def test_one_member_alone_where_no_blend_is_better() -> None:
    """What six go for is first of one member and last of the other, with five it is the other way round, and with both
    members it is first with nobody; some draws of people would have the other one."""
    one, other = torch.tensor([1.0, 0.9, 0.0]), torch.tensor([0.0, 1.0, 0.9])
    scores = torch.stack([torch.stack([one] * 6 + [other] * 5), torch.stack([other] * 6 + [one] * 5)])
    hits = torch.tensor([True, False, False]).expand(11, 3)
    found = Candidates(scores, torch.zeros(11, 3, dtype=torch.bool), hits, hits.sum(1).numpy())
    assert found.quality([0.5, 0.5], 1).sum() == 0
    assert list_weights([found], 1) == [1.0, 0.0]


def test_candidates_are_the_best_of_each_member_once_and_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of seven items, 0 met and 5 and 2 gone for; the two best of one member are 1 and 2, of the other 2 and 3."""
    monkeypatch.setattr("palate.training.blend_weights.BEST", 2)
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


def test_a_list_that_ends_early_has_no_hits_in_its_empty_places() -> None:
    out, hits = torch.tensor([[False, True, True]]), torch.tensor([[True, True, False]])
    found = Candidates(torch.tensor([[[1.0, 3.0, 2.0]]]), out, hits, np.array([2]))
    assert found.quality([1.0], 3).tolist() == [pytest.approx(1 / (1 + 1 / log2(3)))]


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
