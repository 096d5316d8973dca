"""Loops that are compiled for the CPU when they are first called, and run without Python's lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import torch

compiled = numba.njit(nogil=True, error_model="numpy")

compiled_sums = numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
"""The same, where sums may be taken in another order, so that they fill the processor's wide registers."""


def in_threads(work: Callable[[slice], None], n: int, size: int) -> None:
    """work(part) for parts of range(n) of that size, on as many threads as torch has."""
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    if len(parts) == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, parts))
