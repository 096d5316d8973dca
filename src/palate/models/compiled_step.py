"""A step of the hidden layer on the CPU: its loss and its gradients, by the formulas of `hidden_layer`.

The inputs are shared out in parts of always the same size, so that no bit depends on how many threads take them.
"""

import threading
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.compiled import Array, compiled_sums
from palate.models.compiled_parts import GROUPS, INPUTS_A_PART, LANES, NEXT, Space, help_out, lead

PATIENCE = 3_000_000
"""How often one who helps looks for a next step before falling asleep: about a millisecond."""

TEAMS = 4
"""Kept for later steps; a team holds a megabyte or two."""


def squared_error(x: Tensor, target: Tensor, first: Tensor, output: Tensor, constant: Tensor) -> tuple[Tensor, ...]:
    """See `tensor_layer`."""
    weights = first.numpy(), output.numpy(), constant.numpy()
    team = _team(threading.get_ident(), *first.shape, -(-len(x) // INPUTS_A_PART), weights[0].dtype)
    loss, by_x, by_weights = team.step(weights, x.numpy(), target.numpy())
    return torch.from_numpy(loss)[0], torch.from_numpy(by_x), torch.from_numpy(by_weights)


class Team:
    """The memory of steps of one size, and the threads that share their parts.

    Those who help stay awake from one step to the next, as waking takes half as long as a part, and fall asleep when
    none comes. Whoever is not there in time leaves its parts to the others.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_parts: int, number: np.dtype[Any]) -> None:
        n, units, inputs = n_parts * INPUTS_A_PART, padded(n_hidden, LANES * GROUPS), padded(n_inputs, LANES)
        self.space = Space(
            first=np.zeros((n_inputs, units + LANES), number),  # rows of 4096 bytes would all want the same cache lines
            output=np.zeros(units, number),
            constant=np.zeros(1, number),
            weighted=np.empty((n_parts, units, inputs), number),
            room=np.empty((n_parts, units * inputs), number),
            x=np.empty((n, n_inputs - 1), number),
            target=np.empty(n, number),
            by_x=np.empty((n, n_inputs - 1), number),
            flows=np.empty((n_parts, inputs, units), number),
            loss_and_error=np.empty((n_parts, 2), number),
        )
        self.signal = np.zeros(64, np.int64)
        self.signal[NEXT] = n_parts  # none is left
        self.helpers: list[Helper] = []
        help_out(self.signal, self.space, 1, 0)  # compiles it, so that nobody waits for that in a step

    def step(self, weights: tuple[Array, Array, Array], x: Array, target: Array) -> tuple[Array, Array, Array]:
        """The loss (1,), its gradient by x (n, n_inputs - 1), and by all weights, flat."""
        wanted = min(torch.get_num_threads(), len(self.space.flows)) - 1
        while len(self.helpers) < wanted:
            self.helpers.append(Helper(self.signal, self.space, number=len(self.helpers) + 1))
        for helper in self.helpers[:wanted]:
            helper.wake()
        _given(*weights, x, target, self.space)
        lead(self.signal, self.space, len(x), wanted)
        return _found(*weights[:2], len(x), self.space)

    def __del__(self) -> None:
        for helper in self.helpers:
            helper.end()


class Helper:
    """A thread of a team."""

    def __init__(self, signal: Array, space: Space, number: int) -> None:
        self.asleep, self.ended, self.bell = True, False, threading.Lock()
        self.bell.acquire()
        self.thread = threading.Thread(target=self._help, args=(signal, space, number), daemon=True)
        self.thread.start()

    def _help(self, signal: Array, space: Space, number: int) -> None:
        while not self.ended:
            self.bell.acquire()
            help_out(signal, space, number, PATIENCE)
            self.asleep = True

    def wake(self) -> None:
        if self.asleep:
            self.asleep = False
            self.bell.release()

    def end(self) -> None:
        self.ended = True
        self.wake()


@lru_cache(TEAMS)
def _team(thread: int, n_inputs: int, n_hidden: int, n_parts: int, number: np.dtype[Any]) -> Team:
    """Of one thread alone."""
    return Team(n_inputs, n_hidden, n_parts, number)


def padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


@compiled_sums
def _given(first: Array, output: Array, constant: Array, x: Array, target: Array, space: Space) -> None:
    """Puts there what a step begins with."""
    n_inputs, n_hidden = first.shape
    for k in range(n_inputs):
        for h in range(n_hidden):
            space.first[k, h] = first[k, h]
    for h in range(n_hidden):
        space.output[h] = output[h]
    space.constant[0] = constant[0]
    for b in range(len(x)):
        space.target[b] = target[b]
        for k in range(n_inputs - 1):
            space.x[b, k] = x[b, k]


@compiled_sums
def _found(first: Array, output: Array, n: int, space: Space) -> tuple[Array, Array, Array]:
    """Adds up what the parts of a step found."""
    n_inputs, n_hidden = first.shape
    loss, gradient = np.zeros_like(output[:1]), np.zeros((n_inputs + 1) * n_hidden + 1, first.dtype)
    by_first = gradient[: n_inputs * n_hidden].reshape(n_inputs, n_hidden)
    by_output = gradient[n_inputs * n_hidden : -1]
    for part in range(len(space.flows)):
        loss[0] += space.loss_and_error[part, 0] / n
        gradient[-1] += space.loss_and_error[part, 1]
    for k in range(n_inputs):
        for part in range(len(space.flows)):
            for h in range(n_hidden):
                by_first[k, h] += space.flows[part, k, h] * output[h]
                by_output[h] += space.flows[part, k, h] * first[k, h]
    return loss, space.by_x[:n].copy(), gradient
