"""Explanations: what the score of an item would lose without each event of the user's history."""

import time
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.inference import queries, ranking
from palate.inference.ids import named_items
from palate.inference.queries import Person
from palate.inference.top_n import PADDED_EVENTS
from palate.models.contract import Model, PredictsRatings
from palate.results import Results


@dataclass(frozen=True)
class ScoreExplanation:
    """The score of an item for a user, and the user's ratings that raise it most."""

    score: float
    reasons: Results
    """id, title, rating and loss, the largest loss first; rating is null for a history without ratings."""


class Losses(NamedTuple):
    """Losses of the scores of n items without each of the L events of a history."""

    scores: NDArray[np.float32]  # (n,) with the whole history
    losses: NDArray[np.float32]  # (L, n): the evidence minus that without the event, NaN where it was not tried

    @property
    def tried(self) -> int:
        """Number of events that were tried, from the newest back."""
        return int((~np.isnan(self.losses[:, :1])).sum())

    def largest(self, item: int, k: int) -> NDArray[np.int64]:
        """Return the k events with the largest loss for one of the n items -> (k,) or fewer.

        Of equal losses the earlier event comes first; events without a loss above 0 are left out.
        """
        of_item = np.nan_to_num(self.losses[:, item], nan=-np.inf)
        order = np.argsort(-of_item, kind="stable")[:k]
        return order[of_item[order] > 0].astype(np.int64)


def explain(model: Model, table: Interactions, person: Person, row: int, k: int | None = None) -> ScoreExplanation:
    """Explain the score of an item row by the k events (all if None) that it would lose most without."""
    result = losses(model, person, np.array([row], dtype=np.int64))
    events = result.largest(0, len(person.items) if k is None else k)
    ratings = np.full(len(person.items), np.nan) if person.ratings is None else person.ratings
    named = named_items(table, person.items[events], rating=ratings[events], loss=result.losses[events, 0])
    reasons = named.to_polars().with_columns(pl.col("rating").fill_nan(None))
    return ScoreExplanation(float(result.scores[0]), Results(reasons))


@torch.inference_mode()
def losses(model: Model, person: Person, items: NDArray[np.int64], deadline: float = inf) -> Losses:
    """Return what the scores of item rows (n,) lose without each event of the history.

    The losses are exact: the model scores the items again without each event, in batches. They are losses of evidence:
    the popularity of an item, which stands for its score where nothing is known, is no part of them. The person is
    scored as a new user (fold-in), as what a model learned of a user in training can't be taken out again.
    deadline: the `time.monotonic` after which no further batch begins; the oldest events then remain untried.
    """
    whole, n = person.unseen, len(person.items)
    newest_first = range(n - 1, -1, -1)
    room = max(1, min(ranking.MEMORY // (ranking.BYTES_A_SCORE * model.n_items), PADDED_EVENTS // max(1, n)))
    columns = torch.from_numpy(items).to(model.device)
    model.eval()

    def score(people: list[Person]) -> NDArray[np.float32]:
        query = queries.of_people(people, model)
        if isinstance(model, PredictsRatings):  # the same scores, without those of all other items
            query_rows = torch.arange(len(people), device=model.device).repeat_interleave(len(columns))
            scores = model.predict(query, query_rows, columns.repeat(len(people))).view(len(people), -1)
        else:
            scores = model.evidence(query)[:, columns]
        return scores.cpu().numpy()

    with_all = score([whole])[0]
    lost = np.full((n, len(items)), np.nan, dtype=np.float32)
    for start in range(0, n, room):
        if time.monotonic() > deadline:
            break
        events = newest_first[start : start + room]
        lost[events] = with_all - score([whole.keeping(np.arange(n) != event) for event in events])
    if not isinstance(model, PredictsRatings):
        with_all = model.score(queries.of_people([whole], model))[0, columns].cpu().numpy()
    return Losses(with_all, lost)
