"""ASGI middleware for every request: host and token checks, limits, response headers, the access log and metrics."""

import asyncio
import itertools
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from palate.service.errors import RETRY_AFTER, Problem
from palate.service.metrics import ServiceMetrics
from palate.service.parameters import SLASH
from palate.service.responses import Error
from palate.service.tokens import Tokens

access_log = logging.getLogger("palate.access")

PUBLIC_PATHS = ("/", "/docs", "/docs.css", "/openapi.json", "/healthz", "/readyz")
"""Paths that need no token, as they tell nothing about the model or its users; so do those under /static/."""

METHODS = ("GET", "POST")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
NO_STORE = (b"cache-control", b"no-store")

DRAIN_FACTOR = 8
"""A body up to this many times the limit is read to its end and dropped, so that the client reads the 413 response."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """Limits on one request, and on the number of requests in progress."""

    body: int = 2**20
    """Largest size of a body in bytes."""
    seconds: float = 30.0
    """Longest time to a response."""
    sending: float = 10.0
    """Longest time in seconds for a body to arrive."""
    at_once: int = 512
    """Largest number of requests in progress; further ones get 503."""


class ServiceMiddleware:
    """The outer ASGI application: it checks a request, passes it to the inner application, and counts the response."""

    def __init__(
        self,
        app: Any,
        metrics: ServiceMetrics,
        *,
        tokens: Tokens | None = None,
        hosts: frozenset[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """
        tokens: the accepted tokens; None accepts every client.
        hosts: the accepted names in the Host header; None accepts any. A web page can thus not reach the service by
            pointing a name of its own at this address (DNS rebinding).
        """
        self._app, self._metrics, self._tokens, self._hosts = app, metrics, tokens, hosts
        self._limits = limits or Limits()
        self._under_way = 0
        self._prefix, self._numbers = secrets.token_hex(4), itertools.count(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        if scope["method"] == "HEAD":  # answered as a GET, and the server drops the body
            scope = {**scope, "method": "GET"}
        if b"%" in scope["raw_path"]:
            parts = scope["raw_path"].decode("ascii").split("/")
            scope["path"] = "/".join(unquote(part).replace("/", SLASH) for part in parts)
        scope["request_id"] = request_id = f"{self._prefix}-{next(self._numbers):x}"
        sender = ResponseSender(send, request_id, no_store=scope["path"].startswith("/v1/"))
        self._under_way += 1
        self._metrics.under_way.set(self._under_way)
        try:
            await self._forward(scope, receive, sender)
        except Problem as problem:
            await sender.send_problem(problem)
        finally:
            self._under_way -= 1
            seconds = time.perf_counter() - start
            route = scope.get("path_template") or "-"
            method = scope["method"] if scope["method"] in METHODS else "-"
            self._metrics.count_response(route, method, sender.status, seconds)
            access_log.info("%s %s %s %d %.1f ms", request_id, method, route, sender.status, 1000 * seconds)

    async def _forward(self, scope: Any, receive: Any, sender: "ResponseSender") -> None:
        self._check(scope["path"], scope["method"], dict(scope["headers"]))
        body = await self._read_body(receive) if scope["method"] == "POST" else b""
        delivered = False

        async def receive_body() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()  # type: ignore[no-any-return]  # the client disconnects
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._app(scope, receive_body, sender)
        except TimeoutError:
            raise Problem(503, "too_slow", f"the response took more than {self._limits.seconds:g} seconds") from None

    def _check(self, path: str, method: str, headers: dict[bytes, bytes]) -> None:
        if self._hosts is not None and _host_name(headers.get(b"host", b"")) not in self._hosts:
            allowed = ", ".join(sorted(self._hosts))
            raise Problem(403, "forbidden", f"the Host header must be one of {allowed}", "header.host")
        is_public = path in PUBLIC_PATHS or path.startswith("/static/")
        if self._tokens is not None and not is_public and not self._tokens.allow(headers.get(b"authorization", b"")):
            detail = "a token is required: send the header `Authorization: Bearer TOKEN`"
            raise Problem(401, "unauthorized", detail, "header.authorization")
        if self._under_way > self._limits.at_once:
            raise Problem(503, "too_many", f"more than {self._limits.at_once} requests are in progress: retry later")
        if method == "POST" and headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise Problem(415, "bad_type", "the content type must be application/json", "header.content-type")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > DRAIN_FACTOR * self._limits.body:
            raise self._too_large()

    async def _read_body(self, receive: Any) -> bytes:
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._limits.sending):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Problem(400, "cut_off", "the connection closed before the body was complete", "body")
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size <= self._limits.body:
                        chunks.append(chunk)
                    is_last = not message.get("more_body")
                    if size > (1 if is_last else DRAIN_FACTOR) * self._limits.body:
                        raise self._too_large()
                    if is_last:
                        return b"".join(chunks)
        except TimeoutError:
            detail = f"the body took more than {self._limits.sending:g} seconds to arrive"
            raise Problem(408, "too_slow", detail, "body") from None

    def _too_large(self) -> Problem:
        detail = f"the body must have at most {self._limits.body:,} bytes"
        return Problem(413, "too_large", detail, "body")


class ResponseSender:
    """Sends a response with the headers that every response has."""

    def __init__(self, send: Any, request_id: str, *, no_store: bool) -> None:
        self._send, self._no_store = send, no_store
        self._id = (b"x-request-id", request_id.encode())
        self.status = 0
        """0 until the response starts."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *HEADERS, self._id]
            if self._no_store:
                message["headers"].append(NO_STORE)
        await self._send(message)

    async def send_problem(self, problem: Problem) -> None:
        if self.status:
            return
        body = msgspec.json.encode(Error(problem.error, problem.detail, problem.where))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if problem.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if problem.status == 503:
            headers.append((b"retry-after", str(RETRY_AFTER).encode()))
        if problem.status in (408, 413):
            headers.append((b"connection", b"close"))
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _host_name(host: bytes) -> str:
    """Return a Host header without its port."""
    text = host.decode("latin-1").lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
