"""What a list may hold, and how different its items are."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import palate
from palate.errors import OptionError, UnknownIdError
from palate.inference.cooccurrence import ItemCooccurrence
from palate.inference.ids import item_rows, listed_rows, other_order
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


# several names in one text, and the reason of an empty list


def test_a_text_may_name_several_items(mf: palate.Recommender) -> None:
    every = [row.id for row in mf.recommend(1, k=20)]
    without = [row.id for row in mf.recommend(1, k=20, exclude=f"{every[0]}, {every[2]}")]
    assert without == [id_ for id_ in every if id_ not in (every[0], every[2])]
    assert mf.recommend(1, k=20, exclude=every[0]) == mf.recommend(1, k=20, exclude=[every[0]])
    assert {row.id for row in mf.recommend(1, only=[f"{every[1]},{every[3]}"])} == {every[1], every[3]}
    assert mf.recommend(1, category="Western,Comedy") == mf.recommend(1, category=["Western", "Comedy"])
    with pytest.raises(UnknownIdError, match="unknown item 'zz'"):
        mf.recommend(1, exclude="101,zz")
    with pytest.raises(UnknownIdError, match="unknown item 'zz,y'"):
        mf.recommend(1, exclude="zz,y")


def test_an_empty_list_says_why() -> None:
    frame = pl.DataFrame({"user": [1, 1, 1, 2, 2], "item": [10, 11, 12, 10, 12], "rating": [3, 4, 2, 5, 5]})
    recommender = palate.train(frame, model="bias", test=0).recommender
    for options, note in (
        ({"user": 1}, "user 1 has met all 3 items"),
        ({"ratings": {10: 3, 11: 3, 12: 3}}, "this new user has met all 3 items"),
        ({"user": 2, "min_ratings": 20}, "no item has 20 ratings: the most is 2; lower min_ratings"),
        ({"user": 2, "only": 11, "exclude": 11}, "no item passes the filters together (exclude, only, "),
        ({"user": 2, "only": [10, 12]}, "user 2 has met all 2 items that pass the filters (exclude, "),
    ):
        empty = recommender.recommend(**options)
        assert len(empty) == 0
        assert empty.note.startswith(note)
        assert repr(empty) == f"no rows: {empty.note}"
    assert recommender.recommend(2).note == ""


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("The Matrix (1999)", "Matrix, The (1999)"),
        ("Matrix, The (1999)", "The Matrix (1999)"),
        ("A Bug's Life", "Bug's Life, A"),
        ("Les Parapluies de Cherbourg", "Parapluies de Cherbourg, Les"),
        ("Theory", None),
        (7, None),
    ],
)
def test_a_title_with_its_article_elsewhere(title: object, other: str | None) -> None:
    assert other_order(title) == other


def test_an_item_is_recognised_by_the_other_order_of_its_title() -> None:
    movies = pl.DataFrame({"movieId": [10, 11, 12], "title": ["Matrix, The (1999)", "The Thing", "Heat"]})
    frame = pl.DataFrame({"user": [1, 1, 1, 2, 2], "item": [10, 11, 12, 10, 12], "rating": [3, 4, 2, 5, 5]})
    titled = palate.read(frame, items=movies)
    assert item_rows(titled, ["The Matrix (1999)", "Thing, The", "Heat"]).tolist() == [0, 1, 2]
    assert listed_rows(titled, "Matrix, The (1999)").tolist() == [0]


def test_lists_of_all_users_take_the_filters_of_one(mf: palate.Recommender, tmp_path: Path) -> None:
    mf.lists(tmp_path / "l.csv", k=3, titles=True, exclude=101, category="Western")
    lists = pl.read_csv(tmp_path / "l.csv")
    assert lists.columns == ["user", "rank", "item", "title", "score"]
    own = mf.recommend(1, k=3, exclude=101, category="Western")
    assert lists.filter(user=1)["item"].to_list() == [row.id for row in own]
    assert lists.filter(user=1)["title"].to_list() == [row.title for row in own]


def test_vectors_of_zeros_are_left_out_and_titles_stay_apart(mf: palate.Recommender, tmp_path: Path) -> None:
    mf.export_vectors(tmp_path / "v.txt", titles=True)
    first, *rows = (tmp_path / "v.txt").read_text().splitlines()
    vectors = mf.model.item_vectors()  # type: ignore[operator]
    assert int(first.split()[0]) == len(rows) == int(vectors.any(dim=1).sum())
    words = [row.split()[0] for row in rows]
    assert "Movie_A_(1990)" in words
    assert {"Twins_103", "Twins_104"} <= set(words)


def test_a_frame_is_evaluated_as_a_table_is(mf: palate.Recommender) -> None:
    frame = trained.ratings()
    assert mf.evaluate(frame) == mf.evaluate(palate.read(frame))
    with pytest.raises(OptionError, match="cannot read a int"):
        mf.evaluate(7)
