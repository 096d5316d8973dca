"""One hidden layer with ReLU and one output, with the exact gradient of a piecewise linear function.

    p = relu(x W + b) · w + c

Let X = [x, 1], V = [W; b] and M = (X V > 0) as zeros and ones. Where M does not change, p is linear in x:

    Q = M (V * w)ᵀ      p = (X * Q).sum(1) + c      ∂p/∂x = Q without its last column

and with g = ∂loss/∂p and G = (X * g)ᵀ M:  ∂loss/∂V = G * w,  ∂loss/∂w = (V * G).sum(0),  ∂loss/∂c = g.sum().
So a step is three matrix products, two of them with zeros and ones, where automatic differentiation makes six. All is
kept transposed, a row for each unit: the products are faster so.
"""

import logging
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from palate.models.neural import step_fused, step_tensor
from palate.models.neural.pairs_cpu import TILE, Tiles, tiles_of_rows
from palate.models.shared.matmul import product
from palate.system.jit import one_thread

INPUTS_A_BLOCK = 2048
"""Inputs whose hidden units are held at once: 8 MB at 1,024 units; more would pay for new memory pages every time."""

KEPT_BYTES = 2**28
"""How large the rights' shares of the hidden units may be to be kept from one call of `pairs` to the next, on a CPU."""


Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
"""Inputs (B, ...), targets (B,) and all weights -> the loss and its gradients: see `step_tensor.squared_error`."""

log = logging.getLogger("palate.models")


class HiddenLayer(nn.Module):
    """(B, n_inputs) -> (B,): all weights in one flat parameter, so that an optimizer's step is one piece of work."""

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden = n_inputs, n_hidden
        self.flat = nn.Parameter(torch.zeros((n_inputs + 1) * n_hidden + n_hidden + 1))
        self.kept: tuple[object, tuple[NDArray[np.int64], Tensor], Tiles | None] | None = None  # see `_tiles`

    def draw(self, generator: torch.Generator) -> None:
        """First weights as torch.nn.Linear draws them: uniform within 1/sqrt(inputs) of each of the two layers."""
        first, output, constant = self.parts(self.flat.data)
        first.uniform_(-(self.n_inputs**-0.5), self.n_inputs**-0.5, generator=generator)
        for part in (output, constant):
            part.uniform_(-(self.n_hidden**-0.5), self.n_hidden**-0.5, generator=generator)

    def parts(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `step_tensor.parts`."""
        return step_tensor.parts(flat, self.n_inputs)

    def forward(self, x: Tensor) -> Tensor:
        first, output, constant = self.parts(self.flat)
        return torch.addmm(first[-1], x, first[:-1]).relu() @ output + constant

    def squared_error(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared error at x (B, ...), each of n_inputs, -> scalar, and its gradient by x; `flat` gets its own.

        All three are as they are until the next call.
        """
        flat = self.flat
        loss, by_x, flat.grad = self._step(flat.device)(x, target, flat)
        return loss, by_x

    def _step(self, device: torch.device) -> Step:
        if torch.compiler.is_compiling() and self.n_inputs <= step_fused.MOST_INPUTS:
            return step_fused.squared_error
        return step_tensor.squared_error if device.type != "cpu" else step_on_cpu()

    def slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return p (N,) and [∂p/∂x, share of the bias] (N, n_inputs + 1) at x (N, n_inputs), a block of N at a time."""
        first, output, constant = self.parts(self.flat.detach())
        weights, joined = (first * output).T, functional.pad(x, (0, 1), value=1.0)
        q = torch.cat([product(product(rows, first).gt_(0), weights) for rows in joined.split(INPUTS_A_BLOCK)])
        return (joined * q).sum(1) + constant, q

    def values(self, x: Tensor) -> Tensor:
        """Return p at x (N, n_inputs) -> (N,), without gradients, in memory that does not grow with N."""
        first, output, constant = self.parts(self.flat.detach())
        joined = functional.pad(x, (0, 1), value=1.0)
        return torch.cat([product(rows, first).relu_() @ output for rows in joined.split(INPUTS_A_BLOCK)]) + constant

    def pairs(self, left: Tensor, right: Tensor) -> Tensor:
        """Return p at [left_b, right_i] for every pair -> (B, I), from left (B, a) and right (I, n_inputs - a)."""
        first, output, constant = self.parts(self.flat.detach())
        lefts, weights = product(left, first[: left.shape[1]]), first[left.shape[1] :]  # (B, n_hidden)
        values = left.new_empty(len(left), len(right))
        if left.device.type == "cpu":
            for tiles in self._tiles(right, weights) if len(right) else ():
                tiles.pairs(lefts, output, values)
        else:
            step_tensor.pairs(lefts, right, weights, output, values)
        return values.add_(constant)

    def _tiles(self, right: Tensor, weights: Tensor) -> Iterator[Tiles]:
        """The rights in tiles: all in one, and kept until a weight or a right changes, where they are few enough."""
        at = (self.flat.data_ptr(), self.flat._version, right.data_ptr(), right._version, right.shape)
        if self.kept is None or self.kept[0] != at:
            rows, mean = tiles_of_rows(right, weights[:-1]), right.mean(0, keepdim=True)
            few = rows.size * self.n_hidden * right.element_size() <= KEPT_BYTES
            self.kept = at, (rows, mean), Tiles.of(rows, right, mean, weights) if few else None
        _, (rows, mean), tiles = self.kept
        if tiles is not None:
            yield tiles
            return
        size = max(1, INPUTS_A_BLOCK // TILE)
        for start in range(0, len(rows), size):
            yield Tiles.of(rows[start : start + size], right, mean, weights)


@lru_cache(1)
def step_on_cpu() -> Step:
    """Return the compiled step, or that of whole-tensor operations where numba can't make the compiled one.

    The compiled step writes LLVM through the internals of numba, which may change. So it is imported when it is first
    needed, and used only if its result for a small example is that of whole-tensor operations.
    """
    x, target, weights = torch.ones(2, 1), torch.zeros(2), torch.linspace(0.1, 0.4, 4)
    expected = step_tensor.squared_error(x, target, weights)
    try:
        step: Step = import_module("palate.models.neural.step_cpu").squared_error
        for right, made in zip(expected, step(x, target, weights), strict=True):
            torch.testing.assert_close(made, right)
    except Exception as error:  # whatever a numba that it was not written for may raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        log.warning("the network trains several times as slowly: numba can't compile its step (%s)", reason)
        return one_thread()(step_tensor.squared_error)
    return step
