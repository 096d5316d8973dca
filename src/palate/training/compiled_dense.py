"""The optimizers of whole parameters on the CPU: one pass on one thread over all that a parameter has.

torch's operations would take several, on threads that wait awake for the next and keep others from the processor.
"""

from math import sqrt

import numpy as np
from torch import Tensor, nn

from palate.compiled import Array, compiled
from palate.models.contract import LearnedConfig
from palate.training.dense import AdamDense, SgdDense
from palate.training.rows import BETA1, BETA2, EPSILON


class CompiledSgdDense(SgdDense):
    """SGD with momentum."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.arrays = flat(parameter.detach()), flat(self.velocity)

    def apply(self, gradient: Tensor, rate: float) -> None:
        w, velocity = self.arrays
        sgd(w, flat(gradient), velocity, self.momentum, rate)


class CompiledAdamDense(AdamDense):
    """Adam."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.arrays = flat(parameter.detach()), flat(self.m), flat(self.v)

    def apply(self, gradient: Tensor, rate: float) -> None:
        s = int(self.s)
        w, m, v = self.arrays
        adam(w, flat(gradient), m, v, rate / (1 - BETA1**s), 1 / sqrt(1 - BETA2**s), EPSILON)


def flat(tensor: Tensor) -> Array:
    """An array of the same memory, where its rows follow each other."""
    found: Array = tensor.contiguous().view(-1).numpy()
    return found


@compiled
def sgd(w: Array, g: Array, velocity: Array, momentum: float, rate: float) -> None:
    number = w.dtype.type  # or a loop would work in double precision
    momentum, rate = number(momentum), number(rate)
    for i in range(len(w)):
        velocity[i] = momentum * velocity[i] + g[i]
        w[i] -= rate * velocity[i]


@compiled
def adam(w: Array, g: Array, m: Array, v: Array, rate: float, corrected: float, epsilon: float) -> None:
    number = w.dtype.type
    rate, corrected, epsilon = number(rate), number(corrected), number(epsilon)
    beta1, beta2, fresh1, fresh2 = number(BETA1), number(BETA2), number(1 - BETA1), number(1 - BETA2)
    for i in range(len(w)):
        m[i] = beta1 * m[i] + fresh1 * g[i]
        v[i] = beta2 * v[i] + fresh2 * g[i] * g[i]
        w[i] -= rate * m[i] / (np.sqrt(v[i]) * corrected + epsilon)
