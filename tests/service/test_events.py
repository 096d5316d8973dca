"""Test events: each counts at once and only once, and an acknowledged event is never lost."""

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

import palate
from palate.service.event_store import EventStore, StoredEvent, StoreError
from tests import trained
from tests.service.conftest import Models
from tests.service.running import Client, running


def rating(name: str, user: int, item: int, value: float, **more: object) -> dict[str, object]:
    return {"id": name, "user": user, "item": item, "kind": "rating", "rating": value, **more}


def view(name: str, user: int, item: int) -> dict[str, object]:
    return {"id": name, "user": user, "item": item, "kind": "view"}


def listed(client: Client, user: int, k: int = 20) -> list[int]:
    return [item["id"] for item in client.get(f"/v1/users/{user}/recommendations?k={k}").ok["items"]]


def test_an_event_counts_at_the_next_request(fresh: Client, models: Models) -> None:
    library = palate.load(models("mf"))
    before = listed(fresh, 1)
    assert listed(fresh, 1) == before, "the second time from the cache"
    assert fresh.post("/v1/events", {"events": [rating("a", 1, before[0], 1)]}).ok == {"accepted": 1, "repeated": 0}
    person = library.person(1)
    ids = library.table.item_ids
    assert person.ratings is not None
    whole = dict(zip([ids.id(row) for row in person.items], person.ratings.tolist(), strict=True)) | {before[0]: 1}
    expected = library.recommend(ratings=whole, k=20)
    assert listed(fresh, 1) == [row.id for row in expected]
    rated = fresh.post("/v1/predictions", {"user": 1, "items": [before[1]]}).ok["predictions"][0]["rating"]
    assert rated == pytest.approx(library.predict(None, before[1], ratings=whole))
    newest = fresh.get("/v1/users/1/history?k=1").ok["items"][0]
    assert (newest["id"], newest["rating"]) == (before[0], 1)
    assert newest["time"] > 1.6e9


def test_a_later_rating_replaces_an_earlier(fresh: Client, models: Models) -> None:
    library = palate.load(models("mf"))
    item = int(library.table.item_ids.id(library.person(2).items[0]))
    fresh.post("/v1/events", {"events": [rating("a", 2, item, 1), rating("b", 2, item, 5)]})
    history = fresh.get("/v1/users/2/history").ok["items"]
    assert [row["rating"] for row in history if row["id"] == item] == [5]
    assert len(history) == len(library.person(2).items)


def test_a_view_keeps_an_item_out_of_lists_and_changes_no_score(fresh: Client) -> None:
    before = fresh.get("/v1/users/3/recommendations").ok["items"]
    fresh.post("/v1/events", {"events": [view("a", 3, before[0]["id"])]})
    after = fresh.get("/v1/users/3/recommendations").ok["items"]
    expected = {item["id"]: pytest.approx(item["score"], rel=1e-5) for item in before[1:]}
    assert {item["id"]: item["score"] for item in after[: len(before) - 1]} == expected


def test_a_new_user_begins_with_an_event(fresh: Client, models: Models) -> None:
    assert fresh.get("/v1/users/999/recommendations").error == (404, "unknown_user", "path.user_id")
    fresh.post("/v1/events", {"events": [rating("a", 999, 101, 5)]})
    assert fresh.post("/v1/explanations", {"user": "999", "item": 101}).error == (404, "unknown_user", "body.user")
    expected = palate.load(models("mf")).recommend(ratings={101: 5}, k=5)
    assert listed(fresh, 999, 5) == [row.id for row in expected]


def test_an_event_sent_again_counts_once(fresh: Client) -> None:
    events = {"events": [rating("a", 1, 101, 5), rating("b", 1, 102, 5), rating("a", 1, 101, 5)]}
    assert fresh.post("/v1/events", events).ok == {"accepted": 2, "repeated": 1}
    assert fresh.post("/v1/events", events).ok == {"accepted": 0, "repeated": 3}


def test_an_id_of_another_event_is_an_error_that_stores_nothing(fresh: Client, tmp_path: Path) -> None:
    assert fresh.post("/v1/events", {"events": [rating("7", 1, 101, 5)]}).ok["accepted"] == 1
    for other in (rating("7", 2, 101, 5), rating("7", 1, 102, 5), rating("7", 1, 101, 4), view("7", 1, 101)):
        response = fresh.post("/v1/events", {"events": [rating("8", 1, 103, 5), other]})
        assert response.error == (409, "id_taken", "body.events[1].id")
        assert "'7' belongs to another event" in response.json["detail"]
    both = {"events": [rating("9", 1, 101, 5), rating("9", 1, 102, 5)]}
    assert fresh.post("/v1/events", both).error == (409, "id_taken", "body.events[1].id")
    assert [event.id for event in EventStore(str(tmp_path / "events.sqlite")).read()] == ["7"]


