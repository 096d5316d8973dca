"""SGD and Adam for whole parameters on the CPU: a compiled loop makes one pass over a parameter, on one thread.

The tensor operations of torch take several passes, and their threads stay awake between them and slow other work down.
"""

from math import sqrt

import numpy as np
from torch import Tensor, nn

from palate.models.contract import LearnedConfig
from palate.system.jit import Array, compiled, flat
from palate.training.optimizers.dense import AdamDense, SgdDense
from palate.training.optimizers.rows import BETA1, BETA2, EPSILON


class CompiledSgdDense(SgdDense):
    """SGD with momentum, by a compiled loop."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.arrays = in_place(parameter.detach()), in_place(self.velocity)

    def apply(self, gradient: Tensor, rate: float) -> None:
        sgd(*self.arrays, flat(gradient), self.momentum, rate)


class CompiledAdamDense(AdamDense):
    """Adam, by a compiled loop."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.arrays = in_place(parameter.detach()), in_place(self.m), in_place(self.v), self.s.numpy()

    def apply(self, gradient: Tensor, rate: float) -> None:
        adam(*self.arrays, flat(gradient), rate, EPSILON)


def in_place(tensor: Tensor) -> Array:
    """Return an array over the memory of the tensor."""
    array: Array = tensor.view(-1).numpy()
    return array


@compiled
def sgd(w: Array, velocity: Array, g: Array, momentum: float, rate: float) -> None:
    """Take a step of SGD in place, with the gradient g (n,)."""
    number = w.dtype.type  # without it the loop would work in double precision
    momentum, rate = number(momentum), number(rate)
    for i in range(len(w)):
        velocity[i] = momentum * velocity[i] + g[i]
        w[i] -= rate * velocity[i]


@compiled
def adam(w: Array, m: Array, v: Array, s: Array, g: Array, rate: float, epsilon: float) -> None:
    """Take step s[()] + 1 of Adam in place, with the paper's bias correction in the rate and the root."""
    s[()] += 1
    number = w.dtype.type
    rate, corrected = number(rate / (1 - BETA1 ** s[()])), number(1 / sqrt(1 - BETA2 ** s[()]))
    epsilon = number(epsilon)
    beta1, beta2, fresh1, fresh2 = number(BETA1), number(BETA2), number(1 - BETA1), number(1 - BETA2)
    for i in range(len(w)):
        m[i] = beta1 * m[i] + fresh1 * g[i]
        v[i] = beta2 * v[i] + fresh2 * g[i] * g[i]
        w[i] -= rate * m[i] / (np.sqrt(v[i]) * corrected + epsilon)
