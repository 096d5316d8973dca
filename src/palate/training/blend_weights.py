"""The weights of a blend, chosen on the validation part, from which no member has learned."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.data.split import Split
from palate.evaluation.evaluate import predict
from palate.evaluation.ranking_metrics import ndcg
from palate.inference import queries, ranking
from palate.models.blend import Blend, RatingBlend, standard
from palate.models.contract import Model

PEOPLE = 5_000
"""People, at most, that the weights of lists are chosen by; drawn by the seed."""

BEST = 200
"""Items of each member's that may come into a blend's list: what all members put behind them does not."""

SCORES_HELD = 2**26
"""Scores of whole catalogues that choosing the weights of lists holds at once: 256 MB."""

K = 10
"""Length of the lists that weights are chosen by."""

ROUNDS, DRAWS = 20, 10
"""Members chosen, one after the other, for weights of lists; and draws of people over which these are the mean."""

Weights = tuple[float, ...]


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
    weights = list_weights([candidates(blend.parts, split.train, liked, users, split.newcomers)], K, seed)
    blend.weights.copy_(torch.tensor(weights))


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
        total = torch.einsum("m,mbc->bc", self.scores.new_tensor(weights), self.scores)
        places, best = ranking.top(total, min(k, total.shape[1]), self.out)
        hits = self.hits.gather(1, places) & (best > -torch.inf)  # where fewer than k are left, places say nothing
        return ndcg(hits.numpy(), self.counts)


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


def list_weights(found: Iterable[Candidates], k: int, seed: int = 0) -> list[float]:
    """The share of each member in a blend that makes the best lists of k, by nDCG; one alone where no blend is better.

    Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble Selection from Libraries of Models", ICML 2004, sections 2 to
    2.3: members are chosen one by one, the same again if that is best. Weights that are best for a few people are so by
    luck as well, so these are the mean over draws of people, as many with replacement; in the paper, draws of models.
    """
    found = list(found)
    alone: list[Weights] = [tuple(row) for row in np.eye(len(found[0].scores)).tolist()]

    @cache
    def quality(weights: Weights) -> NDArray[np.float64]:  # (n,) of each person's list
        return np.concatenate([each.quality(weights, k) for each in found])

    n = len(quality(alone[0]))
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # (DRAWS, n) how often
    chosen = np.array([_chosen(quality, draw, len(alone)) for draw in drawn])
    mean: Weights = tuple((chosen / chosen.sum(1, keepdims=True)).mean(0).tolist())
    best: Weights = max([*alone, mean], key=lambda weights: float(quality(weights).mean()))
    return list(best)


def _chosen(quality: Callable[[Weights], NDArray[np.float64]], draw: NDArray[np.int64], n_members: int) -> Weights:
    """How often each member had been chosen when lists were best, where people count as they are drawn (n,)."""
    counts: Weights = (0.0,) * n_members
    best, value = counts, -np.inf
    for _ in range(ROUNDS):
        more: list[Weights] = [tuple(row) for row in (np.eye(n_members) + counts).tolist()]
        values = np.array([draw @ quality(each) for each in more])
        counts = more[values.argmax()]
        if values.max() > value:
            best, value = counts, values.max()
    return best
