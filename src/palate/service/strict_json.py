"""Bodies and query strings, taken strictly: nothing unknown, nothing twice, nothing that is not a finite number."""

import json
import math
import re
from typing import Any

import msgspec
from litestar import Request

from palate.service.errors import Problem

PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<place>.*)`)?$", re.DOTALL)


def decode(body: bytes, kind: Any) -> Any:
    """JSON -> a struct.

    Raises:
        Problem: 400, it is no JSON of this kind; `where` says which part.
    """
    try:
        return msgspec.convert(_plain(body), kind)
    except msgspec.ValidationError as error:
        found = PLACE.match(str(error))
        assert found is not None
        raise Problem(400, "bad_value", found["what"], f"body{found['place'] or ''}") from None


def _plain(body: bytes) -> Any:
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_float=_finite, parse_constant=_finite)
        if b"\\ud" in body.lower():
            json.dumps(found, ensure_ascii=False).encode()  # half a sign is no text
        return found
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", f"not JSON as it is understood here: {error}", "body") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a field twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is decoded to what its handler asks for."""

    async def json(self) -> Any:
        field = self.route_handler.parsed_data_field
        assert field is not None
        return decode(await self.body(), field.annotation)


async def check_query(request: Request[Any, Any, Any]) -> None:
    """Raises Problem where the query string has a field that is not documented, or one twice that may come once."""
    if not request.scope["query_string"]:
        return
    known = parameters(request)
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise Problem(400, "unknown_field", f"no query field is called so; {there}", f"query.{name[:50]}")
        if name in seen and not known[name]:
            raise Problem(400, "bad_value", "it is there twice", f"query.{name}")
        seen.add(name)


def parameters(request: Request[Any, Any, Any]) -> dict[str, bool]:
    """The query fields of the request's handler: whether each may come more than once."""
    handler = request.route_handler
    if "query" not in handler.opt:
        handler.opt["query"] = {
            getattr(field.kwarg_definition, "name", None) or name: any(
                inner.is_non_string_collection for inner in field.inner_types
            )
            for name, field in handler.parsed_fn_signature.parameters.items()
            if name not in ("request", "data") and name not in request.path_params
        }
    found: dict[str, bool] = handler.opt["query"]
    return found
