"""Test the middleware: tokens and hosts, limits, and what responses and logs tell."""

import asyncio
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from palate.errors import OptionError
from palate.service import server
from palate.service.batching import Batcher
from palate.service.middleware import Limits, ServiceMiddleware
from palate.service.tokens import Tokens, new_token
from tests.service.conftest import Models
from tests.service.running import Client, running

TOO_MANY_BYTES = 2**20 + 1
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_every_response_has_a_strict_policy_and_an_id(mf: Client) -> None:
    ids = set()
    for path in ("/v1/model", "/docs", "/nothing", "/v1/users/none/recommendations", "/v1/items?k=x"):
        headers = mf.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
        ids.add(headers["x-request-id"])
    assert len(ids) == 5


def test_an_unknown_host_name_is_refused(mf: Client) -> None:
    assert mf.get("/v1/model", host="evil.example").error == (403, "forbidden", "header.host")
    assert mf.get("/v1/model", host=f"localhost:{mf.port}").status == 200
    assert mf.get("/v1/model", host="[::1]:80").status == 200


def test_a_loopback_address_answers_to_the_name_it_announces(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, hosts = list[str](), list[frozenset[str] | None]()

    def not_started(app: ServiceMiddleware) -> SimpleNamespace:
        hosts.append(app._hosts)
        return SimpleNamespace(run=lambda sockets: None)

    monkeypatch.setattr(server, "server", not_started)
    options: dict[str, Any] = {
        "events": str(tmp_path / "e.sqlite"),
        "tokens": None,
        "watch": False,
        "cache": 0,
        "ready": said.append,
    }
    server.run(models("mf"), host="127.0.0.2", port=0, **options)
    assert said[0].startswith("http://127.0.0.2:")
    assert hosts == [server.LOCAL_HOSTS | {"127.0.0.2"}]


def test_head_is_answered_wherever_get_is(mf: Client) -> None:
    for path in ("/healthz", "/readyz", "/v1/model"):
        response = mf.request("HEAD", path, None, {})
        assert (response.status, response.body) == (200, b"")
        assert response.headers["content-length"] == str(len(mf.get(path).body))
    refused = mf.request("PUT", "/healthz", None, {})
    assert refused.status == 405
    assert {"GET", "HEAD"} <= {method.strip() for method in refused.headers["allow"].split(",")}


def test_a_form_of_another_site_is_refused(mf: Client) -> None:
    response = mf.post("/v1/events", {}, content_type="text/plain")
    assert response.error == (415, "bad_type", "header.content-type")


def test_tokens(models: Models, tmp_path: Path) -> None:
    token, other = new_token(tmp_path / "tokens"), new_token(tmp_path / "tokens")
    stored = (tmp_path / "tokens").read_text()
    assert token not in stored
    assert (tmp_path / "tokens").stat().st_mode & 0o077 == 0
    tokens = Tokens(tmp_path / "tokens")
    with running(models("mf"), tmp_path / "events.sqlite", tokens=tokens, hosts=None) as client:
        for path in ("/v1/model", "/metrics", "/v1/users/1/recommendations", "/nothing"):
            response = client.get(path)
            assert response.error == (401, "unauthorized", "header.authorization")
            assert response.headers["www-authenticate"] == "Bearer"
        for wrong in (
            "Bearer",
            "Bearer ",
            f"Basic {token}",
            f"Bearer {token[:-1]}",
            f"Bearer {stored.split()[0]}",
            "ü",
        ):
            assert client.get("/v1/model", authorization=wrong).status == 401
        for right in (token, other):
            assert client.get("/v1/model", authorization=f"Bearer {right}").status == 200
        assert client.get("/v1/model", authorization=f"bearer {token}").status == 200
        assert client.get("/healthz").status == client.get("/docs").status == client.get("/openapi.json").status == 200


def test_a_tokens_file_must_have_digests(tmp_path: Path) -> None:
    for text in ("", "secret", "é" * 64):
        (tmp_path / "tokens").write_text(text)
        with pytest.raises(OptionError, match="tokens"):
            Tokens(tmp_path / "tokens")
    with pytest.raises(OptionError, match="palate token"):
        Tokens(tmp_path / "none")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_hosts_than_loopback_need_tokens(models: Models, tmp_path: Path, host: str) -> None:
    with pytest.raises(OptionError, match="--tokens"):
        server.run(
            models("mf"),
            events=str(tmp_path / "events.sqlite"),
            host=host,
            port=0,
            tokens=None,
            watch=False,
            cache=0,
            ready=print,
        )


def test_the_size_of_a_body_is_limited(mf: Client, fresh: Client) -> None:
    assert mf.post("/v1/recommendations", b" " * TOO_MANY_BYTES).error == (413, "too_large", "body")
    chunks = b"".join(b"10000\r\n" + b" " * 65536 + b"\r\n" for _ in range(17))
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in _exchange(mf.port, head + chunks + b"0\r\n\r\n")
    assert b" 413 " in _exchange(mf.port, HEAD + b"Content-Length: 99999999999999\r\n\r\n")
    long = {"ratings": [{"item": 101, "rating": 3}] * 5001}
    assert mf.post("/v1/recommendations", long).error == (400, "bad_value", "body.ratings")
    many = {"events": [{"id": str(n), "user": 1, "item": 101, "kind": "view"} for n in range(1001)]}
    assert fresh.post("/v1/events", many).error == (400, "bad_value", "body.events")


def test_an_incomplete_or_slow_body_is_refused(models: Models, tmp_path: Path) -> None:
    head = (
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with running(models("mf"), tmp_path / "e.sqlite", limits=Limits(sending=0.2)) as client:
        assert b" 408 " in _exchange(client.port, head)
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(head)
        assert client.get("/healthz").status == 200


def test_the_size_and_time_of_a_head_are_limited(
    mf: Client, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 10**6
    assert b" 200 " not in _exchange(mf.port, endless)
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    with running(models("mf"), tmp_path / "events.sqlite") as client:
        begun = time.monotonic()
        assert _exchange(client.port, b"GET /healthz HTTP/1.1\r\nHost: loc") == b""
        assert time.monotonic() - begun < 5


def test_the_number_of_requests_in_progress_is_limited(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite", limits=Limits(at_once=2)) as client:
        released = threading.Event()
        client.state._quick.submit(released.wait, 10)
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(client.get, "/v1/items?query=movie") for _ in range(8)]
            refused = [future.result() for future, _ in zip(as_completed(futures), range(6), strict=False)]
            released.set()
        assert {response.error for response in refused} == {(503, "too_many", None)}
        assert all(int(response.headers["retry-after"]) > 0 for response in refused)
        assert client.get("/v1/items?query=movie").status == 200


def test_a_slow_response_is_refused(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite", limits=Limits(seconds=0.3)) as client:
        released = threading.Event()
        client.state._quick.submit(released.wait, 10)
        assert client.get("/v1/items?query=movie").error == (503, "too_slow", None)
        released.set()
        assert client.get("/v1/items?query=movie").status == 200


def test_an_internal_error_tells_nothing_and_logs_no_rating(
    fresh: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    message = f"rating {71 / 16} of item 101 at /somewhere/secret.py"

    def broken(*_: object) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(fresh.state.lists, "submit", broken)
    with caplog.at_level(logging.INFO):
        response = fresh.post("/v1/recommendations", {"ratings": [{"item": 101, "rating": 4.4375}]})
    assert response.error == (500, "internal", None)
    assert response.headers["x-request-id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "4.4375" not in caplog.text
    assert "4.4375" not in response.body.decode()


def test_log_lines_name_the_route_and_no_user(fresh: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="palate.access"):
        response = fresh.get("/v1/users/7/recommendations?exclude=101")
        deadline = time.monotonic() + 60
        while not caplog.records and time.monotonic() < deadline:  # it is written after the response is sent
            time.sleep(0.01)
    [line] = [record.getMessage() for record in caplog.records if record.name == "palate.access"]
    assert line.startswith(f"{response.headers['x-request-id']} GET /v1/users/{{user_id}}/recommendations 200 ")
    assert "101" not in line.partition("recommendations")[2]


def test_files_outside_the_static_folder_are_refused(mf: Client) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/", "/static/%00"):
        assert mf.get(path).status == 404


def _exchange(port: int, data: bytes) -> bytes:
    """Send bytes and return the first bytes that come back."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        try:
            connection.sendall(data)
            return connection.recv(65536)
        except ConnectionError:
            return b""


def test_inputs_that_arrive_together_are_one_batch() -> None:
    sizes: list[int] = []

    def double(numbers: object) -> list[int]:
        time.sleep(0.01)
        return [2 * number for number in numbers]  # type: ignore[attr-defined]

    async def submit_all() -> list[int]:
        batcher: Batcher[int, int] = Batcher(double, 4, "test")
        batcher.on_batch = sizes.append
        return await asyncio.gather(*(batcher.submit(number) for number in range(10)))

    assert asyncio.run(submit_all()) == [2 * number for number in range(10)]
    assert sizes == [4, 4, 2]
