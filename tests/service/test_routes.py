"""Test that every route for reading returns what the library returns."""

from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl
import pytest

import palate
from palate.service.cache import Cache
from tests.service.conftest import Models
from tests.service.running import Client, running


@pytest.fixture(scope="session")
def library(models: Models) -> palate.Recommender:
    return palate.load(models("mf"))


def test_lists_are_those_of_the_library(mf: Client, library: palate.Recommender) -> None:
    for user in (1, 7, 30):
        response = mf.get(f"/v1/users/{user}/recommendations?k=5").ok
        expected = library.recommend(user, k=5)
        assert [item["id"] for item in response["items"]] == [row.id for row in expected]
        np.testing.assert_allclose([item["score"] for item in response["items"]], [row.score for row in expected], 1e-5)
        assert "few users rated" in response["note"]


def test_filters_are_those_of_the_library(mf: Client, library: palate.Recommender) -> None:
    address = "/v1/users/3/recommendations?k=4&exclude=102&exclude=104&category=Comedy&category=Drama&min_ratings=5"
    expected = library.recommend(3, k=4, exclude=[102, 104], category=["Comedy", "Drama"], min_ratings=5, diversity=0.4)
    response = mf.get(f"{address}&diversity=0.4").ok
    assert [item["id"] for item in response["items"]] == [row.id for row in expected]
    only = mf.get("/v1/users/3/recommendations?only=102&only=103&only=101").ok["items"]
    assert {item["id"] for item in only} <= {101, 102, 103}
    body = {"ratings": [{"item": 101, "rating": 5}], "k": 4, "category": "Comedy", "diversity": 0.4, "exclude": [102]}
    new_user = library.recommend(ratings={101: 5}, k=4, category="Comedy", diversity=0.4, exclude=[102])
    assert [item["id"] for item in mf.post("/v1/recommendations", body).ok["items"]] == [row.id for row in new_user]


def test_details_of_an_item(mf: Client, library: palate.Recommender) -> None:
    item = mf.get("/v1/items/102").ok
    mine = library.table.items == 1
    ratings = library.table.ratings
    assert ratings is not None
    assert item["title"] == "Movie B (1991)"
    assert item["categories"] == ["Drama", "Comedy"]
    assert item["year"] == 1991
    assert item["ratings"] == mine.sum()
    assert item["mean"] == pytest.approx(ratings[mine].mean())
    assert sum(bar["count"] * bar["rating"] for bar in item["histogram"]) == pytest.approx(ratings[mine].sum())
    assert mf.get(f"/v1/items/{quote('Movie B (1991)')}").ok == item, "the same by title"


def test_search_ignores_case_and_takes_beginnings_of_words(mf: Client) -> None:
    assert [item["id"] for item in mf.get("/v1/items?query=mov%20B").ok["items"]] == [102]
    assert [item["id"] for item in mf.get("/v1/items?query=TWI").ok["items"]] != []
    counts = [item["ratings"] for item in mf.get("/v1/items?k=20").ok["items"]]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 20
    assert mf.get("/v1/items?query=%3F").ok["items"] == []


def test_similar_and_analogies(mf: Client, library: palate.Recommender) -> None:
    similar = mf.get("/v1/items/101/similar?k=3&min_ratings=2").ok["items"]
    assert [item["id"] for item in similar] == [row.id for row in library.similar(101, k=3, min_ratings=2)]
    response = mf.post("/v1/analogies", {"a": 101, "b": 102, "c": 103, "k": 3}).ok
    expected = library.check_analogy(101, 102, 103, k=3)
    assert [item["id"] for item in response["answer"]] == [row.id for row in expected.answer]
    assert response["shared_shuffled"] == expected.in_shuffled
    assert response["sentence"] == expected.sentence


def test_predictions_with_intervals(mf: Client, library: palate.Recommender) -> None:
    response = mf.post("/v1/predictions", {"user": 1, "items": [101, 102], "interval": 0.8}).ok["predictions"]
    expected = library.predict(1, [101, 102], interval=0.8).to_dicts()
    assert response == [pytest.approx(row) for row in expected]
    response = mf.post("/v1/predictions", {"ratings": [{"item": 101, "rating": 4}], "items": [102]}).ok["predictions"]
    assert response[0]["rating"] == pytest.approx(library.predict(None, 102, ratings={101: 4}))
    assert response[0]["low"] is None


def test_users_and_histories(mf: Client, library: palate.Recommender) -> None:
    busiest = mf.get("/v1/users?k=30").ok["users"]
    assert [user["ratings"] for user in busiest] == sorted(np.diff(library.table.offsets), reverse=True)
    assert {user["id"] for user in mf.get("/v1/users?query=2&k=30").ok["users"]} == {2, *range(20, 30)}
    history = mf.get("/v1/users/4/history").ok["items"]
    assert [item["time"] for item in history] == sorted((item["time"] for item in history), reverse=True)
    person = library.person(4)
    assert {item["id"] for item in history} == {library.table.item_ids.id(row) for row in person.items}


def test_model_info(mf: Client, library: palate.Recommender) -> None:
    info = mf.get("/v1/model").ok
    assert info["name"] == "mf"
    assert (info["users"], info["items"], info["ratings"]) == (30, 20, len(library.table))
    assert info["scale"] == [1, 5]
    assert sum(bar["count"] for bar in info["rating_counts"]) == len(library.table)
    assert info["metrics"] == library.training.metrics
    assert info["fingerprint"] == library.table.fingerprint
    assert info["categories"] == ["Comedy", "Drama", "Western"]


