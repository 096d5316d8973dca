"""The optimizers of whole parameters on the CPU: one pass on one thread over all that a parameter has.

torch's operations would take several, on threads that wait awake for the next and keep others from the processor.
"""

from math import sqrt
from typing import Any

import numpy as np
from torch import Tensor

from palate.compiled import Array, compiled
from palate.training.dense import AdamDense, SgdDense
from palate.training.rows import BETA1, BETA2, EPSILON


class CompiledSgdDense(SgdDense):
    """SGD with momentum."""

    def apply(self, gradient: Tensor, rate: float) -> None:
        w, g, velocity = flat(self.parameter, gradient, self.velocity)
        sgd(w, g, velocity, *numbers(w, self.momentum, rate))


class CompiledAdamDense(AdamDense):
    """Adam."""

    def apply(self, gradient: Tensor, rate: float) -> None:
        s = int(self.s)
        w, g, m, v = flat(self.parameter, gradient, self.m, self.v)
        scales = rate / (1 - BETA1**s), 1 / sqrt(1 - BETA2**s), EPSILON, BETA1, BETA2, 1 - BETA1, 1 - BETA2
        adam(w, g, m, v, *numbers(w, *scales))


def flat(*tensors: Tensor) -> list[Array]:
    return [tensor.detach().reshape(-1).numpy() for tensor in tensors]


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
