"""A step of the hidden layer written to be compiled for a GPU: all is one of two sums over what is never stored.

A product of whole matrices is a kernel of its own, and at these sizes starting it costs more than its arithmetic. So
each input is written out: torch.compile makes one kernel of the sums over the units of each of the batch's inputs, and
one of the sums over the batch for each unit. The gradients are those of `hidden_layer`.
"""

from functools import reduce
from math import gcd

import torch
from torch import Tensor

from palate.models.neural.step_tensor import parts

MOST_INPUTS = 40
"""With more there is too much to write out, and products of whole matrices pay."""

PARTS = 8
"""Sums over the batch are made in so many parts, to keep all of a GPU busy; so few are added up where they are used."""


def squared_error(x: Tensor, target: Tensor, flat: Tensor) -> tuple[Tensor, ...]:
    """See `step_tensor`."""
    inputs = x.flatten(1)
    first, output, constant = parts(flat.detach(), inputs.shape[1])
    columns = [inputs[:, k : k + 1] for k in range(inputs.shape[1])]  # (B, 1) each
    shares = [column * weights for column, weights in zip(columns, first[:-1], strict=True)]
    hidden: Tensor = reduce(torch.add, shares, first[-1])  # (B, n_hidden)
    error = (hidden.relu() * output).sum(1) + constant - target  # (B,)
    slope = error * (2 / len(error))
    through = torch.where(hidden > 0, output, 0.0)  # (B, n_hidden)
    by_x = torch.stack([(through * weights).sum(1) for weights in first[:-1]], dim=1) * slope.unsqueeze(1)

    def over_batch(each: Tensor) -> Tensor:
        """(B, n_hidden) -> (parts, n_hidden)"""
        return each.view(gcd(len(each), PARTS), -1, each.shape[1]).sum(1)

    flow = slope.unsqueeze(1)
    sums = [over_batch(through * (column * flow)) for column in columns]
    sums += [over_batch(through * flow), over_batch(hidden.relu() * flow)]
    gradient = torch.cat([reduce(torch.add, torch.stack(sums).unbind(1)).flatten(), slope.sum(0, keepdim=True)])
    return error.square().mean(), by_x.view(x.shape), gradient
