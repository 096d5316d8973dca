"""What the models share that score a person by the weighted sum of their history: its weights, and the sum."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from palate.models.contract import PADDING


def weighted(histories: Tensor, decay: float, n_items: int, repeats: Literal["amax", "sum"] = "amax") -> Tensor:
    """Histories (B, L) -> (B, n_items): decay^age for each item, age its place from the end, and 0 for all others.

    repeats: whether an item that comes again counts as its last event does (amax), or as all of them together (sum).
    """
    ages = torch.arange(histories.shape[1] - 1, -1, -1, device=histories.device)
    weights = decay**ages * (histories != PADDING)  # (B, L)
    rows = torch.zeros(len(histories), n_items, device=histories.device)
    return rows.scatter_reduce_(1, histories.clamp(min=0), weights, repeats)


def times_matrix(rows: Tensor, matrix: Tensor) -> Tensor:
    """rows (B, n), most of them 0, @ matrix (n, m) -> (B, m), at the cost of what is not 0."""
    people, items = rows.nonzero(as_tuple=True)
    starts = torch.searchsorted(people, torch.arange(len(rows), device=rows.device))
    return functional.embedding_bag(items, matrix, starts, mode="sum", per_sample_weights=rows[people, items])
