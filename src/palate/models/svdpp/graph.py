"""The sums of `svdpp` over the ratings of each user and of each item."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Graph:
    """The graph of ratings, with a row for each user, then each item; their columns are rows of the other side."""

    columns: Tensor  # (2 n,) int32 rows: the columns of row 0, then of row 1, ...
    offsets: Tensor  # (n_rows + 1,) int32: the columns of row r are offsets[r]:offsets[r + 1]
    counts: Tensor  # (n_rows,) number of columns of each row
    weights: Tensor  # (2 n,) residual of each rating, the same in both directions
    expected: Tensor  # (n_rows,) biases: the sum of a user's and an item's is the expected rating
    spread: Tensor  # () standard deviation of the ratings

    @classmethod
    def of(cls, users: Tensor, items: Tensor, ratings: Tensor, expected: Tensor, spread: Tensor) -> "Graph":
        """Build the graph from the two rows (n,) int32 of each rating (n,), sorted by user."""
        by_item = items.argsort(stable=True)
        counts = torch.bincount(users, minlength=len(expected)) + torch.bincount(items, minlength=len(expected))
        offsets = functional.pad(counts.cumsum(0, dtype=torch.int32), (1, 0))
        graph = cls(torch.cat([items, users[by_item]]), offsets, counts, ratings, expected, spread)
        residuals = graph.residuals(torch.stack([users, items], 1), ratings)
        return replace(graph, weights=torch.cat([residuals, residuals[by_item]]))

    def residuals(self, rows: Tensor, ratings: Tensor) -> Tensor:
        """Return the residuals of ratings (n,) from the expected ratings of their two rows (n, 2) -> (n,)."""
        return (ratings - self.expected[rows].sum(1)) / self.spread

    def sums(self, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return for each row the sum of `table` (n_rows, d) over its columns -> (n_rows, d)."""
        return functional.embedding_bag(
            self.columns, table, self.offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
        )

    def of_both(self, rated: Tensor, met: Tensor) -> Tensor:
        """Return for each row the sum over its columns of residual · `rated` + `met` -> (n_rows, d)."""
        return self.sums(rated, self.weights) + self.sums(met)

    def back(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients by `rated` and `met`, from that by `of_both` (n_rows, d); the graph is symmetric."""
        return self.sums(gradient, self.weights), self.sums(gradient)


class Sums(torch.autograd.Function):
    """`Graph.of_both` with its gradient."""

    @staticmethod
    def forward(ctx: Any, graph: Graph, rated: Tensor, met: Tensor) -> Tensor:
        ctx.graph = graph
        return graph.of_both(rated, met)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        to_rated, to_met = ctx.graph.back(*gradients)
        return None, to_rated, to_met


def sums_of_both(graph: Graph, rated: Tensor, met: Tensor) -> Tensor:
    """Return `Graph.of_both` as an operation of automatic differentiation -> (n_rows, d)."""
    sums: Tensor = Sums.apply(graph, rated, met)  # type: ignore[no-untyped-call]
    return sums