def test_explanations_are_those_of_the_library(mf: Client, library: palate.Recommender) -> None:
    response = mf.post("/v1/explanations", {"user": 2, "item": 103, "k": 3}).ok
    expected = library.explain(2, 103, k=3)
    assert response["score"] == pytest.approx(expected.score)
    assert [(row["id"], row["rating"]) for row in response["reasons"]] == [(r.id, r.rating) for r in expected.reasons]
    ranked = mf.get("/v1/users/2/recommendations?k=2&explain=2").ok["items"]
    for item in ranked:
        because = library.explain(2, item["id"], k=2).reasons
        assert [reason["id"] for reason in item["because"]] == [reason.id for reason in because]


def test_a_model_of_views(models: Models, tmp_path: Path) -> None:
    library = palate.load(models("views"))
    with running(models("views"), tmp_path / "events.sqlite") as client:
        response = client.post("/v1/recommendations", {"history": [101, 102], "k": 3}).ok
        assert [item["id"] for item in response["items"]] == [
            row.id for row in library.recommend(ratings=[101, 102], k=3)
        ]
        assert response["note"] is None
        assert {item["rating"] for item in response["items"]} == {None}
        assert client.get("/v1/model").ok["scale"] is None
        assert client.get("/v1/users/1/recommendations?k=3&diversity=0.5&explain=1").status == 200
        similar = client.get("/v1/items/101/similar?k=3").ok["items"]
        assert [(item["id"], item["score"]) for item in similar] == [
            (row.id, pytest.approx(row.score)) for row in library.similar(101, k=3)
        ]
        assert client.get("/v1/items/101/similar?towards=Drama").error == (400, "unsupported", "query.towards")
        event = {"id": "a", "user": 1, "item": 101, "kind": "rating", "rating": 5}
        assert client.post("/v1/events", {"events": [event]}).error == (400, "unsupported", "body.events[0].kind")
        before = client.get("/v1/users/1/recommendations?k=1").ok["items"][0]["id"]
        assert (
            client.post("/v1/events", {"events": [{"id": "a", "user": 1, "item": before, "kind": "view"}]}).status
            == 200
        )
        history = [library.table.item_ids.id(row) for row in library.person(1).items]
        after = client.get("/v1/users/1/recommendations?k=3").ok["items"]
        expected = library.recommend(ratings=[*history, before], k=3)
        assert [item["id"] for item in after] == [row.id for row in expected]


def test_no_map_of_a_model_without_one(models: Models, tmp_path: Path) -> None:
    with running(models("views"), tmp_path / "events.sqlite") as client:
        assert client.get("/v1/map").error == (404, "no_map", None)


def test_documents(mf: Client) -> None:
    document = mf.get("/openapi.json").ok
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) == 16
    page = mf.get("/docs").body.decode()
    assert all(path.replace("{", "&#123;") in page or path in page for path in document["paths"])
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("HTTP", "")
    assert mf.get("/metrics").body.decode().count("palate_request_seconds_bucket") > 10
    assert mf.get("/healthz").body == mf.get("/readyz").body == b"ok"


def test_ids_with_any_character(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user": ["a/b", "a/b", "c%2Fd", "ü?&="], "item": ["x/y", "z", "x/y", "%"], "rating": [5, 4, 3, 2]}
    )
    palate.train(frame, model="bias", test=0, validation=0, output=tmp_path / "m.palate")
    with running(tmp_path / "m.palate", tmp_path / "events.sqlite") as client:
        for user, items in (("a/b", {"x/y", "z"}), ("c%2Fd", {"x/y"}), ("ü?&=", {"%"})):
            history = client.get(f"/v1/users/{quote(user, safe='')}/history").ok["items"]
            assert {item["id"] for item in history} == items
            assert client.get(f"/v1/users/{quote(user, safe='')}/recommendations").status == 200
        for item in ("x/y", "%"):
            assert client.get(f"/v1/items/{quote(item, safe='')}").ok["id"] == item
        assert client.get(f"/v1/items/{quote('x//y', safe='')}").error == (404, "unknown_item", "path.item_id")


def test_cached_lists_equal_computed_lists(models: Models, tmp_path: Path) -> None:
    with (
        running(models("mf"), tmp_path / "a.sqlite", cached=100) as cached,
        running(models("mf"), tmp_path / "b.sqlite", cached=0) as uncached,
    ):
        event = {"id": "a", "user": 2, "item": 101, "kind": "view"}
        for _ in range(2):
            for path in (
                "1/recommendations",
                "2/recommendations",
                "2/recommendations?k=3",
                "2/recommendations?k=4",
            ):
                assert cached.get(f"/v1/users/{path}").ok == uncached.get(f"/v1/users/{path}").ok
            for client in (cached, uncached):
                client.post("/v1/events", {"events": [event]})


def test_the_oldest_response_is_dropped_first() -> None:
    cache = Cache(2)
    for key in "ab":
        cache.put(key, key.encode())
    assert cache.get("a") == b"a"
    cache.put("c", b"c")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"a", None, b"c")
