"""Loops compiled for the CPU by numba at their first call; they run without Python's global lock."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, update_wrapper
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from palate.system import compilation

Array = NDArray[Any]

Loop = TypeVar("Loop", bound=Callable[..., Any])

_linking = RLock()


class CompiledLoop:
    """A function that becomes machine code when it is first called."""

    def __init__(self, loop: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.loop, self.options = loop, options
        update_wrapper(self, loop)

    def __call__(self, *arguments: Any) -> Any:
        return self.linked(*arguments)

    @cached_property
    def linked(self) -> Callable[..., Any]:
        """The function of numba. It finds the other loops of its file by their names, so they are numba's too then."""
        with _linking:
            names = self.loop.__globals__
            loops = {name: value for name, value in names.items() if isinstance(value, CompiledLoop)}
            names.update({name: loop.dispatcher for name, loop in loops.items()})
            return self.dispatcher

    @cached_property
    def dispatcher(self) -> Callable[..., Any]:
        """The function of numba alone, without the other loops of its file; it compiles at the first call."""
        compilation.load_numba()
        import numba  # noqa: PLC0415 - takes a third of a second, and many commands run no loop

        try:
            dispatcher: Callable[..., Any] = numba.njit(cache=True, **self.options)(self.loop)
        except RuntimeError:  # no folder for the machine code can be written
            compilation.TIMER.uncached = True
            dispatcher = numba.njit(**self.options)(self.loop)
        return dispatcher


def compiled(loop: Loop, **options: Any) -> Loop:
    """Compile a function to machine code at its first call, cached for later processes.

    The cache is __pycache__ or the user's cache folder. The function may call other compiled functions of its own file
    only: the file's date tells whether the cached code is valid.
    """
    return cast(Loop, CompiledLoop(loop, {"nogil": True, "error_model": "numpy", **options}))


def compiled_sums(loop: Loop) -> Loop:
    """Compile a function whose sums may run in another order, so that they use the processor's wide registers.

    The order may differ between the loops that call it, since each has the function's code inlined.
    """
    return compiled(loop, fastmath={"reassoc", "nsz", "contract"})


def flat(tensor: torch.Tensor) -> Array:
    """Return all numbers of a CPU tensor as an array of one dimension, in the tensor's own memory."""
    array: Array = tensor.numpy().reshape(-1)
    return array


def in_threads(work: Callable[[slice], None], n: int, size: int) -> None:
    """Call work(part) for parts of range(n) of that size, on as many threads as torch has."""
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    if len(parts) == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, parts))


@contextmanager
def flushing() -> Iterator[None]:
    """Treat denormal numbers (below 1e-38 in float32) as 0 within the block, on this thread and those it starts.

    Processors take a hundred times as long for them.
    """
    already = flushes()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


def flushes() -> bool:
    """Return whether this thread treats denormal numbers as 0."""
    return bool(np.float32(1e-39) * np.float32(1) == 0)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread within the block or decorated function: no bit depends on the number of threads then.

    It is for matrix products and factorizations. numpy's have no such switch: they use the number of threads that the
    process started with.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
