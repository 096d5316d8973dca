"""Reasons are what the list would lose: the rating named first costs an item most when it is taken away."""

import time

import numpy as np
import pytest

from palate.inference import explanations as explaining
from tests import trained

MODELS = ("neural", "mf", "bias", "ease", "item-knn", "sasrec")


@pytest.mark.parametrize("model", MODELS)
def test_by_deletion(model: str) -> None:
    recommender = trained.train(model).recommender
    ratings = {101 + row: rating for row, rating in enumerate([5, 1, 4, 2, 5, 3])}
    [best, *_] = recommender.recommend(ratings=ratings, k=1)
    found = recommender.explain(None, best.id, ratings=ratings)

    def score(rated: dict[int, int]) -> float:
        scores = {row.id: row.score for row in recommender.recommend(ratings=rated, k=20)}
        return float(scores[best.id])

    whole = score(ratings)
    assert found.score == pytest.approx(whole, abs=1e-5)
    lost = {item: whole - score({other: r for other, r in ratings.items() if other != item}) for item in ratings}
    named = {row.id: row.loss for row in found.reasons}
    assert min(named.values(), default=1) > 0
    assert {item: named.get(item, 0) for item in ratings} == pytest.approx(  # losses of 1e-7 are rounding, on each side
        {item: max(loss, 0) for item, loss in lost.items()}, abs=1e-4
    )
    losses = [row.loss for row in found.reasons]
    assert losses == sorted(losses, reverse=True)
    if losses:
        assert lost[found.reasons[0].id] >= max(lost.values()) - 1e-4
    assert [row.rating for row in found.reasons] == [ratings[row.id] for row in found.reasons]


def test_someone_of_the_table_asks_with_their_history() -> None:
    recommender = trained.train("mf").recommender
    person = recommender.person(1)
    assert person.ratings is not None
    ids = recommender.table.item_ids
    history = dict(zip([ids.id(row) for row in person.items], person.ratings.tolist(), strict=True))
    assert recommender.explain(1, 101).reasons == recommender.explain(None, 101, ratings=history).reasons
    assert len(recommender.explain(1, 101, k=2).reasons) == 2


def test_a_history_without_ratings_has_reasons_without_ratings() -> None:
    recommender = trained.train("ease").recommender
    found = recommender.explain(None, 103, ratings=[101, 102])
    assert {row.rating for row in found.reasons} <= {None}


def test_nobody_has_no_reasons() -> None:
    recommender = trained.train("mf").recommender
    assert len(recommender.explain(None, 101, ratings={}).reasons) == 0


def test_time_is_up_for_the_oldest_events(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = trained.train("mf").recommender
    person, items = recommender.person(1), np.array([3, 5])
    n = len(person.items)
    whole = explaining.losses(recommender.model, person, items)
    assert whole.tried == n
    monkeypatch.setattr(explaining, "PADDED_EVENTS", 3 * n)  # batches of three
    parts = explaining.losses(recommender.model, person, items)
    np.testing.assert_allclose(parts.losses, whole.losses, atol=1e-5)
    now = time.monotonic()
    clock = iter([now, now + 2, now + 4])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    some = explaining.losses(recommender.model, person, items, deadline=now + 1)
    assert some.tried == 3
    assert np.isnan(some.losses[:-3]).all()
    np.testing.assert_allclose(some.losses[-3:], whole.losses[-3:], atol=1e-5)
    assert set(some.largest(0, 10)) <= {n - 1, n - 2, n - 3}
