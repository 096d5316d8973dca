"""The hidden layer in whole-tensor operations, for any device: a training step by the formulas of `hidden_layer`, and
pairs."""

import torch
from torch import Tensor
from torch.nn import functional

from palate.models.shared.matmul import product

RIGHTS_PER_BLOCK = 2048
"""Rights whose hidden units are held in memory at a time, for one left after the other."""


def parts(flat: Tensor, n_inputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split the flat vector of all weights into V (n_inputs + 1, n_hidden), w (n_hidden,) and c (1,)."""
    n_hidden = (len(flat) - 1) // (n_inputs + 2)
    first, output, constant = flat.split([(n_inputs + 1) * n_hidden, n_hidden, 1])
    return first.view(n_inputs + 1, n_hidden), output, constant


def squared_error(x: Tensor, target: Tensor, flat: Tensor) -> tuple[Tensor, ...]:
    """Return the mean squared error at x (B, ...), a scalar, its gradient by x, of x's shape, and by all weights,
    flat."""
    inputs = x.flatten(1)  # (B, n_inputs)
    first, output, constant = parts(flat.detach(), inputs.shape[1])
    joined = functional.pad(inputs, (0, 1), value=1.0).T.contiguous()  # (n_inputs + 1, B)
    active = product(first.T, joined).gt_(0)  # (n_hidden, B)
    q = product(first * output, active)  # (n_inputs + 1, B)
    error = (joined * q).sum(0).add_(constant).sub_(target)
    loss = error.dot(error) / len(error)
    error.mul_(2 / len(error))
    flow = product(joined.mul_(error), active.T)  # (n_inputs + 1, n_hidden)
    gradient = torch.cat([(flow * output).flatten(), (flow * first).sum(0), error.sum(0, keepdim=True)])
    return loss, (q[:-1] * error).T.reshape(x.shape), gradient


def pairs(lefts: Tensor, right: Tensor, weights: Tensor, output: Tensor, values: Tensor) -> None:
    """Write sum over h of w_h relu(l_bh + r_ih) to values (B, I), from l (B, n_hidden) and w (n_hidden,).

    The shares r follow from rights (I, a) by weights (a + 1, n_hidden), the last for the bias.
    """
    for rows, block in zip(right.split(RIGHTS_PER_BLOCK), values.split(RIGHTS_PER_BLOCK, dim=1), strict=True):
        shares = torch.addmm(weights[-1], rows, weights[:-1])
        for left, row in zip(lefts, block, strict=True):
            torch.mv((shares + left).relu_(), output, out=row)
