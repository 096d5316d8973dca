"""HTTP error responses: {"error", "detail", "where"}, without a path, a version or a traceback."""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from palate.errors import OptionError, PalateError, UnknownIdError, UnsupportedError
from palate.service.responses import Error

log = logging.getLogger("palate.service")

RETRY_AFTER = 1
"""Seconds after which a client may retry a request that was refused for lack of capacity or time."""

CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(Exception):  # noqa: N818 - an error of the request, not of the service
    """An HTTP error response."""

    def __init__(self, status: int, error: str, detail: str, where: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.error, self.detail, self.where = status, error, detail, where


@contextmanager
def at(where: str) -> Iterator[None]:
    """Turn a PalateError of the block into a `Problem` that names this part of the request."""
    try:
        yield
    except PalateError as error:
        raise problem_from(error, where) from error


def problem_from(error: PalateError, where: str | None = None) -> Problem:
    """Return the error response for an error of the library; raise errors that no request can cause."""
    detail = " ".join(str(error).split())
    if isinstance(error, UnknownIdError):
        kind = re.match(r"unknown (\w+)", detail)
        return Problem(404, f"unknown_{kind[1]}" if kind else "ambiguous_item", detail, where)
    if isinstance(error, OptionError):
        return Problem(400, "bad_value", detail, where)
    if isinstance(error, UnsupportedError):
        return Problem(400, "unsupported", detail, where)
    raise error


def error_response(
    status: int, error: str, detail: str, where: str | None = None, allow: str | None = None
) -> Response[Error]:
    """Return an error response. allow: the methods of the route, for the header of a response with status 405."""
    headers = {"retry-after": str(RETRY_AFTER)} if status in (429, 503) else {}
    if allow is not None:
        headers["allow"] = allow
    return Response(Error(error, detail, where), status_code=status, headers=headers, media_type="application/json")


def on_problem(_: Request[Any, Any, Any], problem: Problem) -> Response[Error]:
    return error_response(problem.status, problem.error, problem.detail, problem.where)


def on_palate_error(request: Request[Any, Any, Any], error: PalateError) -> Response[Error]:
    try:
        return on_problem(request, problem_from(error))
    except PalateError:
        return on_bug(request, error)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Error]:
    if isinstance(error, ValidationException):
        extra = error.extra if isinstance(error.extra, list) else []
        first: dict[str, Any] = extra[0] if extra else {}
        source = str(getattr(first.get("source"), "value", first.get("source") or "query"))
        key = first.get("key")
        detail = str(first.get("message") or error.detail)
        if source == "query" and key and (value := request.query_params.get(key)) is not None:
            detail = f"{key} is {value[:50]!r}: {detail[:1].lower()}{detail[1:]}"
        return error_response(400, "bad_value", detail, f"{source}.{key}" if key else None)
    code = CODES.get(error.status_code, "bad_request")
    detail = error.detail if error.status_code < 500 else "see the log of the service"
    allow = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow")
    if allow is not None and "GET" in allow:
        allow = f"{allow}, HEAD"  # the middleware answers it wherever there is a GET
    return error_response(error.status_code, code, detail, allow=allow)


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Error]:
    """Log where the error was raised, without its message, which may hold ids or ratings of a user."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: internal error: %s\n%s", request.scope.get("request_id"), type(error).__name__, frames)
    return error_response(500, "internal", "internal error: search the log of the service for this x-request-id")
