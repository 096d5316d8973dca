"""The weights of a blend, chosen on the validation part, from which no member has learned."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import queries, ranking
from palate.data.split import Split
from palate.evaluation.evaluate import predict
from palate.evaluation.ranking_metrics import ndcg
from palate.models.blend import Blend, RatingBlend, standard
from palate.models.contract import Model
from palate.models.liked_history import relevant

SCORES_HELD = 2**26
"""Scores of members that choosing the weights of lists holds at once: 256 MB."""

K = 10
"""Length of the lists that weights are chosen by."""

TRIED = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Weights that each member is tried with beside the best one's 1."""

ROUNDS = 2
"""How often each member's weight is chosen, the others being as they are."""


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
    """The best member weighs 1, and the others what makes lists best, one after the other."""
    liked = relevant(split.validation, split.train.scale)
    users = np.unique(liked.users).astype(np.int64)
    most = max(1, SCORES_HELD // (len(blend.members) * split.train.n_items))
    users = np.sort(np.random.default_rng(seed).permutation(users)[:most])
    if not len(users):
        return
    members = blend.parts
    scores = [_standard_scores(member, split, users) for member in members]
    met, truth = ranking.seen(split.train, users), ranking.seen(liked, users)
    counts = truth.sum(1).numpy()

    def quality(weights: Sequence[float]) -> float:
        total = sum(weight * found for weight, found in zip(weights, scores, strict=True))
        rows, _ = ranking.top(torch.as_tensor(total).masked_fill(met, -torch.inf), min(K, blend.n_items))
        return float(ndcg(truth.gather(1, rows).numpy(), counts).mean())

    only = np.eye(len(members)).tolist()
    best = max(range(len(members)), key=lambda member: quality(only[member]))
    weights: list[float] = only[best]
    for _ in range(ROUNDS):
        for member in set(range(len(members))) - {best}:
            trials = [[*weights[:member], weight, *weights[member + 1 :]] for weight in TRIED]
            weights = max(trials, key=quality)
    blend.weights.copy_(torch.tensor(weights) / sum(weights))


def _standard_scores(model: Model, split: Split, users: NDArray[np.int64]) -> Tensor:
    """-> (B, n_items)"""
    model.eval()
    chunks = queries.in_chunks(split.train, users, model, newcomers=split.newcomers)
    return torch.cat([standard(model.score(query)).cpu() for _, query in chunks])
