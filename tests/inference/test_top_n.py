"""What a list may hold, and how different its items are."""

import numpy as np
import pytest

import palate
from palate.errors import OptionError, UnknownIdError
from palate.inference.cooccurrence import ItemCooccurrence
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems, _diversify, choose
from tests import trained
from tests.tables import random_table, table


@pytest.fixture(scope="module")
def mf() -> palate.Recommender:
    return trained.train("mf").recommender


def test_categories(mf: palate.Recommender) -> None:
    whole = mf.recommend(ratings={101: 5}, k=20)
    western = [row.id for row in whole if row.id % 2 == 1]
    assert [row.id for row in mf.recommend(ratings={101: 5}, k=20, category="Western")] == western
    both = mf.recommend(ratings={101: 5}, k=20, category=["Western", "Comedy"])
    assert both == whole
    with pytest.raises(UnknownIdError, match=r"unknown category 'Wester'; did you mean 'Western'\?"):
        mf.recommend(1, category="Wester")


def test_a_model_without_categories_says_so() -> None:
    recommender = palate.train(random_table(), model="popularity").recommender
    with pytest.raises(UnknownIdError, match="unknown category 'Western'; the items of this model have no categories"):
        recommender.recommend(ratings={0: 5}, category="Western")


def test_diversity_by_hand() -> None:
    """Items 0 and 1 are alike; with d = 0.5 the second place goes to item 2: 0.5 * 0.6 - 0 > 0.5 * 0.9 - 0.5 * 0.9."""
    alike = np.array([[1, 0.9, 0, 0.2], [0.9, 1, 0, 0], [0, 0, 1, 0], [0.2, 0, 0, 1]])
    best = RankedItems(np.array([7, 8, 9, 3]), np.array([10, 9, 6, 0], dtype=np.float32))
    assert _diversify(best, Filters(3, None, 0.5), lambda rows: alike).rows.tolist() == [7, 9, 8]
    assert _diversify(best, Filters(4, None, 0.0), lambda rows: alike).rows.tolist() == [7, 8, 9, 3]
    assert _diversify(best, Filters(3, None, 1.0), lambda rows: alike).rows.tolist() == [7, 9, 3]


@pytest.mark.parametrize(("model", "settings"), [("mf", {"l2": 0.1}), ("ease", {})])
def test_diverse_lists_are_less_alike(model: str, settings: dict[str, float]) -> None:
    recommender = trained.train(model, settings=settings).recommender

    def alike(diversity: float) -> float:
        found = recommender.recommend(ratings={101: 5}, k=4, diversity=diversity)
        rows = [recommender.table.item_ids.row(row.id) for row in found]
        return float(np.triu(recommender.likeness(np.array(rows)), 1).sum())

    assert alike(1.0) < alike(0.0)
    assert recommender.recommend(1, k=4, diversity=0.0) == recommender.recommend(1, k=4)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="from 0 to 1"):
            recommender.recommend(1, diversity=wrong)


def test_likeness_by_who_met_items() -> None:
    """Of 4 people items 0 and 1 share two: 2 / sqrt(3 * 2)."""
    events = table([0, 1, 2, 0, 1, 3], [0, 0, 0, 1, 1, 2])
    found = ItemCooccurrence(events).cosines(np.array([0, 1, 2]))
    alike: float = 2 / np.sqrt(6)
    np.testing.assert_allclose(found, np.array([[1, alike, 0], [alike, 1, 0], [0, 0, 1]]))


def test_a_batch_is_as_one_by_one(mf: palate.Recommender) -> None:
    """People of the table and others, with and without ratings or times, and each with filters of their own."""
    people = [mf.person(1), mf.person(2), mf.person(None, {101: 5}), mf.person(None, {}), mf.person(2).unseen]
    wanted = [Filters(3), Filters(5, np.arange(20) < 10), Filters(20), Filters(1, None, 0.5), Filters(4)]
    whole = choose(mf.model, people, wanted, mf.likeness)
    for person, one, found in zip(people, wanted, whole, strict=True):
        [alone] = choose(mf.model, [person], [one], mf.likeness)
        assert found.rows.tolist() == alone.rows.tolist()
        np.testing.assert_allclose(found.scores, alone.scores, rtol=1e-5)


def test_what_was_viewed_does_not_come_again(mf: palate.Recommender) -> None:
    person = mf.person(3)
    [before] = mf.choose([person], [Filters(3)])
    again = Person(person.row, person.items, person.ratings, person.times, before.rows[:1])
    [after] = mf.choose([again], [Filters(2)])
    assert after.rows.tolist() == before.rows[1:].tolist()
