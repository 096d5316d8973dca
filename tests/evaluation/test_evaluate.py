"""A whole evaluation of a model whose every score is known, by hand."""

from math import log2

import numpy as np
import pytest
import torch

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.evaluation import evaluate as module
from palate.evaluation.evaluate import evaluate, predict, squared_error
from palate.inference import queries
from palate.models.bias import Bias, BiasConfig
from palate.training.fit import fit
from tests import tables
from tests.scripted import LookingBack, Scripted, ScriptedRatings

USERS, ITEMS = [0, 1, 2, 3], [0, 1, 2, 3, 4]

SCORES = torch.tensor(
    [
        [5.0, 4.0, 3.0, 2.0, 1.0],
        [1.0, 1.0, 1.0, 1.0, 1.0],
        [0.0, 9.0, 2.0, 4.0, 3.0],
        [0.5, 0.5, 5.5, 0.5, 3.0],
    ]
)


def events(*rows: tuple[int, int, float]) -> Interactions:
    users, items, ratings = zip(*rows, strict=True)
    return tables.table(users, items, ratings, all_users=USERS, all_items=ITEMS)


KNOWN = events((0, 0, 1), (0, 4, 5), (1, 2, 3), (2, 1, 4))
"""On a scale of 1 to 5; of person 3 nothing is known."""

HELD_OUT = events((0, 1, 4), (0, 3, 5), (1, 0, 4), (1, 4, 4.5), (2, 0, 3.5), (3, 2, 5), (3, 0, 2))
"""Liked, from 4 on: person 0 items 1 and 3, person 1 items 0 and 4, person 2 none, person 3 item 2."""


def test_ratings_are_clipped_to_the_known_scale() -> None:
    """Predicted: 4, 2; 1, 1; 0 clipped to 1; 5.5 clipped to 5, 0.5 clipped to 1."""
    report = evaluate(ScriptedRatings(SCORES), KNOWN, HELD_OUT)
    errors = [4 - 4, 2 - 5, 1 - 4, 1 - 4.5, 1 - 3.5, 5 - 5, 1 - 2]
    assert report["rmse"] == pytest.approx((sum(e**2 for e in errors) / 7) ** 0.5)
    assert report["mae"] == pytest.approx(sum(abs(e) for e in errors) / 7)


def test_the_squared_error_is_not_clipped() -> None:
    errors = [4 - 4, 2 - 5, 1 - 4, 1 - 4.5, 0 - 3.5, 5.5 - 5, 0.5 - 2]
    found = squared_error(ScriptedRatings(SCORES), KNOWN, HELD_OUT)
    assert found == pytest.approx(sum(e**2 for e in errors) / 7)


def test_lists_are_of_what_is_not_known_and_ties_go_by_row() -> None:
    """The best two: person 0 gets 1, 2 (0 and 4 known); 1 gets 0, 1 (all alike, 2 known); 3 gets 2, 4; 2 liked none."""
    report = evaluate(Scripted(SCORES), KNOWN, HELD_OUT, k=2)
    first, second = 1 / log2(2), 1 / log2(3)
    assert report == {
        "recall@2": pytest.approx((1 / 2 + 1 / 2 + 1 / 1) / 3),
        "ndcg@2": pytest.approx((first / (first + second) + first / (first + second) + 1) / 3),
        "people": 3,
    }


def test_a_list_longer_than_the_catalogue_finds_all() -> None:
    report = evaluate(Scripted(SCORES), KNOWN, HELD_OUT, k=50)
    assert report["recall@50"] == 1
    # person 0: 1, 2, 3 in this order; person 1: 0, 1, 3, 4; person 3: 2 first
    first, second, third, fourth = 1 / log2(2), 1 / log2(3), 1 / log2(4), 1 / log2(5)
    by_hand = ((first + third) / (first + second) + (first + fourth) / (first + second) + 1) / 3
    assert report["ndcg@50"] == pytest.approx(by_hand)


def test_all_there_is_to_say_of_ratings() -> None:
    """Errors as above; person 0: 0, 3; person 1: 3, 3.5; person 2: 2.5; person 3: 0, 1."""
    report = evaluate(ScriptedRatings(SCORES), KNOWN, HELD_OUT, full=True, half_widths={0.5: 1.0, 0.9: 3.25})
    roots = [(9 / 2) ** 0.5, ((3**2 + 3.5**2) / 2) ** 0.5, 2.5, (1 / 2) ** 0.5]
    assert report["user_rmse"] == pytest.approx(sum(roots) / 4)
    assert report["user_mae"] == pytest.approx((1.5 + 3.25 + 2.5 + 0.5) / 4)
    # predicted 1 four times, of 4, 4.5, 3.5 and 2; 2 once, of 5; 4 of 4; 5 of 5: each value is in a bin of its own
    assert report["calibration_error"] == pytest.approx((4 * (14 / 4 - 1) + 3 + 0 + 0) / 7)
    assert report["covered@50"] == pytest.approx(3 / 7)
    assert report["width@50"] == pytest.approx((4 * 1 + 2 + 2 + 1) / 7)  # 1 to 2 four times, 1 to 3, 3 to 5, 4 to 5
    assert report["covered@90"] == pytest.approx(6 / 7)
    assert report["width@90"] == pytest.approx((4 * 3.25 + 4 + 4 + 3.25) / 7)


