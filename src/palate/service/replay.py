"""Held-out people sent through a running service: are its lists those of the model in this process, and how long do
they take?"""

import http.client
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from palate.data.split import KNOWN, TEST
from palate.errors import OptionError, PalateError, at_least
from palate.recommender import Recommender
from palate.results import Results

NEAR = 1e-4
"""Scores may differ by so much of their size: a batch is added up in another order than a person alone."""


class UnreachableError(PalateError, ConnectionError):
    """There is no service at the address."""


@dataclass
class Replay:
    """What came of it."""

    people: int = 0
    lists: int = 0
    """Asked for: of each person as someone of the table, and as one never seen with the same history."""
    different: list[str] = field(default_factory=list)
    """Of whom a list was another one, and how."""
    seconds: list[float] = field(default_factory=list)

    def milliseconds(self, share: float) -> float:
        return 1000 * float(np.percentile(self.seconds, 100 * share))


def replay(
    recommender: Recommender, url: str, *, people: int = 200, k: int = 10, token: str | None = None, seed: int = 0
) -> Replay:
    """Ask the service for the lists of people who have held-out events, and compare each with `Recommender.recommend`.

    Raises:
        OptionError: the model held nobody's events out, or the service serves another model or refuses to answer.
        UnreachableError: there is no service at the address.
    """
    at_least(people, 1, "people")
    at_least(k, 1, "k")
    split, table = recommender.split, recommender.table
    held_out = np.unique(table.users[(split.part == TEST) | (split.part == KNOWN)])
    if not len(held_out):
        raise OptionError("this model held out no test part, so there is nobody to send")
    drawn = np.random.default_rng(seed).permutation(held_out)[:people]
    found = Replay(people=len(drawn))
    with closing(Service(url, token)) as service:
        if service.ask("GET", "/v1/model")["fingerprint"] != table.fingerprint:
            raise OptionError(f"the service at {url} was trained on another table than this model")
        for row in np.sort(drawn).tolist():
            for who, question, offline in _questions(recommender, row, k):
                begun = time.perf_counter()
                answer = service.ask(*question)
                found.seconds.append(time.perf_counter() - begun)
                found.lists += 1
                if wrong := difference([(item.id, item.score) for item in offline()], answer["items"]):
                    found.different.append(f"{who}: {wrong}")
    return found


def _questions(
    recommender: Recommender, row: int, k: int
) -> Iterator[tuple[str, tuple[str, str, Any], Callable[[], Results]]]:
    """What a person asks: who they are said to be, the request, and the same question to this process."""
    user = recommender.table.user_ids.id(row)
    path = f"/v1/users/{quote(str(user), safe='')}/recommendations?k={k}"
    yield f"user {user}", ("GET", path, None), lambda: recommender.recommend(user, k=k)
    person = recommender.person_at(row)
    items = [recommender.table.item_ids.id(item) for item in person.items.tolist()]
    if len(set(items)) < len(items):
        return  # someone who met an item twice can't be told as a person never seen
    who = f"user {user} as a person never seen"
    if person.ratings is None:
        body: dict[str, Any] = {"k": k, "history": items}
        yield who, ("POST", "/v1/recommendations", body), lambda: recommender.recommend(ratings=items, k=k)
    else:
        rated = dict(zip(items, person.ratings.tolist(), strict=True))
        body = {"k": k, "ratings": [{"item": item, "rating": rating} for item, rating in rated.items()]}
        yield who, ("POST", "/v1/recommendations", body), lambda: recommender.recommend(ratings=rated, k=k)


def difference(expected: Sequence[tuple[Any, float]], found: Sequence[dict[str, Any]]) -> str | None:
    """How a list differs from what it should be: None where it does not. Near scores may stand in either order."""
    if len(expected) != len(found):
        return f"{len(found)} items, and not {len(expected)}"
    for place, ((_, score), item) in enumerate(zip(expected, found, strict=True), 1):
        if not math.isclose(score, item["score"], rel_tol=NEAR, abs_tol=NEAR):
            return f"place {place} has score {item['score']:g}, and not {score:g}"
    scores = dict(expected)
    last = expected[-1][1] if expected else 0.0
    for item in found:
        if item["id"] not in scores and not math.isclose(item["score"], last, rel_tol=NEAR, abs_tol=NEAR):
            return f"item {item['id']!r} should not be there"
        if item["id"] in scores and not math.isclose(item["score"], scores[item["id"]], rel_tol=NEAR, abs_tol=NEAR):
            return f"item {item['id']!r} has score {item['score']:g}, and not {scores[item['id']]:g}"
    return None


class Service:
    """A running service, over one connection."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError(f"url is {url!r}: it should be such as http://127.0.0.1:8000")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=60)
        self._url, self._base = url, parts.path.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            text = None if body is None else json.dumps(body)
            self._connection.request(method, self._base + path, text, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"no service answers at {self._url}: {error}") from error
        try:
            found = json.loads(content)
        except ValueError:
            found = {}
        if answer.status != 200:
            detail = found.get("detail", "") if isinstance(found, dict) else ""
            raise OptionError(f"{method} {path} was answered with {answer.status} {detail}".rstrip())
        return found

    def close(self) -> None:
        self._connection.close()
