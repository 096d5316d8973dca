"""Test invalid requests: every response is one that the API documents, and none is a 500."""

import json
import math
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from palate.service.errors import Problem
from palate.service.requests import EventsRequest, RecommendationRequest
from palate.service.strict_json import decode
from tests.service.running import Client

POSTS = ("recommendations", "predictions", "explanations", "analogies", "events")
EVENT = {"id": "a", "user": 1, "item": 101, "kind": "rating", "rating": 3}

BROKEN = {
    "nothing": b"",
    "not JSON": b"ratings",
    "cut off": json.dumps({"events": [EVENT]}).encode()[:-3],
    "not UTF-8": b'{"ratings": "\xff\xfe"}',
    "UTF-16": json.dumps({"events": [EVENT]}).encode("utf-16"),
    "half of a surrogate pair": b'{"history": ["\\ud800"]}',
    "NaN": b'{"ratings": [{"item": 101, "rating": NaN}]}',
    "infinite": b'{"ratings": [{"item": 101, "rating": Infinity}]}',
    "too large a number": b'{"ratings": [{"item": 101, "rating": 1e999}]}',
    "too many digits": b'{"k": ' + b"9" * 5000 + b"}",
    "a field twice": b'{"k": 1, "k": 2}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a list": b"[]",
    "null": b"null",
    "an unknown field": b'{"nonsense": 1}',
    "a number as text": b'{"k": "5", "events": [{"id": 5}], "items": "101", "item": {}, "a": null}',
    "a truth": b'{"k": true, "item": true, "items": [true], "a": true, "events": [true]}',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", POSTS)
def test_broken_bodies(mf: Client, path: str, body: bytes) -> None:
    status, error, where = mf.post(f"/v1/{path}", body).error
    assert status == 400
    assert error in ("bad_json", "bad_value")
    assert where is None or where.startswith("body")


@pytest.mark.parametrize(
    ("path", "error"),
    {
        "/v1/users/1/recommendations?k=0": (400, "bad_value", "query.k"),
        "/v1/users/1/recommendations?k=1000": (400, "bad_value", "query.k"),
        "/v1/users/1/recommendations?k=ten": (400, "bad_value", "query.k"),
        "/v1/users/1/recommendations?k=1&k=2": (400, "bad_value", "query.k"),
        "/v1/users/1/recommendations?diversity=NaN": (400, "bad_value", "query.diversity"),
        "/v1/users/1/recommendations?diversity=inf": (400, "bad_value", "query.diversity"),
        "/v1/users/1/recommendations?min_ratings=-1": (400, "bad_value", "query.min_ratings"),
        "/v1/users/1/recommendations?nonsense=1": (400, "unknown_field", "query.nonsense"),
        "/v1/users/1/recommendations?exclude=nothing": (404, "unknown_item", "query.exclude"),
        "/v1/users/1/recommendations?only=nothing": (404, "unknown_item", "query.only"),
        "/v1/users/1/recommendations?category=Westen": (404, "unknown_category", "query.category"),
        "/v1/users/31/recommendations": (404, "unknown_user", "path.user_id"),
        "/v1/users/--1/history": (404, "unknown_user", "path.user_id"),
        f"/v1/users/{'1' * 5000}/history": (400, "bad_value", "path.user_id"),
        f"/v1/items/{'9' * 30}": (404, "unknown_item", "path.item_id"),
        "/v1/items/Twins": (404, "ambiguous_item", "path.item_id"),
        "/v1/items/Movie%20A%2F1990": (404, "unknown_item", "path.item_id"),
        "/v1/items/101/similar?strength=nan": (400, "bad_value", "query.strength"),
        "/v1/items/101/similar?towards=nothing": (404, "unknown_attribute", "query.towards"),
        "/v1/nothing": (404, "not_found", None),
    }.items(),
)
def test_addresses(mf: Client, path: str, error: tuple[int, str, str]) -> None:
    assert mf.get(path).error == error


def test_error_messages_say_what_to_do(mf: Client) -> None:
    assert mf.get("/v1/items?k=1000").json["detail"] == "k is '1000': expected `int` <= 100"
    assert "did you mean 'Western'?" in mf.get("/v1/users/1/recommendations?category=Westen").json["detail"]
    assert "103, 104" in mf.get("/v1/items/Twins").json["detail"]
    assert "did you mean 'Movie B (1991)'" in mf.get("/v1/items/Movie%20B").json["detail"]
    off = mf.post("/v1/recommendations", {"ratings": [{"item": 101, "rating": 9}]})
    assert "1 to 5" in off.json["detail"]
    levels = mf.post("/v1/predictions", {"user": 1, "items": [101], "interval": 0.33})
    assert levels.error == (400, "bad_value", "body.interval")
    assert "0.8" in levels.json["detail"]
    both = mf.post("/v1/explanations", {"user": 1, "ratings": [], "item": 101})
    assert both.error == (400, "bad_value", "body")
    twice = {"ratings": [{"item": 101, "rating": 1}, {"item": "Movie A (1990)", "rating": 2}]}
    assert mf.post("/v1/recommendations", twice).error == (400, "bad_value", "body.ratings")


def test_other_methods_are_refused(mf: Client) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert mf.request(method, "/v1/model", None, {}).status in (404, 405)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["ratings", "item", "k", "events", "id", "user", "kind", "x"]), inner, max_size=4
            )
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_bodies_are_decoded_or_refused(value: Any) -> None:
    """Any JSON value is refused, or decoded to the same values."""
    body = json.dumps(value).encode()
    for kind in (RecommendationRequest, EventsRequest):
        with suppress(Problem):
            decoded = decode(body, kind)
            assert isinstance(value, dict)
            assert {name: value[name] for name in value if name == "k"} == {
                n: getattr(decoded, n) for n in value if n == "k"
            }


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_bytes_are_decoded_or_refused(body: bytes) -> None:
    with suppress(Problem):
        assert math.isfinite(decode(body, RecommendationRequest).diversity)


@given(path=st.text(max_size=20), query=st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_has_a_response(mf: Client, path: str, query: str) -> None:
    part = quote(path.encode("utf-8", "surrogatepass"), safe="")
    text = quote(query.encode("utf-8", "surrogatepass"), safe="&=%")
    for address in (f"/v1/users/{part}/recommendations?{text}", f"/v1/items/{part}?{text}", f"/v1/items?query={text}"):
        assert mf.get(address).status in (200, 400, 404, 405)


CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]


@pytest.fixture
def document(fresh: Client) -> Any:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{fresh.port}/openapi.json")


def test_the_whole_document_by_schemathesis(document: Any) -> None:
    """Send valid and invalid requests made from the OpenAPI document; every response must be one that it describes."""
    statuses: list[int] = []

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def ask(data: Any) -> None:
        for result in document.get_all_operations():
            case = data.draw(result.ok().as_strategy())
            response = case.call()
            case.validate_response(response, checks=CHECKS)
            statuses.append(response.status_code)

    ask()
    assert len(statuses) >= 16 * 12
    assert {200, 400} <= set(statuses)


def test_linked_requests_by_schemathesis(document: Any) -> None:
    """Use the values of a response in the next request, as the document links them."""

    class Requests(document.as_state_machine()):  # type: ignore[misc]
        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Requests.run(
        settings=settings(
            max_examples=8,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
