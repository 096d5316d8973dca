"""A service in a thread of this process, and one who asks it over HTTP."""

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
from palate.service.middleware import Gate
from palate.service.server import LOCAL, server
from palate.service.state import ServiceState


@dataclass(frozen=True)
class Answer:
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
        """Status, error and where; the answer tells nothing of the machine."""
        text = self.body.decode()
        assert set(self.json) == {"error", "detail", "where"}
        assert "Traceback" not in text
        assert ".py" not in text
        return self.status, self.json["error"], self.json["where"]


@dataclass(frozen=True)
class Client:
    port: int
    core: ServiceState

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, question: Any, **headers: str) -> Answer:
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        return self.ask("POST", path, body, {"content_type": "application/json", **headers})


@contextmanager
def running(
    model: Path, events: str | Path, *, watch: bool = False, cached: int = 100, **options: Any
) -> Iterator[Client]:
    """options: as `Gate` takes them."""
    core = ServiceState(model, str(events), cached)
    app = Gate(create_app(core, watch), core.metrics, **{"hosts": LOCAL, **options})
    serving = server(app)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + 20
            while not serving.started and time.monotonic() < until:
                time.sleep(0.01)
            yield Client(listening.getsockname()[1], core)
        finally:
            serving.should_exit = True
            thread.join(20)