def test_the_latest_by_its_own_time_stands(fresh: Client, models: Models) -> None:
    library = palate.load(models("mf"))
    person, ids = library.person(2), library.table.item_ids
    assert person.times is not None
    old, new = int(ids.id(person.items[0])), next(item for item in listed(fresh, 2))
    known = {row["id"]: row["rating"] for row in fresh.get("/v1/users/2/history").ok["items"]}
    events = [
        rating("a", 2, new, 2, time=1.7e9),
        rating("b", 2, new, 1, time=1e9),
        rating("c", 2, old, 6 - known[old], time=0.0),
    ]
    assert fresh.post("/v1/events", {"events": events}).ok["accepted"] == 3
    assert {row["id"]: row["rating"] for row in fresh.get("/v1/users/2/history").ok["items"]} == known | {new: 2}


def test_it_is_ready_once_the_stored_events_are_read(models: Models, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with running(models("mf"), folder / "events.sqlite", until_ready=False) as client:
        assert client.get("/readyz").error == (503, "not_ready", None)
        assert client.get("/healthz").status == 200
        assert client.get("/v1/users/999/recommendations").error == (503, "not_ready", None)
        folder.mkdir()
        store = EventStore(str(folder / "events.sqlite"))
        store.add([[StoredEvent(0, "earlier", "999", "101", "rating", 5.0, 1.0)]])
        store.close()
        for _ in range(100):
            if client.get("/readyz").status == 200:
                break
            threading.Event().wait(0.1)
        assert client.get("/readyz").status == 200
        assert len(listed(client, 999)) > 0


def test_an_unknown_user_gets_the_list_of_a_new_user_where_that_is_wanted(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite", fallback=True) as client:
        response = client.get("/v1/users/999/recommendations").ok
        new = client.post("/v1/recommendations", {}).ok
        assert response["items"] == new["items"]
        assert "Nothing is known of this user" in response["note"]
        assert client.get("/v1/users/999/history").error == (404, "unknown_user", "path.user_id")
        client.post("/v1/events", {"events": [rating("a", 999, 101, 5)]})
        assert "Nothing is known" not in (client.get("/v1/users/999/recommendations").ok["note"] or "")


def test_no_event_is_stored_if_one_is_wrong(fresh: Client, tmp_path: Path) -> None:
    for wrong, expected in (
        (rating("b", 1, 99999, 5), (404, "unknown_item", "body.events[1].item")),
        (rating("b", 1, 101, 6), (400, "bad_value", "body.events[1].rating")),
        (rating("b", 1, 101, 3) | {"rating": None}, (400, "bad_value", "body.events[1].rating")),
        (view("b", 1, 101) | {"rating": 3}, (400, "bad_value", "body.events[1].rating")),
        (rating("b", 1, 101, 3) | {"user": "one"}, (400, "bad_value", "body.events[1].user")),
        (rating("b", 1, 101, 3) | {"user": 2**63}, (400, "bad_value", "body.events[1].user")),
        (rating("b", 1, 101, 3, time=4.1e9), (400, "bad_value", "body.events[1].time")),
        (rating("b", 1, 101, 3, time=-1), (400, "bad_value", "body.events[1].time")),
        (rating("", 1, 101, 3), (400, "bad_value", "body.events[1].id")),
        (rating("b\0", 1, 101, 3), (400, "bad_value", "body.events[1].id")),
        (rating("b", 1, 101, 3, more=1), (400, "bad_value", "body.events[1]")),
    ):
        assert fresh.post("/v1/events", {"events": [rating("a", 1, 101, 5), wrong]}).error == expected
    assert "1 to 5" in fresh.post("/v1/events", {"events": [rating("b", 1, 101, 6)]}).json["detail"]
    assert list(EventStore(str(tmp_path / "events.sqlite")).read()) == []


def test_events_outlive_the_process(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite") as client:
        client.post("/v1/events", {"events": [rating("a", 1, 101, 1), rating("b", 1, 102, 1)]})
        expected = listed(client, 1)
    with running(models("mf"), tmp_path / "events.sqlite") as client:
        assert client.post("/v1/events", {"events": [rating("a", 1, 101, 1)]}).ok == {"accepted": 0, "repeated": 1}
        assert listed(client, 1) == expected


def test_requests_that_arrive_together_are_committed_together(fresh: Client) -> None:
    def send(number: int) -> int:
        return int(fresh.post("/v1/events", {"events": [rating(f"{number % 50}", 1, 101, 5)]}).ok["accepted"])

    with ThreadPoolExecutor(16) as pool:
        accepted = list(pool.map(send, range(200)))
    assert sum(accepted) == 50, "each id once, in whichever request"
    metrics = fresh.get("/metrics").body.decode()
    commits = float(metrics.partition("palate_commit_size_count ")[2].split()[0])
    assert commits < 201


def test_a_full_disk_is_503_and_lists_go_on(fresh: Client, tmp_path: Path) -> None:
    fresh.post("/v1/events", {"events": [rating("a", 1, 101, 1)]})
    engine = fresh.state._store._engine
    sql.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    engine.dispose()
    many = {"events": [rating(f"{'x' * 100}{number}", 1, 102, 1) for number in range(200)]}
    response = fresh.post("/v1/events", many)
    assert response.error == (503, "store_unavailable", None)
    assert int(response.headers["retry-after"]) > 0
    assert len(listed(fresh, 1)) > 0
    sql.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 100000"))
    engine.dispose()
    assert fresh.post("/v1/events", many).ok == {"accepted": 200, "repeated": 0}


def test_the_database_may_be_missing_at_the_start(models: Models, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with running(models("mf"), folder / "events.sqlite", until_ready=False) as client:
        before = listed(client, 1)
        assert client.post("/v1/events", {"events": [rating("a", 1, before[0], 1)]}).status == 503
        folder.mkdir()
        store = EventStore(str(folder / "events.sqlite"))
        store.add([[StoredEvent(0, "earlier", "1", str(before[1]), "view", None, 1.0)]])
        store.close()
        assert client.post("/v1/events", {"events": [view("a", 1, before[0])]}).ok["accepted"] == 1
        assert listed(client, 1) == before[2:], "an event stored earlier counts too"


def test_a_locked_database_is_an_error_after_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palate.service.event_store.TIMEOUT_SECONDS", 0.1)
    store = EventStore(str(tmp_path / "events.sqlite"))
    store.prepare()
    other = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        store.add([[StoredEvent(0, "a", "1", "101", "view", None, 1.0)]])
    other.execute("ROLLBACK")
    assert store.add([[StoredEvent(0, "a", "1", "101", "view", None, 1.0)]])[0].accepted == 1


def test_a_commit_is_written_through(tmp_path: Path) -> None:
    store = EventStore(str(tmp_path / "events.sqlite"))
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_train_on_table_and_events_and_serve_it_without_one_failed_request(models: Models, tmp_path: Path) -> None:
    served, where = tmp_path / "served.palate", tmp_path / "events.sqlite"
    shutil.copytree(models("mf"), served)
    with running(served, where, watch=True) as client:
        before = listed(client, 1)
        events = [
            rating("a", 1, before[0], 1),
            rating("b", 1, before[0], 2),
            rating("c", 999, 101, 5),
            view("d", 1, 101),
        ]
        client.post("/v1/events", {"events": events})
        table = palate.with_events(palate.read(trained.ratings(), items=trained.movies()), str(where))
        again = palate.train(table, model="mf", device="cpu", test=0, validation=0)
        person = again.recommender.person(1)
        assert person.ratings is not None
        rated = dict(
            zip([again.recommender.table.item_ids.id(row) for row in person.items], person.ratings, strict=True)
        )
        assert rated[before[0]] == 2
        assert again.recommender.table.catalogue.title(0) == "Movie A (1990)"

        statuses: list[int] = []
        done = threading.Event()

        def request_lists() -> None:
            while not done.is_set():
                statuses.append(client.get("/v1/users/2/recommendations").status)

        requests = threading.Thread(target=request_lists)
        requests.start()
        first = client.state.model
        again.recommender.save(served)
        until = threading.Event()
        for _ in range(100):
            if client.state.model is not first:
                break
            until.wait(0.1)
        done.set()
        requests.join()
        assert client.state.model is not first
        assert set(statuses) == {200}
        assert listed(client, 1) == [row.id for row in again.recommender.recommend(1, k=20) if row.id != 101], (
            "the events are in the training table now, so none is folded in again"
        )
        assert client.get("/v1/users/999/recommendations").status == 200


def test_a_damaged_artifact_is_not_served(models: Models, tmp_path: Path) -> None:
    served = tmp_path / "served.palate"
    shutil.copytree(models("mf"), served)
    with running(served, tmp_path / "events.sqlite", watch=True) as client:
        expected = listed(client, 1)
        (served / "palate.json").write_text("{}")
        threading.Event().wait(2.5)
        assert listed(client, 1) == expected


def test_invalid_locations_of_events(tmp_path: Path) -> None:
    with pytest.raises(palate.errors.OptionError, match="in mysql: use sqlite or postgresql"):
        EventStore("mysql://localhost/x")
    with pytest.raises(palate.errors.OptionError, match="not a URL"):
        EventStore("://")
    with pytest.raises(palate.errors.DataError, match="does not exist"):
        palate.with_events(palate.read(trained.ratings()), str(tmp_path / "none.sqlite"))
