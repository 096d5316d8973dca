"""What every request passes: who asks, how much, how long, how many at once; and what every answer carries."""

import asyncio
import itertools
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from palate.service.errors import RETRY_AFTER
from palate.service.metrics import ServiceMetrics
from palate.service.parameters import SLASH
from palate.service.schemas import Error
from palate.service.tokens import Tokens

access = logging.getLogger("palate.access")

OPEN = ("/", "/docs", "/docs.css", "/openapi.json", "/healthz", "/readyz")
"""What needs no token, as it tells nothing of the model or of anyone; and what is under /static/."""

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
FRESH = (b"cache-control", b"no-store")

DRAINED = 8
"""Of a body so many times too large all is taken in, and thrown away, so that its sender hears why."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """Of one request, and of all of them together."""

    body: int = 2**20
    """Bytes."""
    seconds: float = 30.0
    """To its answer."""
    sending: float = 10.0
    """Seconds for a body to arrive."""
    at_once: int = 512
    """Requests under way; more are told to come again."""


class Refused(Exception):  # noqa: N818 - an answer, not a mistake of ours
    def __init__(self, status: int, error: str, detail: str, where: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.error = status, Error(error, detail, where)


class Gate:
    """Stands before the application, as ASGI."""

    def __init__(
        self,
        app: Any,
        metrics: ServiceMetrics,
        *,
        tokens: Tokens | None = None,
        hosts: frozenset[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """tokens: who may ask, None for everyone; hosts: what this service may be called, None for anything, so that no
        page of another name, made to point here, can ask."""
        self._app, self._metrics, self._tokens, self._hosts = app, metrics, tokens, hosts
        self._limits = limits or Limits()
        self._under_way = 0
        self._prefix, self._numbers = secrets.token_hex(4), itertools.count(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        if b"%" in scope["raw_path"]:
            parts = scope["raw_path"].decode("ascii").split("/")
            scope["path"] = "/".join(unquote(part).replace("/", SLASH) for part in parts)
        scope["request_id"] = request_id = f"{self._prefix}-{next(self._numbers):x}"
        answer = Answer(send, request_id, fresh=scope["path"].startswith("/v1/"))
        self._under_way += 1
        self._metrics.under_way.set(self._under_way)
        try:
            await self._pass(scope, receive, answer)
        except Refused as refused:
            await answer.refuse(refused)
        finally:
            self._under_way -= 1
            seconds = time.perf_counter() - begun
            route = scope.get("path_template") or "-"
            method = scope["method"] if scope["method"] in METHODS else "-"
            self._metrics.answered(route, method, answer.status, seconds)
            access.info("%s %s %s %d %.1f ms", request_id, method, route, answer.status, 1000 * seconds)

    async def _pass(self, scope: Any, receive: Any, answer: "Answer") -> None:
        self._check(scope["path"], scope["method"], dict(scope["headers"]))
        body = await self._body(receive) if scope["method"] == "POST" else b""
        sent = False

        async def whole() -> Message:
            nonlocal sent
            if sent:
                return await receive()  # type: ignore[no-any-return]  # the client going away
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._app(scope, whole, answer)
        except TimeoutError:
            raise Refused(503, "too_slow", f"no answer within {self._limits.seconds:g} seconds") from None

    def _check(self, path: str, method: str, headers: dict[bytes, bytes]) -> None:
        if self._hosts is not None and _name(headers.get(b"host", b"")) not in self._hosts:
            raise Refused(403, "forbidden", "this service is not called so", "header.host")
        is_open = path in OPEN or path.startswith("/static/")
        if self._tokens is not None and not is_open and not self._tokens.allow(headers.get(b"authorization", b"")):
            raise Refused(401, "unauthorized", "a token is needed: Authorization: Bearer TOKEN", "header.authorization")
        if self._under_way > self._limits.at_once:
            raise Refused(503, "too_many", "too many requests at once: ask again")
        if method == "POST" and headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise Refused(415, "bad_type", "the body must be application/json", "header.content-type")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > DRAINED * self._limits.body:
            raise self._too_large()

    async def _body(self, receive: Any) -> bytes:
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._limits.sending):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "cut_off", "the body did not come whole", "body")
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size <= self._limits.body:
                        chunks.append(chunk)
                    whole = not message.get("more_body")
                    if size > (1 if whole else DRAINED) * self._limits.body:
                        raise self._too_large()
                    if whole:
                        return b"".join(chunks)
        except TimeoutError:
            raise Refused(
                408, "too_slow", f"the body took more than {self._limits.sending:g} seconds", "body"
            ) from None

    def _too_large(self) -> Refused:
        return Refused(413, "too_large", f"a body has at most {self._limits.body:,} bytes", "body")


class Answer:
    """Where an answer goes, with the headers that each has."""

    def __init__(self, send: Any, request_id: str, *, fresh: bool) -> None:
        self._send, self._fresh = send, fresh
        self._id = (b"x-request-id", request_id.encode())
        self.status = 0
        """0 until it has begun."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *HEADERS, self._id]
            if self._fresh:
                message["headers"].append(FRESH)
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        if self.status:
            return
        body = msgspec.json.encode(refused.error)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refused.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if refused.status == 503:
            headers.append((b"retry-after", str(RETRY_AFTER).encode()))
        if refused.status in (408, 413):
            headers.append((b"connection", b"close"))
        await self({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _name(host: bytes) -> str:
    """Without its port."""
    text = host.decode("latin-1").lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
