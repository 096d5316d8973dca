"""Loops that are compiled for the CPU when they are first called, and run without Python's lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import torch

compiled = numba.njit(nogil=True, error_model="numpy")

compiled_sums = numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
"""The same, where sums may be taken in another order, so that they fill the processor's wide registers."""


def in_threads(work: Callable[[slice], None], n: int) -> None:
    """work(part) for parts of range(n), one for each of torch's threads."""
    threads = max(1, min(torch.get_num_threads(), n))
    parts = [slice(n * i // threads, n * (i + 1) // threads) for i in range(threads)]
    if threads == 1:
        return work(parts[0])
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))
