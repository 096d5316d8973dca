"""Tuning of the number of CPU threads of training steps, by timing them on this machine while they run."""

import time
from types import TracebackType

import torch

WINDOW = 20
"""Steps of a window, which are timed together."""

KEPT = 150
"""Windows for which the fastest number of threads is used before all are tried again."""

SLOWED = 2.0
"""A window that takes this many times as long as the fastest one makes all numbers be tried again at once."""


class ThreadTuner:
    """Tries 1, 2, 4, … threads, up to all that torch may use, while each number is faster than the last.

    A small step on many threads mostly waits for the slowest one: if other work uses the machine, and one thread gets
    no processor, the step takes 30 times as long. It is only for steps whose result is the same bit for bit on any
    number of threads: see `LearnedModel.ANY_THREADS`. It works within its `with` block.
    """

    def __init__(self, any_number: bool) -> None:
        self.most = torch.get_num_threads()
        powers = (2**power for power in range(self.most.bit_length())) if any_number else ()
        self.numbers = sorted({*powers, self.most})
        self.chosen = 0  # index in numbers
        self.trying = False
        self.windows, self.limit = 1, float("inf")  # the first window is not timed, as it compiles loops
        self.steps, self.began = 0, 0.0

    def __enter__(self) -> "ThreadTuner":
        self._window()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        torch.set_num_threads(self.most)

    def stepped(self) -> None:
        """Count a finished step, and set the number of threads of the next."""
        self.steps += 1
        took = time.perf_counter() - self.began
        if took > self.limit and self.trying:
            self._keep(self.chosen - 1, self.limit)
        elif took > self.limit:
            self._try(0, float("inf"))
        elif self.steps == WINDOW:
            self._next(took)

    def _next(self, took: float) -> None:
        if self.trying and self.chosen + 1 < len(self.numbers):
            self._try(self.chosen + 1, took)
        elif self.trying:
            self._keep(self.chosen, took)
        elif self.windows > 1:
            self.windows -= 1
            self._window()
        else:
            self._try(0, float("inf"))

    def _try(self, chosen: int, to_beat: float) -> None:
        self.chosen, self.trying, self.limit = chosen, True, to_beat
        self._window()

    def _keep(self, chosen: int, took: float) -> None:
        self.chosen, self.trying, self.limit, self.windows = chosen, False, took * SLOWED, KEPT
        self._window()

    def _window(self) -> None:
        torch.set_num_threads(self.numbers[self.chosen])
        self.steps, self.began = 0, time.perf_counter()
