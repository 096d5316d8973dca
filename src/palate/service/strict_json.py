"""Strict reading of bodies and query strings: no unknown field, no field twice, only finite numbers."""

import json
import math
import re
from typing import Any

import msgspec
from litestar import Request

from palate.service.errors import Problem
from palate.service.plain_errors import plain

MESSAGE = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<place>.*)`)?$", re.DOTALL)
"""A message of msgspec and the path of the value it is about."""

STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def decode(body: bytes, kind: Any) -> Any:
    """Decode a JSON body to a struct.

    Raises:
        Problem: 400, the body is not JSON of this kind; `where` names the part.
    """
    parsed = _parse(body)
    try:
        return msgspec.convert(parsed, kind)
    except msgspec.ValidationError as error:
        message = MESSAGE.match(str(error))
        assert message is not None
        place = message["place"] or ""
        raise Problem(400, "bad_value", plain(message["text"], _value(parsed, place)), f"body{place}") from None


def _value(parsed: Any, place: str) -> Any:
    """Return the value at a place such as .events[1].rating."""
    for name, number in STEP.findall(place):
        parsed = parsed[name] if name else parsed[int(number)]
    return parsed


def _parse(body: bytes) -> Any:
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)
        if b"\\ud" in body.lower():
            json.dumps(value, ensure_ascii=False).encode()  # raises UnicodeEncodeError for half of a surrogate pair
        return value
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", f"the body is not valid JSON: {error}", "body") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("an object has the same field twice")
    return fields


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is decoded to the struct that its handler declares."""

    async def json(self) -> Any:
        field = self.route_handler.parsed_data_field
        assert field is not None
        return decode(await self.body(), field.annotation)


async def check_query(request: Request[Any, Any, Any]) -> None:
    """Raise `Problem` for an unknown query field, and for a single field that is given twice."""
    if not request.scope["query_string"]:
        return
    known = query_fields(request)
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            allowed = f"use {', '.join(known)}" if known else "this route has none"
            raise Problem(400, "unknown_field", f"unknown query field: {allowed}", f"query.{name[:50]}")
        if name in seen and not known[name]:
            raise Problem(400, "bad_value", "the field is given twice: give it once", f"query.{name}")
        seen.add(name)


def query_fields(request: Request[Any, Any, Any]) -> dict[str, bool]:
    """Return the query fields of the request's handler, and whether each may be given more than once."""
    handler = request.route_handler
    if "query" not in handler.opt:
        handler.opt["query"] = {
            getattr(field.kwarg_definition, "name", None) or name: any(
                inner.is_non_string_collection for inner in field.inner_types
            )
            for name, field in handler.parsed_fn_signature.parameters.items()
            if name not in ("request", "data") and name not in request.path_params
        }
    fields: dict[str, bool] = handler.opt["query"]
    return fields
