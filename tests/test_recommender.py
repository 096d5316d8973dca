import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
import torch
from gensim.models import KeyedVectors  # type: ignore[import-untyped]

import palate
from palate.errors import OptionError, OutputError, UnknownIdError, UnsupportedError
from palate.inference.directions import direction
from palate.inference.vectors import random_offsets
from palate.results import DRAWS
from tests import trained
from tests.names import PREDICTING, WITH_VECTORS

MOVIES = range(101, 121)


@pytest.fixture(scope="module")
def neural() -> palate.Recommender:
    return trained.train().recommender


@pytest.fixture(scope="module")
def bias() -> palate.Recommender:
    return trained.train("bias").recommender


@pytest.fixture(scope="module")
def popularity() -> palate.Recommender:
    return trained.train("popularity").recommender


def seen(recommender: palate.Recommender, user: Any) -> set[Any]:
    table = recommender.table
    row = table.user_ids.row(user)
    return {table.item_ids.id(item) for item in table.items[table.users == row]}


def ids(results: palate.Results) -> list[Any]:
    return [row.id for row in results]


# Recommending.


def test_ten_unseen_items_best_first(neural: Any) -> None:
    found = neural.recommend(1, k=5)
    assert len(found) == 5
    assert [row.score for row in found] == sorted((row.score for row in found), reverse=True)
    assert found[0]._fields == ("id", "title", "score")
    assert all(row.title == neural.table.catalogue.title(row.id - 101) for row in found)


def test_what_was_seen_never_comes_and_all_the_rest_does(neural: Any) -> None:
    for user in range(1, 31):
        assert set(ids(neural.recommend(user, k=1000))) == set(MOVIES) - seen(neural, user), "also of the test part"


def test_scores_are_the_models_predictions(neural: Any) -> None:
    for row in neural.recommend(2):
        expected = np.clip(row.score, *neural.table.scale)
        assert neural.predict(2, row.id) == pytest.approx(expected, abs=1e-5)


def test_exclude_only_and_min_ratings(neural: Any) -> None:
    every = ids(neural.recommend(1, k=20))
    assert ids(neural.recommend(1, k=20, exclude=every[:2])) == every[2:]
    assert ids(neural.recommend(1, k=20, only=every[3:5])) == every[3:5]
    assert ids(neural.recommend(1, k=20, only=every[3:5], exclude=[every[3]])) == [every[4]]
    assert ids(neural.recommend(1, k=20, only=[])) == []
    assert ids(neural.recommend(1, k=20, only=sorted(seen(neural, 1)))) == [], "only does not bring back what was seen"
    counts = dict(zip(MOVIES, neural.table.item_counts.tolist(), strict=True))
    often = sorted(counts.values())[10]
    assert ids(neural.recommend(1, k=20, min_ratings=often)) == [item for item in every if counts[item] >= often]
    assert ids(neural.recommend(1, min_ratings=10_000)) == []


def test_items_by_title(neural: Any) -> None:
    title = "Movie A (1990)"
    assert neural.predict(1, title) == neural.predict(1, 101)
    assert neural.recommend(ratings={title: 5}) == neural.recommend(ratings={101: 5})
    assert neural.similar(title) == neural.similar(101)
    assert 101 not in ids(neural.recommend(ratings={}, k=20, exclude=[title]))
    with pytest.raises(UnknownIdError, match=r"2 items have the title 'Twins': use one of their ids 103, 104"):
        neural.predict(1, "Twins")
    with pytest.raises(UnknownIdError, match=r"unknown item 'Movie A \(1999\)'; did you mean 'Movie A \(1990\)'"):
        neural.predict(1, "Movie A (1999)")


def test_a_number_is_an_id_and_never_a_title(neural: Any) -> None:
    assert neural.predict(1, "1984") == neural.predict(1, 105)
    with pytest.raises(UnknownIdError, match=r"unknown item 1984"):
        neural.predict(1, 1984)


def test_integers_of_numpy_are_integers(neural: Any) -> None:
    assert neural.recommend(np.int64(1)) == neural.recommend(1)
    assert neural.predict(np.int32(1), np.uint16(101)) == neural.predict(1, 101)


