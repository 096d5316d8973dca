"""Layers that models share."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class Lender(Protocol):
    """The optimizer of one embedding table, as the table sees it."""

    def read(self, rows: Tensor) -> Tensor:
        """(...) -> a new (..., d): the rows as they are after all steps so far."""

    def lend(self, rows: Tensor) -> Tensor:
        """The same as a leaf whose gradient the next step takes."""

    def collect(self, rows: Tensor, gradient: Tensor) -> None:
        """Take the gradient (..., d) of the rows (...) for the next step."""


class EmbeddingTable(nn.Module):
    """n rows of d numbers, looked up by row.

    While a row-wise optimizer trains the table (`training/rows.py`), `lender` brings the rows that a batch asks for up
    to date, and collects their gradients, so that a step costs what its rows cost, however long the table.
    """

    def __init__(self, n_rows: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_rows, dim), requires_grad=False)  # (n, d)
        self.lender: Lender | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """(...) int64 rows -> (..., d)"""
        if self.training and self.lender is not None:
            return self.lender.lend(rows)
        return self.weight[rows]


def dots_with_biases(people: Tensor, items: Tensor) -> Tensor:
    """Vectors and biases (B, dim + 1) and (I, dim + 1) -> (B, I): p · q and the item's bias, in one pass over items."""
    return functional.pad(people[:, :-1], (0, 1), value=1.0) @ items.T
