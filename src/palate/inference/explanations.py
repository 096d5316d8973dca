"""Why an item is recommended: what its score would lose without each rating of the person who asks."""

import time
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palate.inference import queries, ranking
from palate.inference.queries import Person
from palate.inference.top_n import PADDED_EVENTS
from palate.models.contract import Model, PredictsRatings
from palate.results import Results


@dataclass(frozen=True)
class ScoreExplanation:
    """The score of an item for a person, and the ratings of theirs that it owes most to."""

    score: float
    reasons: Results
    """id, title, rating and loss, the largest loss first; rating is null for a history without ratings."""


class Losses(NamedTuple):
    """What n items owe to each event of a history."""

    scores: NDArray[np.float32]  # (n,) with the whole history
    losses: NDArray[np.float32]  # (L, n): that score minus the score without the event, NaN where it was not tried

    @property
    def tried(self) -> int:
        """How many events were tried, from the newest back."""
        return int((~np.isnan(self.losses[:, :1])).sum())

    def largest(self, item: int, k: int) -> NDArray[np.int64]:
        """The events that one of the n items owes most to, the earlier of equal ones first -> (k,) or fewer; without
        those that it owes nothing."""
        mine = np.nan_to_num(self.losses[:, item], nan=-np.inf)
        order = np.argsort(-mine, kind="stable")[:k]
        return order[mine[order] > 0].astype(np.int64)


@torch.inference_mode()
def losses(model: Model, person: Person, items: NDArray[np.int64], deadline: float = inf) -> Losses:
    """Of item rows (n,), exact for this model: it is asked again with each event of the person left out, in batches.

    The person asks as `UNSEEN`, for what a model keeps of someone from training can't be taken out of it again.
    deadline: the `time.monotonic` after which no further batch begins; what was not tried by then is the oldest.
    """
    whole, n = person.unseen, len(person.items)
    newest_first = range(n - 1, -1, -1)
    room = max(1, min(ranking.MEMORY // (ranking.BYTES_A_SCORE * model.n_items), PADDED_EVENTS // max(1, n)))
    columns = torch.from_numpy(items).to(model.device)
    model.eval()

    def scores(people: list[Person]) -> NDArray[np.float32]:
        query = queries.of_people(people, model)
        if isinstance(model, PredictsRatings):  # the same, without all other items
            of_whom = torch.arange(len(people), device=model.device).repeat_interleave(len(columns))
            found = model.predict(query, of_whom, columns.repeat(len(people))).view(len(people), -1)
        else:
            found = model.score(query)[:, columns]
        return found.cpu().numpy()

    first = scores([whole])[0]
    lost = np.full((n, len(items)), np.nan, dtype=np.float32)
    for start in range(0, n, room):
        if time.monotonic() > deadline:
            break
        events = newest_first[start : start + room]
        lost[events] = first - scores([whole.keeping(np.arange(n) != event) for event in events])
    return Losses(first, lost)
