"""The optimizers of whole parameters on the CPU: one pass on one thread over all that a parameter has.

torch's operations would take several, on threads that wait awake for the next and keep others from the processor.
"""

from math import sqrt
from typing import Any

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
        self.arrays = flat(self.parameter), flat(self.velocity)

    def apply(self, gradient: Tensor, rate: float) -> None:
        w, velocity = self.arrays
        sgd(w, flat(gradient.contiguous()), velocity, *numbers(w, self.momentum, rate))


class CompiledAdamDense(AdamDense):
    """Adam."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.arrays = flat(self.parameter), flat(self.m), flat(self.v)

    def apply(self, gradient: Tensor, rate: float) -> None:
        s = int(self.s)
        w, m, v = self.arrays
        scales = rate / (1 - BETA1**s), 1 / sqrt(1 - BETA2**s), EPSILON, BETA1, BETA2, 1 - BETA1, 1 - BETA2
        adam(w, flat(gradient.contiguous()), m, v, *numbers(w, *scales))


def flat(tensor: Tensor) -> Array:
    """An array of the same memory."""
    found: Array = tensor.detach().view(-1).numpy()
    return found


def numbers(like: Array, *values: float) -> list[Any]:
    """In the format of an array's, as a loop would else work in double precision."""
    return [like.dtype.type(value) for value in values]


@compiled
def sgd(w: Array, g: Array, velocity: Array, momentum: float, rate: float) -> None:
    for i in range(len(w)):
        velocity[i] = momentum * velocity[i] + g[i]
        w[i] -= rate * velocity[i]


@compiled
def adam(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    rate: float,
    corrected: float,
    epsilon: float,
    beta1: float,
    beta2: float,
    fresh1: float,
    fresh2: float,
) -> None:
    for i in range(len(w)):
        m[i] = beta1 * m[i] + fresh1 * g[i]
        v[i] = beta2 * v[i] + fresh2 * g[i] * g[i]
        w[i] -= rate * m[i] / (np.sqrt(v[i]) * corrected + epsilon)
