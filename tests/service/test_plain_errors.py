"""Errors of a body's fields: the value, what it must be, and the place."""

import pytest

from palate.service.errors import Problem
from palate.service.requests import EventsRequest, RecommendationRequest
from palate.service.strict_json import decode

EVENT = '{"events": [{"id": "a", "user": 1, "item": 2, %s}]}'


@pytest.mark.parametrize(
    ("kind", "body", "where", "detail"),
    [
        (RecommendationRequest, '{"k": 0}', "body.k", "the value is 0: it must be a whole number of at least 1"),
        (RecommendationRequest, '{"k": "ten"}', "body.k", "the value is 'ten': it must be a whole number"),
        (RecommendationRequest, '{"kk": 1}', "body", "unknown field 'kk': remove it, or correct its name"),
        (RecommendationRequest, "[]", "body", "the value is []: it must be an object"),
        (EventsRequest, '{"events": []}', "body.events", "the value is []: it must be a list of at least 1 values"),
        (EventsRequest, '{"events": [{"id": "a"}]}', "body.events[0]", "the field 'user' is missing: give it"),
        (EventsRequest, EVENT % '"rating": "5"', "body.events[0].rating", "'5': it must be a number or null"),
        (EventsRequest, EVENT % '"time": -1', "body.events[0].time", "-1: it must be a number of at least 0.0"),
        (EventsRequest, EVENT % '"kind": "buy"', "body.events[0].kind", "'buy' is none of the values of this field"),
        (
            EventsRequest,
            EVENT.replace("a", "") % '"kind": "view"',
            "body.events[0].id",
            "text of at least 1 characters",
        ),
        (EventsRequest, EVENT.replace("a", "\\u0000") % '"kind": "view"', "body.events[0].id", "without the character"),
    ],
)
def test_a_wrong_value_is_named_in_plain_words(kind: type, body: str, where: str, detail: str) -> None:
    with pytest.raises(Problem) as raised:
        decode(body.encode(), kind)
    assert (raised.value.status, raised.value.where) == (400, where)
    assert detail in raised.value.detail
    assert "`" not in raised.value.detail


def test_a_long_value_is_cut() -> None:
    with pytest.raises(Problem) as raised:
        decode(b'{"k": "' + b"x" * 10_000 + b'"}', RecommendationRequest)
    assert len(raised.value.detail) < 200
