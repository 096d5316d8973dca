"""A step of the hidden layer on the CPU: its loss and its gradients, by the formulas of `hidden_layer`.

The inputs are shared out in parts of always the same size, so that no bit depends on how many threads take them.
"""

import threading
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.models.neural.step_llvm import BITS, INPUTS_A_PART, LANES, NEXT, Space, help_out, step
from palate.system.jit import Array

PATIENCE = 3_000_000
"""How often one who helps looks for a next step before falling asleep: about a millisecond."""

TEAMS = 4
"""Kept for later steps; a team holds a megabyte or two."""


def squared_error(x: Tensor, target: Tensor, flat: Tensor) -> tuple[Tensor, ...]:
    """See `step_tensor`. What is returned is written anew by the next step with the same weights in this thread."""
    inputs = x.numpy().reshape(len(x), -1)
    n, n_inputs = inputs.shape
    n_hidden = (flat.numel() - 1) // (n_inputs + 2)
    place = threading.get_ident(), flat.data_ptr()
    team = _team(place, n_inputs + 1, n_hidden, -(-n // INPUTS_A_PART), inputs.dtype)
    if team.weights is None:
        team.weights = flat.detach().numpy()  # held by the team, so that no other weights come to that address
    team.step(team.weights, inputs, target.numpy())
    return team.results(x.shape)


class Team:
    """The memory of steps of one size, and the threads that share their parts.

    Those who help stay awake from one step to the next, as waking takes half as long as a part, and fall asleep when
    none comes. Whoever is not there in time leaves its parts to the others.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_parts: int, number: np.dtype[Any]) -> None:
        n, inputs = n_parts * INPUTS_A_PART, padded(n_inputs, LANES)
        units = padded(n_hidden, BITS) + LANES  # more, as rows of 4096 bytes would all want the same cache lines
        self.space = Space(
            first=np.zeros((n_parts, inputs, units), number),
            weighted=np.zeros((n_parts, inputs, units), number),
            x=np.empty((n, n_inputs - 1), number),
            target=np.empty(n, number),
            by_x=np.empty((n, n_inputs - 1), number),
            flows=np.empty((n_parts, inputs, units), number),
            loss_and_error=np.empty((n_parts, 2), number),
            loss=np.zeros((), number),
            gradient=np.empty((n_inputs + 1) * n_hidden + 1, number),
        )
        self.weights: Array | None = None
        self.tensors: tuple[Tensor, ...] = ()
        self.signal = np.zeros(64, np.int64)
        self.signal[NEXT] = n_parts  # none is left
        self.helpers: list[Helper] = []

    def step(self, weights: Array, x: Array, target: Array) -> None:
        """Run a step at x (n, n_inputs - 1) and target (n,), and write its results to the memory of the team."""
        wanted = min(torch.get_num_threads(), len(self.space.flows)) - 1
        while len(self.helpers) < wanted:
            self.helpers.append(Helper(self.signal, self.space, weights, number=len(self.helpers) + 1))
        for helper in self.helpers[:wanted]:
            helper.wake()
        step(self.signal, self.space, weights, x, target, wanted)

    def results(self, shape: torch.Size) -> tuple[Tensor, ...]:
        """Return the tensors that steps write: the loss, its gradient by x of that shape, and by all weights."""
        if not self.tensors or self.tensors[1].shape != shape:
            loss, by_x, gradient = map(torch.from_numpy, (self.space.loss, self.space.by_x, self.space.gradient))
            self.tensors = loss, by_x[: shape[0]].view(shape), gradient
        return self.tensors

    def __del__(self) -> None:
        for helper in self.helpers:
            helper.end()


class Helper:
    """A thread of a team."""

    def __init__(self, signal: Array, space: Space, weights: Array, number: int) -> None:
        self.asleep, self.ended, self.bell = True, False, threading.Lock()
        self.bell.acquire()
        help_out(signal, space, weights, number, 0)  # compiles it, so that nobody waits for that in a step
        self.thread = threading.Thread(target=self._help, args=(signal, space, weights, number), daemon=True)
        self.thread.start()

    def _help(self, signal: Array, space: Space, weights: Array, number: int) -> None:
        while not self.ended:
            self.bell.acquire()
            help_out(signal, space, weights, number, PATIENCE)
            self.asleep = True

    def wake(self) -> None:
        if self.asleep:
            self.asleep = False
            self.bell.release()

    def end(self) -> None:
        self.ended = True
        self.wake()


@lru_cache(TEAMS)
def _team(place: tuple[int, int], n_inputs: int, n_hidden: int, n_parts: int, number: np.dtype[Any]) -> Team:
    """Return the team of one thread and of the weights at one address."""
    return Team(n_inputs, n_hidden, n_parts, number)


def padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
