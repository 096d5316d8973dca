"""The memory that this process uses, that is free, and that it may still take."""

import ctypes
import re
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

from palate.errors import OptionError

CONTAINER = Path("/sys/fs/cgroup")
"""Folder where Linux states the memory limit and use of a container."""

UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}


def size(text: str) -> int:
    """Return the number of bytes of a size such as "1GB", "1.5 GiB" or "800MB".

    Raises:
        OptionError: the text is no number with one of these units.
    """
    match = re.fullmatch(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)", text.strip(), re.IGNORECASE)
    if match is None or match["unit"].upper() not in UNITS:
        raise OptionError(f"memory is {text!r}: it must be a number with MB, GB, MiB or GiB, such as 800MB or 1.5GB")
    return int(float(match["number"]) * UNITS[match["unit"].upper()])


def left(limit: int) -> int:
    """Return the bytes that the process may still take before it uses `limit` in all.

    Raises:
        OptionError: it uses as much already.
    """
    used = psutil.Process().memory_info().rss
    if used >= limit:
        raise OptionError(
            f"the memory limit is {limit / 10**6:,.0f} MB, but Python, the model and its table use "
            f"{used / 10**6:,.0f} MB already: allow more"
        )
    return limit - int(used)


def free() -> int:
    """Return the free bytes of this machine or, where that is less, of its container."""
    available = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no container, or one without a limit
        limit = int((CONTAINER / "memory.max").read_text())
        used = re.search(r"^anon (\d+)$", (CONTAINER / "memory.stat").read_text(), re.MULTILINE)
        available = min(available, max(0, limit - int(used[1]))) if used else available
    return available


def check_pairs(model: str, n_items: int, numbers: float) -> None:
    """Check that there is memory for so many float32 numbers for each pair of items.

    Raises:
        OptionError: the memory is too small.
    """
    advice = "item-knn, als and graph-filter need far less, and so does a table without its rarest items"
    check(model, numbers * n_items**2, f"the pairs of {n_items:,} items", advice)


def check(model: str, numbers: float, use: str, advice: str) -> None:
    """Check that there is memory for so many float32 numbers of a model. use, advice: parts of the message.

    Raises:
        OptionError: the memory is too small.
    """
    needed, available = 4 * numbers, free()
    if needed > available:
        raise OptionError(
            f"{model} needs {needed / 10**9:,.1f} GB of memory for {use}, and {available / 10**9:,.1f} GB are free: "
            f"{advice}"
        )


class Peak:
    """Measure the most bytes that the process uses in the block beyond those at its start, every SECONDS.

    Memory that was freed before but kept by the C library is first returned to the system (glibc only); elsewhere it
    hides as much of the peak.
    """

    SECONDS = 0.01

    def __enter__(self) -> "Peak":
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
        self.process, self.stopped = psutil.Process(), threading.Event()
        self.before = self.most = self.process.memory_info().rss
        self.sampler = threading.Thread(target=self._sample, daemon=True)
        self.sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self.sampler.join()

    @property
    def bytes(self) -> int:
        """The peak, less the memory in use at the start."""
        return self.most - self.before

    def _sample(self) -> None:
        last = False
        while not last:
            last = self.stopped.wait(self.SECONDS)
            self.most = max(self.most, self.process.memory_info().rss)
