"""Weights of a blend, chosen on the validation part, from which no member has learned."""

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

MOST_USERS = 5_000
"""Most users that choose the weights of list models; the seed draws them."""

BEST = 200
"""Best items of each member that may come into a list of the blend."""

SCORES_AT_ONCE = 2**26
"""Most scores in memory at once while the weights of list models are chosen: 256 MB."""

K = 10
"""Length of the lists that choose the weights."""

ROUNDS, DRAWS = 20, 10
"""Rounds of ensemble selection, each of which adds a member; bootstrap draws of users that are averaged."""

Weights = tuple[float, ...]


@torch.inference_mode()
def weigh(blend: Blend, split: Split, seed: int) -> None:
    """Choose the weights of a blend whose members are trained, in place. The seed draws users."""
    if isinstance(blend, RatingBlend):
        _weigh_ratings(blend, split)
    else:
        _weigh_lists(blend, split, seed)


def _weigh_ratings(blend: RatingBlend, split: Split) -> None:
    """Choose the weights of rating models by ridge regression."""
    assert split.validation.ratings is not None
    predicted = [predict(part, split.train, split.validation, split.newcomers) for part in blend.parts]
    blend.weigh(torch.from_numpy(np.stack(predicted, axis=1)), torch.from_numpy(split.validation.ratings))


def _weigh_lists(blend: Blend, split: Split, seed: int) -> None:
    """Choose the weights that give the best lists."""
    liked = relevant(split.validation, split.train.usual_scale)
    users = weighting_users(liked, seed)
    if not len(users):
        return
    weights = list_weights([candidates(blend.parts, split.train, liked, users, split.newcomers)], K, seed)
    blend.weights.copy_(torch.tensor(weights))


def weighting_users(liked: Interactions, seed: int) -> NDArray[np.int64]:
    """Return the rows, ascending, of the users who choose the weights: at most `MOST_USERS` with a relevant item."""
    return np.sort(np.random.default_rng(seed).permutation(np.unique(liked.users).astype(np.int64))[:MOST_USERS])


@dataclass(frozen=True)
class Candidates:
    """Items that may come into the lists of B users: the C best items of M members, with the scores of all members."""

    scores: Tensor  # (M, B, C), with mean 0 and spread 1 over a user's whole catalogue
    out: Tensor  # (B, C) bool: seen before, or a repeated item
    hits: Tensor  # (B, C) bool: relevant
    counts: NDArray[np.int64]  # (B,) relevant items of each user

    def quality(self, weights: Sequence[float], k: int) -> NDArray[np.float64]:
        """Return nDCG@k of the lists by weighted sums of scores -> (B,)."""
        total = torch.einsum("m,mbc->bc", self.scores.new_tensor(weights), self.scores)
        places, best = ranking.top(total, min(k, total.shape[1]), self.out)
        hits = self.hits.gather(1, places) & (best > -torch.inf)  # fewer than k may be left
        return ndcg(hits.numpy(), self.counts)


@torch.inference_mode()
def candidates(
    members: Sequence[Model],
    known: Interactions,
    liked: Interactions,
    users: NDArray[np.int64],
    newcomers: NDArray[np.bool_],
) -> Candidates:
    """Collect the candidates of user rows (B,) with the history `known` and the relevant items `liked`."""
    size = max(1, SCORES_AT_ONCE // (len(members) * known.n_items))
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
    seen, relevant_items = ranking.seen(known, users), ranking.seen(liked, users)  # (B, n_items)
    scores = torch.stack([_standard_scores(member, known, users, newcomers) for member in members])
    best = scores.masked_fill(seen, -torch.inf).topk(min(BEST, known.n_items)).indices  # (M, B, BEST)
    items = best.transpose(0, 1).flatten(1).sort(dim=1).values  # (B, C)
    repeated = torch.nn.functional.pad(items.diff(dim=1) == 0, (1, 0))
    return Candidates(
        scores.gather(2, items.expand(len(members), -1, -1)),
        seen.gather(1, items) | repeated,
        relevant_items.gather(1, items),
        relevant_items.sum(1).numpy(),
    )


def _standard_scores(
    model: Model, known: Interactions, users: NDArray[np.int64], newcomers: NDArray[np.bool_]
) -> Tensor:
    """Score all items for user rows (B,), with mean 0 and spread 1 for each user -> (B, n_items)."""
    chunks = queries.in_chunks(known, users, model.eval(), newcomers=newcomers)
    return torch.cat([standard(model.score(query)).cpu() for _, query in chunks])


def list_weights(parts: Iterable[Candidates], k: int, seed: int = 0) -> list[float]:
    """Choose the weights of the members that give the best lists of k by nDCG; one member alone if no blend is better.

    Ensemble selection: Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble Selection from Libraries of Models", ICML
    2004, sections 2 to 2.3: members are added one by one, the same one again if that is best. Weights that are best for
    a few users are partly best by chance, so the result is the mean over bootstrap draws of users; the paper draws
    models.
    """
    parts = list(parts)
    single: list[Weights] = [tuple(row) for row in np.eye(len(parts[0].scores)).tolist()]

    @cache
    def quality(weights: Weights) -> NDArray[np.float64]:  # (n,) of each user's list
        return np.concatenate([part.quality(weights, k) for part in parts])

    n = len(quality(single[0]))
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # (DRAWS, n) how often
    counts = np.array([_select(quality, draw, len(single)) for draw in draws])
    mean: Weights = tuple((counts / counts.sum(1, keepdims=True)).mean(0).tolist())
    best: Weights = max([*single, mean], key=lambda weights: float(quality(weights).mean()))
    return list(best)


def _select(quality: Callable[[Weights], NDArray[np.float64]], draw: NDArray[np.int64], n_members: int) -> Weights:
    """Add members while lists get better -> how often each was added. draw: (n,), the weight of each user."""
    counts: Weights = (0.0,) * n_members
    best, value = counts, -np.inf
    for _ in range(ROUNDS):
        options: list[Weights] = [tuple(row) for row in (np.eye(n_members) + counts).tolist()]
        values = np.array([draw @ quality(option) for option in options])
        counts = options[values.argmax()]
        if values.max() > value:
            best, value = counts, values.max()
    return best
