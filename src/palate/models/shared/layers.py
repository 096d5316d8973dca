"""Layers that models share."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class Lender(Protocol):
    """The interface of a row-wise optimizer towards its embedding table."""

    def read(self, rows: Tensor) -> Tensor:
        """Return a copy of the rows (...) as they are after all steps so far -> (..., d)."""

    def lend(self, rows: Tensor) -> Tensor:
        """Return the rows as a leaf tensor whose gradient the next step uses -> (..., d)."""

    def collect(self, rows: Tensor, gradient: Tensor) -> None:
        """Record the gradient (..., d) of the rows (...) for the next step."""


class EmbeddingTable(nn.Module):
    """An embedding table (n, d), looked up by row.

    While a row-wise optimizer trains the table (`training/optimizers/rows.py`), `lender` brings the rows of a batch up
    to date and collects their gradients, so that the cost of a step depends on its rows, not on the size of the table.
    """

    def __init__(self, n_rows: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_rows, dim), requires_grad=False)  # (n, d)
        self.lender: Lender | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """Look up rows: (...) int64 -> (..., d)."""
        if self.training and self.lender is not None:
            return self.lender.lend(rows)
        return self.weight[rows]


def dots_with_biases(users: Tensor, items: Tensor) -> Tensor:
    """Return p · q plus the item's bias: vectors with biases (B, dim + 1) and (I, dim + 1) -> (B, I), in one pass."""
    return functional.pad(users[:, :-1], (0, 1), value=1.0) @ items.T


def identity(n: int, *copies: int) -> Tensor:
    """Return the identity matrix (n, n), or copies of it (*copies, n, n).

    A model is built on torch's meta device when it is opened; `torch.eye` loads torch's compiler there, which takes a
    second.
    """
    matrices = torch.zeros(*copies, n, n)
    matrices.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    return matrices
