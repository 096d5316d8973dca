"""What the models share that learn from what people liked: which events those are, how much each weighs in a person's
history, and a weighted sum over them."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from palate.data.interactions import Interactions
from palate.data.relevance import least_liked, relevant
from palate.models.contract import PADDING, Query


class LikedHistory(nn.Module):
    """The events that count, in training and in a query: those liked, or all where there are no ratings."""

    least: Tensor  # () the lowest rating that counts
    counts: Tensor  # (n_items,) how often each item was liked in training

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.register_buffer("least", torch.tensor(torch.finfo(torch.float32).min))
        self.register_buffer("counts", torch.zeros(n_items))

    def learn(self, train: Interactions) -> Interactions:
        """The events to learn from."""
        if train.scale is not None:
            self.least.fill_(least_liked(train.scale))
        liked = relevant(train, train.scale)
        self.counts.copy_(torch.from_numpy(liked.item_counts))
        return liked

    def items(self, query: Query) -> Tensor:
        """-> (B, L): the histories, PADDING for each event that does not count."""
        if query.ratings is None:
            return query.histories
        return query.histories.masked_fill(query.ratings < self.least, PADDING)

    def weights(
        self, query: Query, decay: float, window: int | None = None, repeats: Literal["amax", "sum"] = "amax"
    ) -> Tensor:
        """-> (B, n_items): decay^age for each item of a history that counts, age its place from the end; 0 for others.

        window: only so many last ones. repeats: whether an item that comes again weighs what its last event does
        (amax), or what all of them do together (sum).
        """
        histories = self.items(query)
        counts = histories != PADDING  # (B, L)
        ages = counts.flip(1).cumsum(1).flip(1) - 1
        counts &= ages < (ages.shape[1] if window is None else window)
        weights = torch.where(counts, decay ** ages.clamp(min=0), 0)
        rows = torch.zeros(len(query), len(self.counts), device=weights.device)
        return rows.scatter_reduce_(1, histories.clamp(min=0), weights, repeats)

    def or_popular(self, scores: Tensor, known: Tensor) -> Tensor:
        """The scores (B, n_items), but what most people liked for rows of 0 in what is known (B, n)."""
        return torch.where(known.any(1, keepdim=True), scores, self.counts)


def summed(weights: Tensor, matrix: Tensor) -> Tensor:
    """weights (B, n), most of them 0, @ matrix (n, m) -> (B, m), at the cost of what is not 0."""
    people, items = weights.nonzero(as_tuple=True)
    starts = torch.searchsorted(people, torch.arange(len(weights), device=weights.device))
    return functional.embedding_bag(items, matrix, starts, mode="sum", per_sample_weights=weights[people, items])
