"""Why an item is recommended: what its score would lose without each rating of the person who asks."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palate import queries, ranking
from palate.choosing import PADDED_EVENTS
from palate.models.contract import Model
from palate.queries import Person
from palate.results import Results


@dataclass(frozen=True)
class Explanation:
    """The score of an item for a person, and the ratings of theirs that it owes most to."""

    score: float
    reasons: Results
    """id, title, rating and loss, the largest loss first; rating is null for a history without ratings."""


class Losses(NamedTuple):
    """What n items owe to each event of a history."""

    scores: NDArray[np.float32]  # (n,) with the whole history
    losses: NDArray[np.float32]  # (L, n): that score minus the score without the event


@torch.inference_mode()
def losses(model: Model, person: Person, items: NDArray[np.int64]) -> Losses:
    """Of item rows (n,), exact for this model: it is asked again with each event of the person left out, in one batch.

    The person asks as `UNSEEN`, for what a model keeps of someone from training can't be taken out of it again.
    """
    whole, n = person.unseen, len(person.items)
    asked = [whole, *(whole.keeping(np.arange(n) != event) for event in range(n))]
    room = max(1, min(ranking.MEMORY // (ranking.BYTES_A_SCORE * model.n_items), PADDED_EVENTS // max(1, n)))
    columns = torch.from_numpy(items).to(model.device)
    scores = [
        model.eval().score(queries.of_people(asked[start : start + room], model))[:, columns].cpu()
        for start in range(0, len(asked), room)
    ]
    found = torch.cat(scores).numpy()  # (1 + L, n)
    return Losses(found[0], found[0] - found[1:])


def largest(losses: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The events (L,) that cost most, the earlier of equal ones first -> (k,) or fewer, without those that cost
    nothing or less."""
    order = np.argsort(-losses, kind="stable")[:k]
    return order[losses[order] > 0].astype(np.int64)
