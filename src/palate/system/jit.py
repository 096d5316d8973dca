"""Loops that are compiled for the CPU when they are first called, and run without Python's lock."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numba
import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop, **options: Any) -> Loop:
    """The function as machine code, kept for later processes in __pycache__ or the user's cache folder, as bytecode is.

    It may call others of its own file alone: the file's date says whether what was kept is still good.
    """
    options = {"nogil": True, "error_model": "numpy", **options}
    try:
        found: Loop = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # no such folder can be written
        found = numba.njit(**options)(loop)
    return found


def compiled_sums(loop: Loop) -> Loop:
    """The same, where sums may be taken in another order, so that they fill the processor's wide registers.

    Perhaps in another for each loop that calls it, in whose code it stands as well.
    """
    return compiled(loop, fastmath={"reassoc", "nsz", "contract"})


def flat(tensor: torch.Tensor) -> Array:
    """All numbers of a tensor on the CPU, one after the other."""
    found: Array = tensor.numpy().reshape(-1)
    return found


def in_threads(work: Callable[[slice], None], n: int, size: int) -> None:
    """work(part) for parts of range(n) of that size, on as many threads as torch has."""
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    if len(parts) == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, parts))


@contextmanager
def flushing() -> Iterator[None]:
    """Within, what is too small for all digits of its format (1e-38 in float32) is 0, on this thread and those it
    starts: processors take a hundred times as long for it."""
    already = flushes()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


def flushes() -> bool:
    """Whether this thread does so."""
    return bool(np.float32(1e-39) * np.float32(1) == 0)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, or in a function it decorates, torch works on one thread, so that no bit depends on how many there are.

    For products and factorizations. numpy's have no such switch: they take the number that the process began with.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