def test_all_there_is_to_say_of_lists() -> None:
    """The lists of two: 1, 2 with one hit; 0, 1 with one; 2, 4 with one."""
    report = evaluate(Scripted(SCORES), KNOWN, HELD_OUT, k=2, full=True)
    first, second = 1 / log2(2), 1 / log2(3)
    assert report == pytest.approx(
        {
            "recall@2": (1 / 2 + 1 / 2 + 1) / 3,
            "precision@2": 1 / 2,
            "hit_rate@2": 1,
            "ndcg@2": (2 * first / (first + second) + 1) / 3,
            "map@2": (1 / 2 + 1 / 2 + 1) / 3,
            "mrr@2": 1,
            "coverage@2": 4 / 5,
            "gini@2": (-4 * 0 - 2 * 1 + 0 * 1 + 2 * 2 + 4 * 2) / (5 * 6),
            "novelty@2": 2,  # bits: each has 1 of 4 events
            "popularity_lift@2": 1,  # and person 3, of whom nothing is known, is left out
            "diversity@2": 1,  # nobody met two of a list
            "people": 3,
        }
    )


def test_lists_of_one_item_have_no_diversity() -> None:
    assert "diversity@1" not in evaluate(Scripted(SCORES), KNOWN, HELD_OUT, k=1, full=True)


def test_bare_events_are_all_relevant() -> None:
    known = tables.table([0, 1], [0, 1], all_users=USERS, all_items=ITEMS)
    held_out = tables.table([0, 0, 2], [1, 2, 0], all_users=USERS, all_items=ITEMS)
    report = evaluate(ScriptedRatings(SCORES), known, held_out, k=1)
    assert report == {"recall@1": pytest.approx((1 / 2 + 0) / 2), "ndcg@1": pytest.approx((1 + 0) / 2), "people": 2}


def test_an_item_met_twice_is_one_item() -> None:
    held_out = events((0, 1, 5), (0, 1, 4), (0, 3, 5))
    report = evaluate(Scripted(SCORES), KNOWN, held_out, k=3)
    assert report["recall@3"] == 1


def test_what_counts_as_liked() -> None:
    assert relevant(HELD_OUT, (1, 5)).items.tolist() == [1, 3, 0, 4, 2]
    assert len(relevant(HELD_OUT, (0, 6))) == 3  # from 4.5 on
    assert len(relevant(HELD_OUT, (2, 2))) == 7
    assert relevant(HELD_OUT, None) is HELD_OUT
    bare = tables.table([0], [0])
    assert relevant(bare, (1, 5)) is bare


def test_nobody_liked_anything() -> None:
    assert evaluate(Scripted(SCORES), KNOWN, events((0, 1, 1), (2, 2, 2))) == {}
    assert set(evaluate(ScriptedRatings(SCORES), KNOWN, events((0, 1, 1)))) == {"rmse", "mae"}


def test_an_empty_held_out_part() -> None:
    nothing = HELD_OUT.where(np.zeros(len(HELD_OUT), dtype=bool))
    assert evaluate(ScriptedRatings(SCORES), KNOWN, nothing) == {}
    assert predict(ScriptedRatings(SCORES), KNOWN, nothing).shape == (0,)


def test_a_sample_of_people_follows_from_the_seed() -> None:
    draw = np.random.default_rng(0)
    scores = torch.from_numpy(draw.random((30, 20)).astype(np.float32))
    table = tables.random_table()
    known, held_out = table.where(np.arange(len(table)) % 3 > 0), table.where(np.arange(len(table)) % 3 == 0)
    whole = evaluate(Scripted(scores), known, held_out, people=30)
    assert whole == evaluate(Scripted(scores), known, held_out, people=1000)
    assert whole["people"] > 10
    some = [evaluate(Scripted(scores), known, held_out, people=9, seed=seed) for seed in (0, 0, 1)]
    assert some[0] == some[1]
    assert some[0] != some[2]
    assert some[0]["people"] == 9
    assert evaluate(Scripted(scores), known, held_out) == whole
    assert module.PEOPLE_RANKED == 1000


def test_a_person_of_whom_nothing_is_known_is_served() -> None:
    """User 3 has no known event: their row is still a row, for models that look back too."""
    fitted = Bias(BiasConfig.model_validate({}), 4, 5)
    fit(fitted, KNOWN)
    held_out = events((3, 2, 5), (3, 0, 2))
    assert np.isfinite(list(evaluate(fitted, KNOWN, held_out, k=2).values())).all()
    looking = LookingBack(4, 5)
    evaluate(looking, KNOWN, held_out, k=2)
    assert looking.asked[0].users.tolist() == [3]


def test_models_that_look_back_see_what_is_known_and_no_more() -> None:
    looking = LookingBack(4, 5)
    evaluate(looking, KNOWN, HELD_OUT, k=2)
    (query,) = looking.asked
    assert query.users.tolist() == [0, 1, 3]
    assert query.histories.tolist() == [[0, 4], [-1, 2], [-1, -1]]


def test_predictions_stand_in_the_table_s_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when people come in many chunks."""
    original = queries.in_chunks
    monkeypatch.setattr(queries, "in_chunks", lambda *of, **options: original(*of, **options | {"people": 1}))
    expected = SCORES[HELD_OUT.users, HELD_OUT.items]
    assert predict(ScriptedRatings(SCORES), KNOWN, HELD_OUT).tolist() == expected.tolist()
