"""Run a service: one process with one event loop."""

import asyncio
import gc
import ipaddress
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from palate.errors import OptionError
from palate.service.app import create_app
from palate.service.middleware import ServiceMiddleware
from palate.service.state import ServiceState
from palate.service.tokens import Tokens

LONGEST_HEAD = 2**15
"""Largest size in bytes of the part of a request before its body."""

HEAD_SECONDS = 10
"""Longest time for the head to arrive."""

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Protocol(HttpToolsProtocol):
    """HTTP with limits on the size of a request's head and on its time to arrive."""

    head = 0
    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.access_log = False  # it names users, and that of the middleware does not
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.timer is not None:  # the head is not complete
            self.head += len(data)
            if self.head > LONGEST_HEAD:
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        if self.timer is None:
            self.head = 0
            self.timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def run(
    path: Path,
    *,
    events: str,
    host: str,
    port: int,
    tokens: Path | None,
    watch: bool,
    cache: int,
    model_class: str | None = None,
    fallback: bool = False,
    ready: Callable[[str], None],
) -> None:
    """Serve a model until the process is stopped.

    path: the artifact.
    events: the URL of the events database, or the path of its SQLite file.
    tokens: a file of `palate token`; required unless the host is local.
    watch: load a new artifact as soon as it is written.
    cache: number of lists in the cache.
    model_class: package.module:Class of a model that is not one of Palate's.
    fallback: an unknown user gets the list of a new user without history, not an error.
    ready: called with the service's URL once it listens.

    Raises:
        ArtifactError: the model can't be opened.
        OptionError: the host is not local and there are no tokens, or the address can't be used.
    """
    is_local = host == "localhost" or _is_loopback(host)
    if not is_local and tokens is None:
        raise OptionError(
            f"listening on {host} needs authentication: pass --tokens FILE (made by `palate token FILE`), or listen on "
            "127.0.0.1"
        )
    accepted = None if tokens is None else Tokens(tokens)
    with _listen(host, port) as listener:
        state = ServiceState(path, events, cache, model_class, fallback)
        name = f"[{host}]" if ":" in host else host
        hosts = LOCAL_HOSTS | {name.lower()} if is_local else None
        app = ServiceMiddleware(create_app(state, watch), state.metrics, tokens=accepted, hosts=hosts)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        gc.freeze()  # the objects loaded so far stay; collecting among them takes a fifteenth of the time
        ready(f"http://{name}:{listener.getsockname()[1]}/")
        server(app).run(sockets=[listener])


def server(app: ServiceMiddleware) -> uvicorn.Server:
    """Return the HTTP server of the application; its responses do not name it."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    return uvicorn.Server(config)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OptionError(f"can't listen on {host} port {port}: {error.strerror}") from error
    return listener
