"""One hidden layer with ReLU and one output, with the exact gradient of a piecewise linear function.

    p = relu(x W + b) · w + c

Let X = [x, 1], V = [W; b] and M = (X V > 0) as zeros and ones. Where M does not change, p is linear in x:

    Q = M (V * w)ᵀ      p = (X * Q).sum(1) + c      ∂p/∂x = Q without its last column

and with g = ∂loss/∂p and G = (X * g)ᵀ M:  ∂loss/∂V = G * w,  ∂loss/∂w = (V * G).sum(0),  ∂loss/∂c = g.sum().
So a step is three matrix products and one pass over the hidden units, where automatic differentiation makes six.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUTS_A_BLOCK = 2048
"""Inputs whose hidden units are held at once: 8 MB at 1,024 units; more would pay for new memory pages every time."""

RIGHTS_A_BLOCK = 256
"""The same, where every left meets every right: 1 MB, so that it stays in the cache."""


class HiddenLayer(nn.Module):
    """(B, n_inputs) -> (B,): all weights in one flat parameter, so that an optimizer's step is one piece of work."""

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden = n_inputs, n_hidden
        self.flat = nn.Parameter(torch.zeros((n_inputs + 1) * n_hidden + n_hidden + 1))
        self.spare: Tensor | None = None  # (B, n_hidden) for the next step to use again; see take_spare

    def draw(self, generator: torch.Generator) -> None:
        """First weights as torch.nn.Linear draws them: uniform within 1/sqrt(inputs) of each of the two layers."""
        first, output, constant = self.parts(self.flat.data)
        first.uniform_(-(self.n_inputs**-0.5), self.n_inputs**-0.5, generator=generator)
        for part in (output, constant):
            part.uniform_(-(self.n_hidden**-0.5), self.n_hidden**-0.5, generator=generator)

    def parts(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A flat vector as V (n_inputs + 1, n_hidden), w (n_hidden,) and c (1,)."""
        sizes = [(self.n_inputs + 1) * self.n_hidden, self.n_hidden, 1]
        first, output, constant = flat.split(sizes)
        return first.view(self.n_inputs + 1, self.n_hidden), output, constant

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = _PiecewiseLinear.apply(x, self.flat, self)  # type: ignore[no-untyped-call]
        return output

    def slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """p (N,), and [∂p/∂x, share of the bias] (N, n_inputs + 1), at x (N, n_inputs), a block of N at a time."""
        first, output, constant = self.parts(self.flat.detach())
        weights = (first * output).T
        active = (torch.addmm(first[-1], rows, first[:-1]).gt_(0) for rows in x.split(INPUTS_A_BLOCK))
        q = torch.cat([units @ weights for units in active])
        return (functional.pad(x, (0, 1), value=1.0) * q).sum(1) + constant, q

    def values(self, x: Tensor) -> Tensor:
        """p at x (N, n_inputs) -> (N,), without gradients, in memory that does not follow N."""
        first, output, constant = self.parts(self.flat.detach())
        blocks = [torch.addmm(first[-1], rows, first[:-1]).relu_() @ output for rows in x.split(INPUTS_A_BLOCK)]
        return torch.cat([*blocks, x.new_empty(0)]) + constant

    def pairs(self, left: Tensor, right: Tensor) -> Tensor:
        """p at [left_b, right_i] for every pair -> (B, I), from left (B, a) and right (I, n_inputs - a)."""
        first, output, constant = self.parts(self.flat.detach())
        weights, bias = first[:-1], first[-1]
        halves = left @ weights[: left.shape[1]]  # (B, n_hidden)
        values = left.new_empty(len(left), len(right))
        spare = left.new_empty(RIGHTS_A_BLOCK, self.n_hidden)
        for start in range(0, len(right), RIGHTS_A_BLOCK):
            block = torch.addmm(bias, right[start : start + RIGHTS_A_BLOCK], weights[left.shape[1] :])
            units = spare[: len(block)]
            for half, out in zip(halves, values[:, start : start + RIGHTS_A_BLOCK], strict=True):
                torch.mv(torch.add(block, half, out=units).clamp_(min=0), output, out=out)
        return values.add_(constant)

    def take_spare(self, x: Tensor) -> Tensor:
        """Memory for the hidden units of x -> (at least B, n_hidden): the one last given back, where it fits.

        It is the taker's alone until given back, so that a second forward before the first's backward gets another.
        """
        spare, self.spare = self.spare, None
        if spare is None or len(spare) < len(x) or spare.device != x.device or spare.dtype != x.dtype:
            spare = x.new_empty(len(x), self.n_hidden)
        return spare


class _PiecewiseLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, flat: Tensor, layer: HiddenLayer) -> Tensor:
        first, output, constant = layer.parts(flat)
        joined = functional.pad(x, (0, 1), value=1.0)  # (B, n_inputs + 1)
        spare = layer.take_spare(x)
        active = torch.addmm(first[-1], x, first[:-1], out=spare[: len(x)]).gt_(0)  # (B, n_hidden)
        q = active @ (first * output).T  # (B, n_inputs + 1)
        ctx.save_for_backward(joined, q, active, flat)
        ctx.layer, ctx.spare = layer, spare
        return (joined * q).sum(1).add_(constant)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None]:
        joined, q, active, flat = ctx.saved_tensors
        first, output, _ = ctx.layer.parts(flat)
        column = g.unsqueeze(1)
        flow = (joined * column).T @ active  # (n_inputs + 1, n_hidden)
        ctx.layer.spare = ctx.spare
        gradient = torch.empty_like(flat)
        by_first, by_output, by_constant = ctx.layer.parts(gradient)
        torch.mul(flow, output, out=by_first)
        torch.sum(flow.mul_(first), dim=0, out=by_output)
        torch.sum(g, dim=0, keepdim=True, out=by_constant)
        return q[:, :-1] * column, gradient, None
