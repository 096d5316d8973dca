"""Measure how long loops are compiled, so that training can report it and leave it out of its speed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any


class CompileTimer:
    """Sums the seconds in which numba compiles. A loop that is read from the cache is not compiled.

    numba compiles on one thread at a time; a loop is compiled within another that calls it.
    """

    def __init__(self) -> None:
        self.guard = Lock()
        self.depth = 0
        self.began = self.closed = 0.0
        self.importing = 0.0  # seconds in which numba was imported
        self.uncached = False  # whether no cache folder can be written
        self.hear_first: Callable[[], object] | None = None

    def notify(self, event: Any) -> None:
        """Hear from numba that it begins to compile a loop, or ends."""
        with self.guard:
            hear, self.hear_first = self.hear_first, None
            self.depth += 1 if event.is_start else -1
            if event.is_start and self.depth == 1:
                self.began = time.perf_counter()
            elif self.depth == 0:
                self.closed += time.perf_counter() - self.began
        if hear is not None:
            hear()

    @property
    def seconds(self) -> float:
        """Seconds of compilation in this process so far."""
        with self.guard:
            return self.closed + (time.perf_counter() - self.began if self.depth else 0.0)


TIMER = CompileTimer()


@cache
def load_numba() -> None:
    """Import numba, if it is not imported yet, and make it notify the timer."""
    began = time.perf_counter()
    from numba.core import event  # noqa: PLC0415 - takes a third of a second, and many commands run no loop

    event.Listener.register(CompileTimer)
    event.register("numba:compile", TIMER)  # type: ignore[no-untyped-call]
    TIMER.importing += time.perf_counter() - began


def clock() -> float:
    """Read a clock in seconds that stands still while numba is imported or compiles a loop."""
    return time.perf_counter() - TIMER.importing - TIMER.seconds


@contextmanager
def announced(say: Callable[[str], object]) -> Iterator[None]:
    """Say within the block when a first loop is compiled, and at its end how long all took; else say nothing."""
    before = TIMER.seconds
    TIMER.hear_first = lambda: say("compiling loops for this processor (a model's first training only)")
    try:
        yield
    finally:
        TIMER.hear_first = None
        if seconds := TIMER.seconds - before:
            spelled = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
            kept = (
                "not kept: set NUMBA_CACHE_DIR to a folder that can be written"
                if TIMER.uncached
                else "kept for next time"
            )
            say(f"compiled loops for this processor: {spelled}, {kept}")
