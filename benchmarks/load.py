"""A small HTTP load generator: as fast as responses arrive, or at a set rate, timed from when each request was due."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Result:
    """The result of a run."""

    seconds: list[float] = field(default_factory=list)
    """Seconds from when a request was due to the end of its response."""
    statuses: dict[int, int] = field(default_factory=dict)
    took: float = 0.0
    first: bytes = b""
    """The first response."""

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took

    def percentile(self, share: float) -> float:
        """Return a percentile of the latency in milliseconds."""
        return 1000 * float(np.percentile(self.seconds, 100 * share))


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.lost = False
        self._buffer = b""
        self._done: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        self._buffer, self._done = b"", asyncio.get_running_loop().create_future()
        self.transport.write(request)  # type: ignore[attr-defined]
        return await self._done, self._buffer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or self._done is None or self._done.done():
            return
        _, _, length = head.lower().partition(b"content-length: ")
        if len(body) >= int(length.split(b"\r\n")[0] or 0):
            self._buffer = body
            self._done.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the connection was lost"))


async def connect(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def get(path: str, port: int) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


async def run(
    port: int, requests: Callable[[], Iterator[bytes]], *, connections: int, seconds: float, rate: float | None = None
) -> Result:
    """Send requests. rate: requests per second, evenly spaced; None sends the next one after each response."""
    result, following = Result(), requests()
    begun = time.perf_counter()
    until = begun + seconds
    numbers = itertools.count()

    async def work() -> None:
        connection = await connect(port)
        while True:
            due = time.perf_counter() if rate is None else begun + next(numbers) / rate
            if due >= until:
                break
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            status, body = await connection.ask(next(following))
            result.seconds.append(time.perf_counter() - due)
            result.statuses[status] = result.statuses.get(status, 0) + 1
            result.first = result.first or body
        connection.transport.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    result.took = time.perf_counter() - begun
    return result
