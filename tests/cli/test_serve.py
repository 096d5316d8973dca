"""palate serve, token, replay, explain, and train on what a service was told."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import palate as library
from palate.service.event_store import EventStore, StoredEvent
from palate.service.tokens import Tokens
from tests import trained
from tests.cli.conftest import Palate
from tests.service.running import running


def test_serve_starts_takes_a_new_model_and_ends(model: Path, tmp_path: Path) -> None:
    served = tmp_path / "served.palate"
    shutil.copytree(model, served)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [sys.executable, "-m", "palate", "serve", str(served), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"serving {served} at http://127.0.0.1:{port}/; Ctrl-C stops it\n"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

        def name() -> str:
            connection.request("GET", "/v1/model")
            return str(json.loads(connection.getresponse().read())["name"])

        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                first = name()
                break
            except OSError:
                time.sleep(0.05)
        trained.train("bias", output=served)
        process.send_signal(signal.SIGHUP)
        while (now := name()) == first and time.monotonic() < until:
            time.sleep(0.05)
        assert (first, now) == (library.read_header(model).model, "bias")
        assert Path(f"{served}.events.sqlite").is_file()
        connection.close()
    finally:
        process.terminate()
        out, log = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "a new model is served" in log
    assert "Traceback" not in out + log


def test_serve_says_what_is_missing(palate: Palate, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("palate.service.") and "tokens" not in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert 'uvicorn, which is not installed: pip install "palate[serve]"' in palate("serve", model).error


def test_serve_refuses(palate: Palate, model: Path, tmp_path: Path) -> None:
    assert "needs authentication: pass --tokens" in palate("serve", model, "--host", "0.0.0.0").error
    assert "palate token" in palate("serve", model, "--tokens", tmp_path / "none").error
    assert "in mysql: use sqlite" in palate("serve", model, "--port", _free(), "--events", "mysql://x").error
    assert "does not exist" in palate("serve", tmp_path / "none.palate", "--port", _free()).error
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "can't listen on" in palate("serve", model, "--port", taken.getsockname()[1]).error


def test_token(palate: Palate, tmp_path: Path) -> None:
    first = palate("token", tmp_path / "tokens").out.strip()
    second = palate("token", tmp_path / "tokens", "--json").json["token"]
    tokens = Tokens(tmp_path / "tokens")
    assert all(tokens.allow(f"Bearer {token}".encode()) for token in (first, second))
    assert first != second
    assert palate("token", tmp_path / "new" / "tokens").code == 0
    assert "can't write" in palate("token", tmp_path / "tokens" / "tokens").error


def test_replay(palate: Palate, model: Path, tmp_path: Path) -> None:
    with running(model, tmp_path / "events.sqlite") as client:
        url = f"http://127.0.0.1:{client.port}"
        ran = palate("replay", model, "--url", url, "--people", 10)
        assert ran.code == 0, ran.out
        assert ran.out.startswith("20 lists of 10 users: all are those of this model; p50 ")
        answer = palate("replay", model, "--url", url, "--people", 5, "-k", 3, "--json").json
        assert (answer["people"], answer["lists"], answer["different"]) == (5, 10, [])
        assert 0 < answer["p50_ms"] <= answer["p99_ms"]

        person = library.load(model).recommend(1, k=1)[0]
        event = {"id": "a", "user": 1, "item": person.id, "rating": 1}
        client.post("/v1/events", {"events": [event]})
        ran = palate("replay", model, "--url", url, "--people", 30)
        assert ran.code == 1
        assert "1 different" in ran.out
        assert "user 1: " in ran.out
        other = tmp_path / "other.palate"
        trained.train("bias", trained.ratings(seed=1), output=other)
        assert "another table" in palate("replay", other, "--url", url).error
        without = tmp_path / "without.palate"
        trained.train("bias", test=0, output=without)
        assert "no held-out users" in palate("replay", without, "--url", url).error
    assert "no service answers" in palate("replay", model, "--url", url).error
    assert "http://127.0.0.1:8000" in palate("replay", model, "--url", "here").error


def test_explain(palate: Palate, model: Path) -> None:
    answer = palate("explain", model, "--user", 1, "--item", "101", "-k", 3, "--json").json
    expected = library.load(model).explain(1, 101, k=3)
    assert (answer["score"], answer["reasons"]) == (expected.score, expected.reasons.to_dicts())
    ran = palate("explain", model, "--rate", "102=5", "--rate", "103=1", "--item", "Movie A (1990)")
    assert ran.out.startswith("Movie A (1990) has score ")


def test_recommend_by_category_and_diversity(palate: Palate, model: Path) -> None:
    options = ("--user", 1, "--category", "Western", "--diversity", 0.3, "-k", 3, "--json")
    expected = library.load(model).recommend(1, k=3, category="Western", diversity=0.3)
    assert palate("recommend", model, *options).json["items"] == expected.to_dicts()
    assert "did you mean 'Western'" in palate("recommend", model, "--user", 1, "--category", "Wester").error


def test_train_on_events(palate: Palate, here: Path) -> None:
    store = EventStore("events.sqlite")
    events = [
        StoredEvent(0, "a", "1", "101", "rating", 5.0, 2e9),
        StoredEvent(0, "b", "77", "101", "rating", 4.0, 2e9),
        StoredEvent(0, "c", "77", "102", "view", None, 2e9),
    ]
    store.add([events])
    trained.ratings().write_csv("ratings.csv")
    ran = palate("train", "ratings.csv", "--model", "bias", "--events", "events.sqlite", "-o", "model.palate")
    assert "2 later events" in ran.out
    table = library.load("model.palate").table
    row = table.user_ids.row(77)
    assert table.items[table.offsets[row] : table.offsets[row + 1]].tolist() == [0]
    assert "does not exist" in palate("train", "ratings.csv", "--events", "none.sqlite").error


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
