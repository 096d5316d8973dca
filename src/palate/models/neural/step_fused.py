"""A training step of the hidden layer, written for torch.compile on a GPU, without storing the hidden units.

A product of whole matrices is a kernel of its own, and at these sizes its launch costs more than its arithmetic. So
every input is written out: torch.compile makes one kernel of the sums over the units for each rating of the batch, and
one of the sums over the batch for each unit. The gradients are those of `hidden_layer`.
"""

from functools import reduce
from math import gcd

import torch
from torch import Tensor

from palate.models.neural.step_tensor import parts

MOST_INPUTS = 40
"""Maximum number of inputs; with more, products of whole matrices are faster."""

PARTS = 8
"""Number of partial sums over the batch: enough to keep a GPU busy, and few to add up afterwards."""


def squared_error(x: Tensor, target: Tensor, flat: Tensor) -> tuple[Tensor, ...]:
    """Return the same as `step_tensor.squared_error`."""
    inputs = x.flatten(1)
    first, output, constant = parts(flat.detach(), inputs.shape[1])
    columns = [inputs[:, k : k + 1] for k in range(inputs.shape[1])]  # (B, 1) each
    shares = [column * weights for column, weights in zip(columns, first[:-1], strict=True)]
    hidden: Tensor = reduce(torch.add, shares, first[-1])  # (B, n_hidden)
    error = (hidden.relu() * output).sum(1) + constant - target  # (B,)
    slope = error * (2 / len(error))
    through = torch.where(hidden > 0, output, 0.0)  # (B, n_hidden)
    by_x = torch.stack([(through * weights).sum(1) for weights in first[:-1]], dim=1) * slope.unsqueeze(1)

    def over_batch(values: Tensor) -> Tensor:
        """Sum over the batch in parts: (B, n_hidden) -> (parts, n_hidden)"""
        return values.view(gcd(len(values), PARTS), -1, values.shape[1]).sum(1)

    flow = slope.unsqueeze(1)
    sums = [over_batch(through * (column * flow)) for column in columns]
    sums += [over_batch(through * flow), over_batch(hidden.relu() * flow)]
    gradient = torch.cat([reduce(torch.add, torch.stack(sums).unbind(1)).flatten(), slope.sum(0, keepdim=True)])
    return error.square().mean(), by_x.view(x.shape), gradient
