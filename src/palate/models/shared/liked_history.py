"""Shared parts of the models that learn from liked items: which events count, their weights in a user's history, and
weighted sums over them."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from palate.data.interactions import Interactions
from palate.data.relevance import least_liked, relevant
from palate.models.contract import PADDING, Query

TAIL = 1e-4
"""Popularity behind items of which something is known, as a share of the largest evidence, and less than any."""


class LikedHistory(nn.Module):
    """The events that count, in training and in a query: the liked ones, or all for implicit feedback (no ratings)."""

    least: Tensor  # () the lowest rating that counts
    counts: Tensor  # (n_items,) number of likes of each item in training

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.n_users = n_users
        self.register_buffer("least", torch.tensor(torch.finfo(torch.float32).min))
        self.register_buffer("counts", torch.zeros(n_items))

    def learn(self, train: Interactions) -> Interactions:
        """Note the lowest liked rating and the likes of each item; return the events to learn from."""
        if train.usual_scale is not None:
            self.least.fill_(least_liked(train.usual_scale))
        liked = relevant(train, train.usual_scale)
        self.counts.copy_(torch.from_numpy(liked.item_counts))
        return liked

    def items(self, query: Query) -> Tensor:
        """Return the histories (B, L), with PADDING in place of each event that does not count."""
        if query.ratings is None:
            return query.histories
        return query.histories.masked_fill(query.ratings < self.least, PADDING)

    def weights(
        self, query: Query, decay: float, window: int | None = None, repeats: Literal["amax", "sum"] = "amax"
    ) -> Tensor:
        """Return decay^age for each item of a history (the last event has age 0) and 0 for all others -> (B, n_items).

        window: use only this many last events. repeats: the weight of an item with several events is that of the last
        one (amax) or their sum (sum).
        """
        histories = self.items(query)
        counts = histories != PADDING  # (B, L)
        ages = counts.flip(1).cumsum(1).flip(1) - 1
        counts &= ages < (ages.shape[1] if window is None else window)
        weights = torch.where(counts, decay ** ages.clamp(min=0), 0)
        rows = torch.zeros(len(query), len(self.counts), device=weights.device)
        return rows.scatter_reduce_(1, histories.clamp(min=0), weights, repeats)

    def or_popular(self, evidence: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the evidence (B, n_items), with the popularity of the items where it is 0: the share of users who like
        each.

        Behind items of which something is known, popularity is so small that it only puts the others in order.
        own: (B, L) the users' own items, PADDING anywhere, which lists leave out: they count for nothing here.
        """
        unknown = evidence == 0
        if not unknown.any():
            return evidence
        others = ~unknown
        if own is not None and own.shape[1]:
            places = torch.where(own == PADDING, own.amax(1, keepdim=True), own).clamp(min=0)
            others = others.scatter(1, places, False)
        known = others.any(1, keepdim=True)
        sizes = evidence.abs()
        least = sizes.masked_fill(unknown, torch.inf).amin(1, keepdim=True)
        share = self.counts / self.n_users
        tail = torch.minimum(TAIL * sizes.amax(1, keepdim=True), least) * share
        return torch.where(unknown | ~known, torch.where(known, tail, share), evidence)


def summed(weights: Tensor, matrix: Tensor) -> Tensor:
    """Return weights (B, n) @ matrix (n, m) -> (B, m), at the cost of the weights that are not 0."""
    users, items = weights.nonzero(as_tuple=True)
    starts = torch.searchsorted(users, torch.arange(len(weights), device=weights.device))
    return functional.embedding_bag(items, matrix, starts, mode="sum", per_sample_weights=weights[users, items])
