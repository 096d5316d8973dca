"""A step of the hidden layer by whole-tensor operations, for any device: see the formulas of `hidden_layer`."""

import torch
from torch import Tensor
from torch.nn import functional

from palate.models.products import product


def squared_error(x: Tensor, target: Tensor, first: Tensor, output: Tensor, constant: Tensor) -> tuple[Tensor, ...]:
    """Mean squared error at x (B, n_inputs) -> scalar, its gradient by x (B, n_inputs), and by all weights, flat.

    first, output, constant: as of `HiddenLayer.parts`.
    """
    joined = functional.pad(x, (0, 1), value=1.0).T.contiguous()  # (n_inputs + 1, B)
    active = product(first.T, joined).gt_(0)  # (n_hidden, B)
    q = product(first * output, active)  # (n_inputs + 1, B)
    error = (joined * q).sum(0).add_(constant).sub_(target)
    loss = error.dot(error) / len(error)
    error.mul_(2 / len(error))
    flow = product(joined.mul_(error), active.T)  # (n_inputs + 1, n_hidden)
    gradient = torch.cat([(flow * output).flatten(), (flow * first).sum(0), error.sum(0, keepdim=True)])
    return loss, (q[:-1] * error).T.contiguous(), gradient
