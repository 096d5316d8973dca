"""Replay of held-out users: compare the lists of a running service with those of a model in this process."""

import http.client
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import numpy as np

from palate.data.split import KNOWN, TEST
from palate.errors import OptionError, PalateError, at_least
from palate.recommender import Recommender
from palate.results import Results

TOLERANCE = 1e-4
"""Largest relative difference of two scores: a batch of users is summed in another order than one user."""


class UnreachableError(PalateError, ConnectionError):
    """No service answers at the address."""


@dataclass
class Replay:
    """The result of a replay."""

    people: int = 0
    """Number of users."""
    lists: int = 0
    """Number of lists: one for each user of the table, and one for a new user with the same history."""
    different: list[str] = field(default_factory=list)
    """A line for each list that differs: the user and the difference."""
    seconds: list[float] = field(default_factory=list)
    """Seconds from each request to its response."""

    def milliseconds(self, share: float) -> float:
        """Return the quantile `share` (0 to 1) of the times in milliseconds."""
        return 1000 * float(np.percentile(self.seconds, 100 * share))


class ReplayRequest(NamedTuple):
    """A request to the service, and the same request to the model in this process."""

    user: str
    """How the report names the user."""
    method: str
    path: str
    body: Any
    recommend: Callable[[], Results]


def replay(
    recommender: Recommender, url: str, *, people: int = 200, k: int = 10, token: str | None = None, seed: int = 0
) -> Replay:
    """Request lists from a service for users with held-out events, and compare each with `Recommender.recommend`.

    people: largest number of users, drawn at random.

    Raises:
        OptionError: the model has no held-out users, or the service serves another model or refuses a request.
        UnreachableError: no service answers at the address.
    """
    at_least(people, 1, "people")
    at_least(k, 1, "k")
    at_least(seed, 0, "seed")
    split, table = recommender.split, recommender.table
    held_out = np.unique(table.users[(split.part == TEST) | (split.part == KNOWN)])
    if not len(held_out):
        raise OptionError("this model has no test part, so there are no held-out users to replay")
    rows = np.random.default_rng(seed).permutation(held_out)[:people]
    result = Replay(people=len(rows))
    with closing(ServiceClient(url, token)) as client:
        if client.request("GET", "/v1/model")["fingerprint"] != table.fingerprint:
            raise OptionError(f"the service at {url} serves a model of another table: give the model that it serves")
        for row in np.sort(rows).tolist():
            for request in _requests(recommender, row, k):
                start = time.perf_counter()
                response = client.request(request.method, request.path, request.body)
                result.seconds.append(time.perf_counter() - start)
                result.lists += 1
                if text := difference([(item.id, item.score) for item in request.recommend()], response["items"]):
                    result.different.append(f"{request.user}: {text}")
    return result


def _requests(recommender: Recommender, row: int, k: int) -> Iterator[ReplayRequest]:
    """Yield the request for a user of the table, and the one for a new user (cold start) with the same history."""
    user = recommender.table.user_ids.id(row)
    path = f"/v1/users/{quote(str(user), safe='')}/recommendations?k={k}"
    yield ReplayRequest(f"user {user}", "GET", path, None, lambda: recommender.recommend(user, k=k))
    person = recommender.person_at(row)
    items = [recommender.table.item_ids.id(item) for item in person.items.tolist()]
    if len(set(items)) < len(items):
        return  # a new user's history has each item once
    name, path = f"user {user} as a new user", "/v1/recommendations"
    if person.ratings is None:
        body: dict[str, Any] = {"k": k, "history": items}
        yield ReplayRequest(name, "POST", path, body, lambda: recommender.recommend(ratings=items, k=k))
    else:
        ratings = dict(zip(items, person.ratings.tolist(), strict=True))
        body = {"k": k, "ratings": [{"item": item, "rating": rating} for item, rating in ratings.items()]}
        yield ReplayRequest(name, "POST", path, body, lambda: recommender.recommend(ratings=ratings, k=k))


def difference(expected: Sequence[tuple[Any, float]], actual: Sequence[dict[str, Any]]) -> str | None:
    """Describe how a list differs from the expected one, or return None. Items with equal scores may swap places."""
    if len(expected) != len(actual):
        return f"{len(actual)} items instead of {len(expected)}"
    for place, ((_, score), item) in enumerate(zip(expected, actual, strict=True), 1):
        if not _close(score, item["score"]):
            return f"place {place} has score {item['score']:g} instead of {score:g}"
    scores = dict(expected)
    last = expected[-1][1] if expected else 0.0
    for item in actual:
        if item["id"] not in scores and not _close(item["score"], last):
            return f"item {item['id']!r} is not in the expected list"
        if item["id"] in scores and not _close(item["score"], scores[item["id"]]):
            return f"item {item['id']!r} has score {item['score']:g} instead of {scores[item['id']]:g}"
    return None


def _close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


class ServiceClient:
    """A connection to a running service."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError(f"url is {url!r}: it must be a URL such as http://127.0.0.1:8000")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=60)
        self._url, self._base = url, parts.path.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, body: Any = None) -> Any:
        try:
            text = None if body is None else json.dumps(body)
            self._connection.request(method, self._base + path, text, self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"no service answers at {self._url}: {error}") from error
        try:
            value = json.loads(content)
        except ValueError:
            value = {}
        if response.status != 200:
            detail = value.get("detail", "") if isinstance(value, dict) else ""
            raise OptionError(f"the service refused {method} {path} with status {response.status}: {detail}".rstrip())
        return value

    def close(self) -> None:
        self._connection.close()