@pytest.mark.parametrize("user", ["1", "", 0, -1, 2**70, 1.0, True, "Ω"])
def test_an_unknown_user(neural: Any, user: Any) -> None:
    with pytest.raises(UnknownIdError, match="unknown user"):
        neural.recommend(user)


def test_near_misses(neural: Any) -> None:
    with pytest.raises(UnknownIdError, match=r"unknown user '1'; did you mean 1, "):
        neural.recommend("1")
    with pytest.raises(UnknownIdError, match=r"unknown item 1011; did you mean 101 or 111"):
        neural.predict(1, 1011)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name a user, or give ratings of a new user, and not both"),
        ({"user": 1, "ratings": {101: 5}}, "name a user, or give ratings of a new user, and not both"),
        ({"user": 1, "k": 0}, "k is 0: it must be at least 1"),
        ({"user": 1, "min_ratings": -1}, "min_ratings is -1: it must be at least 0"),
        ({"ratings": "Movie A (1990)"}, "items must be a list, not the text 'Movie A"),
        ({"ratings": {101: 5.5}}, "rating 5.5 of item 101 is off the scale: 1 to 5"),
        ({"ratings": {101: 0}}, "rating 0 of item 101 is off the scale: 1 to 5"),
        ({"ratings": {"Movie A (1990)": -3}}, "rating -3 of item 'Movie A (1990)' is off the scale: 1 to 5"),
        ({"ratings": {101: math.nan}}, "rating nan of item 101 is off the scale: 1 to 5"),
        ({"ratings": {101: math.inf}}, "rating inf of item 101 is off the scale: 1 to 5"),
        ({"ratings": {101: "5"}}, "rating '5' of item 101 is off the scale: 1 to 5"),
        ({"ratings": {101: None}}, "rating None of item 101 is off the scale: 1 to 5"),
        ({"ratings": [101, 102]}, "neural needs a rating for each item: {item: rating}"),
        ({"ratings": {101: 5, "Movie A (1990)": 1}}, "ratings name an item twice"),
    ],
)
def test_questions_that_make_no_sense(neural: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        neural.recommend(**options)
    assert message in str(caught.value)


# A person never seen.


@pytest.mark.parametrize("model", ["neural", "bias", "popularity"])
def test_a_person_never_seen(model: str, request: pytest.FixtureRequest) -> None:
    recommender: palate.Recommender = request.getfixturevalue(model)
    rated = {101: 5, 102: 1.0, 120: np.float32(3)}
    assert set(ids(recommender.recommend(ratings=rated, k=50))) == set(MOVIES) - rated.keys()
    nothing = recommender.recommend(ratings={}, k=50)
    assert set(ids(nothing)) == set(MOVIES)


def test_ratings_of_a_newcomer_count(neural: Any, bias: Any) -> None:
    for recommender in (neural, bias):
        generous, stern = (dict.fromkeys(range(101, 111), rating) for rating in (5, 1))
        liked, disliked = (recommender.predict(None, 115, ratings=rated) for rated in (generous, stern))
        assert liked > disliked


def test_a_list_of_items_suits_a_model_without_ratings(popularity: Any) -> None:
    listed = popularity.recommend(ratings=[101, "Movie B (1991)"], k=50)
    assert set(ids(listed)) == set(MOVIES) - {101, 102}
    assert listed == popularity.recommend(ratings={101: 1, 102: 5}, k=50)
    assert popularity.recommend(ratings=iter([101, 102]), k=50) == listed


# Predicting.


def test_predictions_one_and_many(neural: Any) -> None:
    many = neural.predict(1, [103, "Movie A (1990)", 103])
    assert [row.id for row in many] == [103, 101, 103]
    assert many[0]._fields == ("id", "title", "rating")
    assert [row.rating for row in many] == [neural.predict(1, item) for item in (103, 101, 103)]
    assert len(neural.predict(1, [])) == 0
    assert isinstance(neural.predict(1, 101), float)


def test_predictions_stay_on_the_scale() -> None:
    bias: Any = trained.train("bias", settings={"user_l2": 0, "item_l2": 0}).recommender  # nothing held back
    low, high = bias.table.scale
    rows = [row.rating for user in range(1, 31) for row in bias.predict(user, list(MOVIES))]
    assert min(rows) >= low
    assert max(rows) <= high
    assert {low, high} & set(rows), "the bounds are reached, or clipping was not tested"


def test_predictions_with_an_interval(neural: Any) -> None:
    reach = neural.training.half_widths[0.8]
    low, high = neural.table.scale
    one = neural.predict(1, 101, interval=0.8)
    assert one == (one.rating, max(one.rating - reach, low), min(one.rating + reach, high))
    assert one.rating == neural.predict(1, 101)
    many = neural.predict(1, [103, 101], interval=0.8)
    assert many.to_polars().columns == ["id", "title", "rating", "low", "high"]
    assert many[1][2:] == one
    widths = [each.high - each.low for each in (neural.predict(1, 101, interval=level) for level in (0.5, 0.8, 0.9))]
    assert widths == sorted(widths)
    newcomer = neural.predict(None, 101, ratings={102: 3}, interval=0.5)
    assert low <= newcomer.low <= newcomer.rating <= newcomer.high <= high


def test_intervals_that_are_not_known(neural: Any) -> None:
    with pytest.raises(OptionError, match=r"interval is 0\.7: it must be one of 0\.5, 0\.8, 0\.9, 0\.95"):
        neural.predict(1, 101, interval=0.7)
    with pytest.raises(UnsupportedError, match="no intervals: they need a validation part"):
        trained.train("bias", validation=0).recommender.predict(1, 101, interval=0.8)


def test_predict_needs_one_person(neural: Any) -> None:
    with pytest.raises(OptionError, match="name a user, or give ratings"):
        neural.predict(None, 101)
    with pytest.raises(OptionError, match="and not both"):
        neural.predict(1, 101, ratings={102: 3})


# Neighbours and analogies.


def cosines(vectors: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cosine_similarity(vectors.double(), towards.double(), dim=1)


def test_similar_items_by_cosine(neural: Any) -> None:
    vectors = neural.model.item_vectors()
    expected = cosines(vectors, vectors[4:5])
    found = neural.similar(105, k=50)
    assert set(ids(found)) == set(MOVIES) - {105}
    assert [row.score for row in found] == pytest.approx([expected[row.id - 101].item() for row in found], abs=1e-5)
    assert [row.score for row in found] == sorted((row.score for row in found), reverse=True)
    assert found[:3] == neural.similar(105, k=3)
    assert found[0].title is not None


def test_similar_items_without_vectors_are_those_the_same_people_met(popularity: Any) -> None:
    table = popularity.table
    met = np.zeros((table.n_users, table.n_items))
    met[table.users, table.items] = 1
    expected = cosines(torch.from_numpy(met.T), torch.from_numpy(met.T[4:5]))
    found = popularity.similar(105, k=50)
    assert set(ids(found)) == {101 + row for row in expected.nonzero().flatten().tolist()} - {105}
    assert [row.score for row in found] == pytest.approx([expected[row.id - 101].item() for row in found])
    assert [row.score for row in found] == sorted((row.score for row in found), reverse=True)
    assert found[:3] == popularity.similar("1984", k=3)
    often = int(np.median(table.item_counts))
    assert {table.item_counts[id_ - 101] >= often for id_ in ids(popularity.similar(105, min_ratings=often))} == {True}
    assert len(popularity.similar(105, min_ratings=10_000)) == 0
    with pytest.raises(OptionError, match="k is 0"):
        popularity.similar(105, k=0)
    with pytest.raises(UnknownIdError, match="unknown item 99"):
        popularity.similar(99)


def test_what_nobody_met_together_has_similarity_0_and_comes_last() -> None:
    events = {"user": [1, 1, 2, 2], "item": ["a", "b", "c", "d"]}
    recommender = palate.train(pl.DataFrame(events), model="popularity", test=0, validation=0).recommender
    assert [(row.id, row.score) for row in recommender.similar("a")] == [("b", 1), ("c", 0), ("d", 0)]


def test_similar_users(neural: Any) -> None:
    vectors = neural.model.user_vectors()
    expected = cosines(vectors, vectors[1:2])
    found = neural.similar(user=2, k=50)
    assert set(ids(found)) == set(range(1, 31)) - {2}
    assert found[0]._fields == ("id", "score")
    assert found[0].score == pytest.approx(expected[found[0].id - 1].item(), abs=1e-5)


def test_neighbours_with_enough_ratings(neural: Any) -> None:
    counts = neural.table.item_counts
    often = int(np.median(counts))
    assert {counts[item - 101] >= often for item in ids(neural.similar(105, k=50, min_ratings=often))} == {True}
    assert len(neural.similar(105, k=50, min_ratings=often)) < 19
    assert len(neural.similar(105, min_ratings=10_000)) == 0
    given = np.diff(neural.table.offsets)
    often = int(np.median(given))
    assert {given[user - 1] >= often for user in ids(neural.similar(user=2, k=50, min_ratings=often))} == {True}


def test_an_analogy_is_a_minus_b_plus_c_of_unit_vectors(neural: Any) -> None:
    vectors = neural.model.item_vectors().double()
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    expected = cosines(vectors, (unit[0] - unit[1] + unit[5])[None])
    found = neural.analogy(101, "Movie B (1991)", 106, k=50)
    assert set(ids(found)) == set(MOVIES) - {101, 102, 106}
    assert [row.score for row in found] == pytest.approx([expected[row.id - 101].item() for row in found], abs=1e-5)


def with_vectors(recommender: Any, vectors: torch.Tensor) -> Any:
    """The same table with item vectors made by hand, (20, 4)."""
    model = copy.deepcopy(recommender.model)
    model.vectors.weight[30:] = vectors
    return palate.Recommender(model, recommender.split, recommender.training)


def test_an_analogy_beside_its_controls(neural: Any) -> None:
    vectors = torch.eye(4).repeat(5, 1) + 0.2  # every item is one of four alike; of four rows of 101, 102, ...
    vectors[0], vectors[1], vectors[2] = torch.tensor([[1.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    vectors[3], vectors[4] = torch.tensor([[0, 1.0, 2**0.5, 0], [0, 1, 0, 0.1]])
    made = with_vectors(neural, vectors)
    found = made.check_analogy(101, 102, 103, k=2)
    assert found.answer == made.analogy(101, 102, 103, k=2)
    assert found.answer[0].id == 104, "king - man + woman = queen"
    assert (
        found.no_offset
        == palate.Results(made.similar(103, k=4).to_polars().filter(~pl.col("id").is_in([101, 102])))[:2]
    )
    assert found.no_offset[0].id == 105
    assert found.in_no_offset == len(set(ids(found.answer)) & set(ids(found.no_offset)))
    assert not {101, 102, 103} & {*ids(found.answer), *ids(found.no_offset), *ids(found.shuffled)}
    assert found.sentence.startswith(f"Of these 2 items, {found.in_no_offset} are also nearest to c alone, and ")


def test_the_controls_of_an_analogy_by_a_slow_transcription(neural: Any) -> None:
    vectors = neural.model.item_vectors()
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    often = int(np.median(neural.table.item_counts))
    enough = torch.from_numpy(neural.table.item_counts >= often)
    drawn = enough.clone()
    drawn[[0, 1, 5]] = True
    found = neural.check_analogy(101, 102, 106, k=3, min_ratings=often, seed=4)

    def near(towards: torch.Tensor) -> list[int]:
        scores = cosines(vectors, towards[None])
        scores[~enough] = -9
        scores[[0, 1, 5]] = -9
        return [101 + int(row) for row in scores.argsort(descending=True)[:3]]

    lists = [near(unit[5] + offset) for offset in random_offsets(vectors[drawn], unit[0] - unit[1], DRAWS, seed=4)]
    assert ids(found.shuffled) == lists[0]
    assert ids(found.no_offset) == near(unit[5])
    shared = [len(set(ids(found.answer)) & set(other)) for other in lists]
    assert found.in_shuffled == pytest.approx(np.mean(shared))
    assert 0 < found.in_shuffled < 3, "else the mean is not tested"
    assert found == neural.check_analogy(101, 102, 106, k=3, min_ratings=often, seed=4)
    assert found != neural.check_analogy(101, 102, 106, k=3, min_ratings=often, seed=5)


# Directions.


def test_directions_and_neighbours_moved_along_one(neural: Any) -> None:
    vectors = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    vectors[:, 1] = torch.tensor([1.0, -1.0]).repeat(10) * 0.5  # rows are Western, Drama and Comedy, Western, ...
    made = with_vectors(neural, vectors)
    found = made.directions(min_ratings=0)
    assert found[0]._fields == ("attribute", "items", "measure", "score", "shuffled")
    assert {row.attribute: row.items for row in found} == {"Comedy": 10, "Drama": 10, "Western": 10}
    assert all(row.score > 0.9 for row in found)
    assert max(row.shuffled for row in found) < 0.75
    west = {movie for movie in MOVIES if movie % 2 == 1}
    assert set(ids(made.similar(102, k=8, towards="Western", strength=9))) <= west
    assert not set(ids(made.similar(101, k=8, towards="Western", strength=-9))) & west
    assert made.similar(101, towards="Western", strength=0) == made.similar(101)
    way = direction(vectors, torch.tensor([1.0, 0.0]).repeat(10))
    expected = cosines(vectors, (vectors[0] / vectors[0].norm() + 0.5 * way)[None])
    near = made.similar(101, k=50, towards="Western", strength=0.5)
    assert [row.score for row in near] == pytest.approx([expected[row.id - 101].item() for row in near], abs=1e-5)


def test_a_direction_that_cannot_be_taken(neural: Any) -> None:
    with pytest.raises(UnknownIdError, match=r"unknown attribute 'Westen'; did you mean 'Western'"):
        neural.similar(101, towards="Westen")
    with pytest.raises(UnknownIdError, match=r"unknown attribute '\?'; directions\(\) lists the attributes"):
        neural.similar(101, towards="?")
    with pytest.raises(OptionError, match="towards moves an item, not a user"):
        neural.similar(user=1, towards="Western")
    with pytest.raises(OptionError, match="strength is nan"):
        neural.similar(101, towards="Western", strength=math.nan)
    with pytest.raises(OptionError, match="min_ratings is -1"):
        neural.directions(min_ratings=-1)
    assert len(neural.directions(min_ratings=10_000)) == 0


def test_similar_needs_an_item_or_a_user(neural: Any) -> None:
    for options in ({}, {"item": 101, "user": 1}):
        with pytest.raises(OptionError, match="an item or a user, and not both"):
            neural.similar(**options)
    with pytest.raises(OptionError, match="k is 0"):
        neural.similar(101, k=0)
    with pytest.raises(UnknownIdError, match="unknown item 99"):
        neural.similar(99)
    with pytest.raises(UnknownIdError, match="unknown user 99"):
        neural.similar(user=99)


def test_what_a_model_lacks_it_says_and_who_has_it(popularity: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as caught:
        popularity.predict(1, 101)
    assert str(caught.value) == f"model 'popularity' has no predicted ratings; train one that has: {PREDICTING}"
    for ask in (
        lambda: popularity.similar(user=1),
        lambda: popularity.analogy(101, 102, 106),
        lambda: popularity.check_analogy(101, 102, 106),
        lambda: popularity.directions(),
        lambda: popularity.similar(101, towards="Western"),
        lambda: popularity.export_vectors(tmp_path / "v.txt"),
    ):
        with pytest.raises(UnsupportedError) as caught:
            ask()  # type: ignore[no-untyped-call]
        assert str(caught.value) == f"model 'popularity' has no vectors; train one that has: {WITH_VECTORS}"
    assert list(tmp_path.iterdir()) == []


# Vectors for other tools.


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("of", ["item", "user"])
def test_exported_vectors_open_in_gensim(neural: Any, tmp_path: Path, header: bool, of: Any) -> None:
    neural.export_vectors(tmp_path / "v.txt", of=of, header=header)
    opened = KeyedVectors.load_word2vec_format(str(tmp_path / "v.txt"), no_header=not header)
    vectors = neural.model.user_vectors() if of == "user" else neural.model.item_vectors()
    names = [str(id_) for id_ in (range(1, 31) if of == "user" else MOVIES)]
    assert opened.index_to_key == names
    assert np.array_equal(opened.vectors, vectors.numpy()), "to the last bit"
    if of == "item":
        assert opened.most_similar("105", topn=1)[0][0] == str(ids(neural.similar(105))[0])
    assert (tmp_path / "v.txt").read_bytes().count(b"\n") == len(names) + header


def test_exported_ids_of_any_kind(tmp_path: Path) -> None:
    names = {101: "two words", 102: "naïve 日本", 103: "tab\there", 104: "\u2003"}
    frame = trained.ratings().with_columns(
        movieId=pl.col("movieId").replace_strict(names, default="x" + pl.col("movieId").cast(pl.String))
    )
    recommender: Any = trained.train(source=frame).recommender
    recommender.export_vectors(tmp_path / "v.txt")
    opened = KeyedVectors.load_word2vec_format(str(tmp_path / "v.txt"))
    assert {"two_words", "naïve_日本", "tab_here", "_", "x105"} <= set(opened.index_to_key)
    assert len(opened.index_to_key) == 20
    assert np.array_equal(
        opened["naïve_日本"], recommender.model.item_vectors()[recommender.table.item_ids.row("naïve 日本")]
    )


def test_vectors_that_cannot_be_written(neural: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write"):
        neural.export_vectors(tmp_path / "file" / "v.txt")


# Evaluating.


def test_the_own_test_part_gives_the_stored_metrics(neural: Any) -> None:
    assert neural.evaluate() == neural.training.metrics
    assert set(neural.evaluate(k=3)) == {"rmse", "mae", "recall@3", "ndcg@3", "people"}
    with pytest.raises(OptionError, match="k is 0"):
        neural.evaluate(k=0)


def test_the_error_is_that_of_predict(neural: Any) -> None:
    test = neural.split.test
    errors = [
        neural.predict(int(user) + 1, int(item) + 101) - rating
        for user, item, rating in zip(test.users, test.items, test.ratings, strict=True)
    ]
    assert neural.evaluate()["rmse"] == pytest.approx(math.sqrt(np.mean(np.square(errors))), rel=1e-5)
    assert neural.evaluate()["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-5)


def test_another_table_with_events_that_cannot_be_asked_about(neural: Any) -> None:
    fresh = [(user, item) for user in range(1, 31) for item in MOVIES if item not in seen(neural, user)][:40]
    learned = [(1, item) for item in seen(neural, 1)]
    before_test = neural.split.before_test
    in_training = {
        (int(user) + 1, int(item) + 101) for user, item in zip(before_test.users, before_test.items, strict=True)
    }
    learned = sorted(in_training)[:7]
    strange = [(1, 999), (77, 101), (78, 998)]
    pairs = pl.DataFrame([*fresh, *learned, *strange], schema=["userId", "movieId"], orient="row")
    other = palate.read(pairs.with_columns(rating=4.0))
    report = neural.evaluate(other)
    assert report["unknown"] == 3
    assert report["learned"] == 7
    assert report["mae"] == pytest.approx(np.mean([abs(neural.predict(*pair) - 4) for pair in fresh]), rel=1e-5)
    assert report["people"] == len({user for user, _ in fresh})
    assert neural.evaluate(other, k=20)["recall@20"] == 1, "all of them can still be recommended"


def test_the_whole_table_again_is_as_the_test_part(neural: Any) -> None:
    report = neural.evaluate(palate.read(trained.ratings()))
    assert report["learned"] == len(neural.split.before_test)
    assert report == {**neural.training.metrics, "unknown": 0, "learned": report["learned"]}


def test_a_table_of_strangers(neural: Any) -> None:
    other = palate.read(trained.ratings().with_columns(pl.col("userId") + 1000))
    with pytest.raises(OptionError, match=r"none of the \d+ events can be predicted: \d+ have a user or an item that"):
        neural.evaluate(other)
    with pytest.raises(
        OptionError, match=r": 0 have a user or an item that the model does not know, and it has learned from \d+"
    ):
        trained.train(test=0).recommender.evaluate(palate.read(trained.ratings()))


def test_calibration_is_that_of_the_report(neural: Any) -> None:
    tenths = neural.calibration().to_polars()
    assert tenths["ratings"].sum() == len(neural.split.test)
    error = (tenths["ratings"] * (tenths["predicted"] - tenths["real"]).abs()).sum() / len(neural.split.test)
    report = neural.evaluate(full=True)
    assert report["calibration_error"] == pytest.approx(error)
    assert neural.evaluate().items() <= report.items()
    other = neural.calibration(palate.read(trained.ratings()))
    assert other == neural.calibration(), "what it has learned from is left out"


def test_calibration_needs_ratings(neural: Any) -> None:
    with pytest.raises(UnsupportedError, match="no ratings to compare"):
        neural.calibration(palate.read(trained.ratings().drop("rating")))
    with pytest.raises(UnsupportedError, match="has no predicted ratings"):
        trained.train("popularity").recommender.calibration()


def test_without_a_test_part_there_is_nothing_to_evaluate() -> None:
    with pytest.raises(OptionError, match="has no test part: name a table"):
        trained.train("bias", test=0).recommender.evaluate()


# Ids of every kind.


@pytest.mark.parametrize(
    "rename",
    [
        lambda number: number - 60,
        lambda number: number + 2**62,
        lambda number: number + 2**63 + 5,
        lambda number: str(number + 2**80),
        lambda number: f"Zoë 🦉 {number}",
        lambda number: f"{number:05d}",
    ],
    ids=["negative", "big", "unsigned", "huge", "unicode", "zeros"],
)
def test_ids_of_every_kind(rename: Any, tmp_path: Path) -> None:
    frame = trained.ratings()
    renamed = [[rename(number) for number in frame[name].to_list()] for name in ("userId", "movieId")]
    kinds = [pl.UInt64 if isinstance(values[0], int) and max(values) >= 2**63 else None for values in renamed]
    users, items = (
        pl.Series(name, values, dtype=kind)
        for name, values, kind in zip(("userId", "movieId"), renamed, kinds, strict=True)
    )
    before = trained.train(source=frame.with_columns(users, items)).recommender
    before.save(tmp_path / "m.palate")
    after = palate.load(tmp_path / "m.palate")
    user, item = rename(3), rename(110)
    assert after.recommend(user) == before.recommend(user)
    assert set(ids(after.recommend(user, k=50))) == {rename(number) for number in MOVIES} - seen(after, user)
    assert after.predict(user, item) == before.predict(user, item)
    assert after.similar(item) == before.similar(item)
    assert after.recommend(ratings={item: 4}) == before.recommend(ratings={item: 4})
    with pytest.raises(UnknownIdError, match="unknown user"):
        after.recommend(rename(500))


# Lists of everybody


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_lists_are_what_each_person_is_recommended(neural: Any, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"lists{ending}"
    n = neural.lists(path, k=4, min_ratings=2)
    found = pl.read_csv(path) if ending == ".csv" else pl.read_parquet(path)
    assert n == len(found)
    assert found.columns == ["user", "rank", "item", "score"]
    for user in neural.table.user_ids.ids.to_list():
        theirs = found.filter(pl.col("user") == user)
        expected = neural.recommend(user, k=4, min_ratings=2)
        assert theirs["item"].to_list() == [row.id for row in expected]
        assert theirs["rank"].to_list() == list(range(1, len(expected) + 1))
        assert theirs["score"].to_list() == pytest.approx([row.score for row in expected], rel=1e-5)


def test_lists_within_little_memory_are_the_same(neural: Any, tmp_path: Path) -> None:
    held = psutil.Process().memory_info().rss
    neural.lists(tmp_path / "whole.csv")
    neural.lists(tmp_path / "pieces.csv", memory=f"{held // 10**6 + 50}MB")
    assert (tmp_path / "whole.csv").read_text() == (tmp_path / "pieces.csv").read_text()


def test_lists_that_can_t_be(neural: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"as \.csv or \.parquet, not as lists\.txt"):
        neural.lists(tmp_path / "lists.txt")
    with pytest.raises(OptionError, match=r"use .* MB already"):
        neural.lists(tmp_path / "lists.csv", memory="1MB")
    with pytest.raises(OptionError, match="k is 0"):
        neural.lists(tmp_path / "lists.csv", k=0)
    assert not list(tmp_path.iterdir())


def test_the_ends_of_the_scale_may_be_given_as_people_write_them() -> None:
    table = palate.read(pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [0.2, 0.9, 0.6, 0.2]}))
    recommender = palate.train(table, model="bias", test=0, validation=0, baselines=()).recommender
    assert np.isfinite(recommender.predict(None, 2, ratings={1: 0.2, 2: 0.9}))
    with pytest.raises(OptionError, match=r"off the scale: 0\.2 to 0\.9"):
        recommender.predict(None, 2, ratings={1: 0.19})
