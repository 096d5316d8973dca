"""What went wrong, as an answer: {"error", "detail", "where"}, without a path, a version or a traceback."""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from palate.errors import OptionError, PalateError, UnknownIdError, UnsupportedError
from palate.service.schemas import Error

log = logging.getLogger("palate.service")

RETRY_AFTER = 1
"""Seconds after which a client may ask again what was refused for want of room or time."""

WORDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """An answer that is none."""

    def __init__(self, status: int, error: str, detail: str, where: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.error, self.detail, self.where = status, error, detail, where


@contextmanager
def at(where: str) -> Iterator[None]:
    """What Palate finds wrong inside is said of this part of the question."""
    try:
        yield
    except PalateError as error:
        raise from_palate(error, where) from error


def from_palate(error: PalateError, where: str | None = None) -> Problem:
    """What the library says of a question, as an answer."""
    detail = " ".join(str(error).split())
    if isinstance(error, UnknownIdError):
        kind = re.match(r"unknown (\w+)", detail)
        return Problem(404, f"unknown_{kind[1]}" if kind else "ambiguous_item", detail, where)
    if isinstance(error, OptionError):
        return Problem(400, "bad_value", detail, where)
    if isinstance(error, UnsupportedError):
        return Problem(400, "unsupported", detail, where)
    raise error


def answer(status: int, error: str, detail: str, where: str | None = None) -> Response[Error]:
    headers = {"retry-after": str(RETRY_AFTER)} if status in (429, 503) else None
    return Response(Error(error, detail, where), status_code=status, headers=headers, media_type="application/json")


def of_problem(_: Request[Any, Any, Any], problem: Problem) -> Response[Error]:
    return answer(problem.status, problem.error, problem.detail, problem.where)


def of_palate(request: Request[Any, Any, Any], error: PalateError) -> Response[Error]:
    try:
        return of_problem(request, from_palate(error))
    except PalateError:
        return of_anything(request, error)


def of_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Error]:
    if isinstance(error, ValidationException):
        extra = error.extra if isinstance(error.extra, list) else []
        first: dict[str, Any] = extra[0] if extra else {}
        source = str(getattr(first.get("source"), "value", first.get("source") or "query"))
        key = first.get("key")
        return answer(400, "bad_value", str(first.get("message") or error.detail), f"{source}.{key}" if key else None)
    word = WORDS.get(error.status_code, "bad_request")
    return answer(error.status_code, word, error.detail if error.status_code < 500 else "see the log")


def of_anything(request: Request[Any, Any, Any], error: Exception) -> Response[Error]:
    frames = "".join(traceback.format_tb(error.__traceback__))  # and not what it says, which may be of someone's taste
    log.error("%s: a mistake in the service: %s\n%s", request.scope.get("request_id"), type(error).__name__, frames)
    return answer(500, "internal", "a mistake in the service: its log has this request's id")
