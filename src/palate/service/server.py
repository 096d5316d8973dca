"""A running service: one process, one event loop."""

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
from palate.service.middleware import Gate
from palate.service.state import ServiceState
from palate.service.tokens import Tokens

LONGEST_HEAD = 2**15
"""Bytes of a request before its body."""

HEAD_SECONDS = 10
"""In which they must come."""

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Protocol(HttpToolsProtocol):
    """HTTP, with an end to how long a request's head may be and how long it may take."""

    head = 0
    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.access_log = False  # it names people, and the gate's does not
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.timer is not None:  # the head goes on
            self.head += len(data)
            if self.head > LONGEST_HEAD:
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self.timer is None:
            self.head = 0
            self.timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
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
    ready: Callable[[str], None],
) -> None:
    """Serve until it is stopped.

    Raises:
        ArtifactError: the model can't be opened.
        OptionError: another address than loopback without tokens, or one that can't be listened at.
    """
    local = host == "localhost" or _is_loopback(host)
    if not local and tokens is None:
        raise OptionError(
            f"whoever reaches {host} could ask: name a file of tokens with --tokens, as palate token makes it, or "
            "listen at 127.0.0.1"
        )
    allowed = None if tokens is None else Tokens(tokens)
    with _listen(host, port) as listening:
        core = ServiceState(path, events, cache)
        app = Gate(create_app(core, watch), core.metrics, tokens=allowed, hosts=LOCAL if local else None)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        gc.freeze()  # what is here already stays, and looking for garbage in it takes a fifteenth of the time
        ready(f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/")
        server(app).run(sockets=[listening])


def server(app: Gate) -> uvicorn.Server:
    """What speaks HTTP for the application, and tells nothing of itself."""
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
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise OptionError(f"can't listen at {host} port {port}: {error.strerror}") from error
    return listening
