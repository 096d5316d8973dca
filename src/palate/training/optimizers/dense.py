"""SGD and Adam for parameters that every step updates as a whole, by tensor operations for any device."""

from abc import abstractmethod
from math import log

import torch
from torch import Tensor, nn

from palate.models.contract import LearnedConfig
from palate.training.optimizers.rows import BETA1, BETA2, EPSILON, Updates


class DenseUpdates(Updates):
    """The optimizer of one such parameter."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        self.parameter = parameter

    def step(self, rate: float) -> None:
        """Apply the parameter's gradient at a learning rate, and clear it."""
        assert self.parameter.grad is not None
        self.apply(self.parameter.grad, rate)
        self.parameter.grad = None

    @abstractmethod
    def apply(self, gradient: Tensor, rate: float) -> None:
        """Take one step with this gradient."""


class SgdDense(DenseUpdates):
    """SGD with momentum."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.momentum = config.momentum
        self.velocity = torch.zeros_like(parameter)

    def state(self) -> dict[str, Tensor]:
        return {"velocity": self.velocity}

    @torch.no_grad()
    def apply(self, gradient: Tensor, rate: float) -> None:
        self.velocity.mul_(self.momentum).add_(gradient)
        self.parameter.add_(self.velocity, alpha=-rate)


class AdamDense(DenseUpdates):
    """Adam."""

    def __init__(self, parameter: nn.Parameter, config: LearnedConfig) -> None:
        super().__init__(parameter, config)
        self.m, self.v = torch.zeros_like(parameter), torch.zeros_like(parameter)
        self.s = torch.tensor(0, device=parameter.device)

    def state(self) -> dict[str, Tensor]:
        return {"m": self.m, "v": self.v, "s": self.s}

    @torch.no_grad()
    def apply(self, gradient: Tensor, rate: float) -> None:
        self.s += 1
        self.m.lerp_(gradient, 1 - BETA1)
        self.v.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        correction1, correction2 = (-torch.expm1(self.s * log(beta)) for beta in (BETA1, BETA2))  # 1 - beta^s
        self.parameter.sub_(rate / correction1 * self.m / (self.v / correction2).sqrt_().add_(EPSILON))
