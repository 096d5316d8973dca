"""The weights of a blend, chosen on the validation part, from which no member has learned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import queries, ranking
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.evaluation.evaluate import predict
from palate.evaluation.ranking_metrics import ndcg
from palate.models.blend import Blend, RatingBlend, standard
from palate.models.contract import Model
from palate.models.liked_history import relevant

PEOPLE = 5_000
"""People, at most, that the weights of lists are chosen by; drawn by the seed."""

BEST = 200
"""Items of each member's that may come into a blend's list: what all members put behind them does not."""

SCORES_HELD = 2**26
"""Scores of whole catalogues that choosing the weights of lists holds at once: 256 MB."""

K = 10
"""Length of the lists that weights are chosen by."""

TRIED = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Weights that each member is tried with beside the 1 of the one that is best alone."""


@torch.inference_mode()
def weigh(blend: Blend, split: Split, seed: int) -> None:
    """Choose the weights of a blend whose members are trained."""
    if isinstance(blend, RatingBlend):
        _weigh_ratings(blend, split)
    else:
        _weigh_lists(blend, split, seed)


def _weigh_ratings(blend: RatingBlend, split: Split) -> None:
    """By ridge regression."""
    assert split.validation.ratings is not None
    predicted = [predict(part, split.train, split.validation, split.newcomers) for part in blend.parts]
    blend.weigh(torch.from_numpy(np.stack(predicted, axis=1)), torch.from_numpy(split.validation.ratings))


def _weigh_lists(blend: Blend, split: Split, seed: int) -> None:
    """As those make the best lists."""
    liked = relevant(split.validation, split.train.scale)
    users = judges(liked, seed)
    if not len(users):
        return
    weights = list_weights([candidates(blend.parts, split.train, liked, users, split.newcomers)], K)
    blend.weights.copy_(torch.tensor(weights) / sum(weights))


def judges(liked: Interactions, seed: int) -> NDArray[np.int64]:
    """The user rows, ascending, of those who choose the weights of lists: who liked something, at most `PEOPLE`."""
    return np.sort(np.random.default_rng(seed).permutation(np.unique(liked.users).astype(np.int64))[:PEOPLE])


@dataclass(frozen=True)
class Candidates:
    """What may come into the lists of B people: the best C items of M members, each with the score of every member."""

    scores: Tensor  # (M, B, C), to mean 0 and spread 1 over a person's whole catalogue
    out: Tensor  # (B, C) bool: met before, or named twice
    hits: Tensor  # (B, C) bool: gone for
    counts: NDArray[np.int64]  # (B,) items that each went for

    def quality(self, weights: Sequence[float], k: int) -> NDArray[np.float64]:
        """nDCG@k of lists by weighted sums -> (B,)"""
        total = torch.einsum("m,mbc->bc", torch.tensor(weights), self.scores).masked_fill_(self.out, -torch.inf)
        places, _ = ranking.top(total, min(k, total.shape[1]))
        return ndcg(self.hits.gather(1, places).numpy(), self.counts)


@torch.inference_mode()
def candidates(
    members: Sequence[Model],
    known: Interactions,
    liked: Interactions,
    users: NDArray[np.int64],
    newcomers: NDArray[np.bool_],
) -> Candidates:
    """Of user rows (B,) who went for what is in `liked`, when what is in `known` is all that they have."""
    size = max(1, SCORES_HELD // (len(members) * known.n_items))
    parts = [
        _candidates(members, known, liked, users[start : start + size], newcomers)
        for start in range(0, len(users), size)
    ]
    return Candidates(
        torch.cat([part.scores for part in parts], dim=1),
        torch.cat([part.out for part in parts]),
        torch.cat([part.hits for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def _candidates(
    members: Sequence[Model],
    known: Interactions,
    liked: Interactions,
    users: NDArray[np.int64],
    newcomers: NDArray[np.bool_],
) -> Candidates:
    met, truth = ranking.seen(known, users), ranking.seen(liked, users)  # (B, n_items)
    scores = torch.stack([_standard_scores(member, known, users, newcomers) for member in members])
    best = scores.masked_fill(met, -torch.inf).topk(min(BEST, known.n_items)).indices  # (M, B, BEST)
    items = best.transpose(0, 1).flatten(1).sort(dim=1).values  # (B, C)
    again = torch.nn.functional.pad(items.diff(dim=1) == 0, (1, 0))
    return Candidates(
        scores.gather(2, items.expand(len(members), -1, -1)),
        met.gather(1, items) | again,
        truth.gather(1, items),
        truth.sum(1).numpy(),
    )


def _standard_scores(
    model: Model, known: Interactions, users: NDArray[np.int64], newcomers: NDArray[np.bool_]
) -> Tensor:
    """-> (B, n_items)"""
    chunks = queries.in_chunks(known, users, model.eval(), newcomers=newcomers)
    return torch.cat([standard(model.score(query)).cpu() for _, query in chunks])


def list_weights(found: Iterable[Candidates], k: int) -> list[float]:
    """The weight of each member that makes the best lists of k, nDCG over all people: 1 of the member that is best
    alone, and of the others a value of `TRIED`, changed one at a time, each time the best change of all, while lists
    become better by it."""
    found = list(found)

    def quality(weights: Sequence[float]) -> float:
        return float(np.concatenate([each.quality(weights, k) for each in found]).mean())

    members = range(len(found[0].scores))
    only: list[list[float]] = np.eye(len(members)).tolist()
    weights = max(only, key=quality)
    best = weights.index(1)
    value = quality(weights)
    while True:
        changes = [
            [*weights[:member], weight, *weights[member + 1 :]]
            for member in members
            for weight in TRIED
            if member != best and weight != weights[member]
        ]
        values = [quality(change) for change in changes]
        if max(values, default=value) <= value:
            return weights
        value = max(values)
        weights = changes[values.index(value)]
