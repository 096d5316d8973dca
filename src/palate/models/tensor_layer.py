"""What surrounds the products of a hidden layer's step, by whole-tensor operations, for any device."""

import torch
from torch import Tensor


def joined(x: Tensor) -> Tensor:
    """[x, 1]ᵀ of x (B, n_inputs) -> (n_inputs + 1, B)"""
    found = x.new_ones(x.shape[1] + 1, len(x))
    found[:-1].copy_(x.T)
    return found


def errors(joined: Tensor, q: Tensor, constant: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """p = (joined * q).sum(0) + constant -> the mean squared error (), and with g its gradient by p: q * g without its
    last row, by rating (B, n_inputs), and joined * g (n_inputs + 1, B), perhaps in the place of `joined`."""
    error = (joined * q).sum(0).add_(constant).sub_(target)
    loss = error.dot(error) / len(error)
    error.mul_(2 / len(error))
    return loss, (q[:-1] * error).T.contiguous(), joined.mul_(error)


def gradient(flow: Tensor, weighted: Tensor, first: Tensor, output: Tensor) -> Tensor:
    """The layer's flat gradient, from the flow G = weighted Mᵀ (n_inputs + 1, n_hidden)."""
    return torch.cat([(flow * output).flatten(), (flow * first).sum(0), weighted[-1].sum(0, keepdim=True)])
