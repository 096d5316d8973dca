"""A service in a thread of this process, and an HTTP client for it."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.service.app import create_app
from palate.service.middleware import ServiceMiddleware
from palate.service.server import LOCAL_HOSTS, server
from palate.service.state import ServiceState


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ok(self) -> Any:
        assert self.status == 200, (self.status, self.body)
        return self.json

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, error and where; the response must tell nothing about the machine."""
        text = self.body.decode()
        assert set(self.json) == {"error", "detail", "where"}
        assert "Traceback" not in text
        assert ".py" not in text
        return self.status, self.json["error"], self.json["where"]


@dataclass(frozen=True)
class Client:
    port: int
    state: ServiceState

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        dashed = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, dashed)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Response:
        return self.request("GET", path, None, headers)

    def post(self, path: str, value: Any, **headers: str) -> Response:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"content_type": "application/json", **headers})


@contextmanager
def running(
    model: Path,
    events: str | Path,
    *,
    watch: bool = False,
    cached: int = 100,
    model_class: str | None = None,
    fallback: bool = False,
    until_ready: bool = True,
    **options: Any,
) -> Iterator[Client]:
    """Start a service, and stop it at the end. until_ready: wait for its stored events and its first list.

    options: those of `ServiceMiddleware`.
    """
    state = ServiceState(model, str(events), cached, model_class, fallback)
    app = ServiceMiddleware(create_app(state, watch), state.metrics, **{"hosts": LOCAL_HOSTS, **options})
    http_server = server(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=http_server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not (http_server.started and (state.ready or not until_ready)) and time.monotonic() < deadline:
                time.sleep(0.01)
            yield Client(listener.getsockname()[1], state)
        finally:
            http_server.should_exit = True
            thread.join(20)
