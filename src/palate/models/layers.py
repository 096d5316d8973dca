"""Layers that models share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class EmbeddingTable(nn.Module):
    """n rows of d numbers, looked up by row.

    While a row-wise optimizer trains the table (`training/optimizers.py`), it lends the rows: it brings them up to
    date first, and collects their gradients, so that a step costs what its rows cost, however long the table.
    """

    def __init__(self, n_rows: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_rows, dim), requires_grad=False)  # (n, d)
        self.lend: Callable[[Tensor], Tensor] | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """(...) int64 rows -> (..., d)"""
        if self.training and self.lend is not None:
            return self.lend(rows)
        return self.weight[rows]
