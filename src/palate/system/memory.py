"""How much memory this process holds, how much there is left, and how much it may still take."""

import ctypes
import re
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

from palate.errors import OptionError

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux says what a container may take, and what it holds."""

UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}


def size(text: str) -> int:
    """ "1GB", "1.5 GiB" or "800MB" -> bytes.

    Raises:
        OptionError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip(), re.IGNORECASE)
    if found is None or found[2].upper() not in UNITS:
        raise OptionError(f"a size of memory is wanted, such as 800MB or 1.5GB, not {text!r}")
    return int(float(found[1]) * UNITS[found[2].upper()])


def left(limit: int) -> int:
    """Bytes that may still be taken before the whole process holds `limit`.

    Raises:
        OptionError: it holds as much already.
    """
    held = psutil.Process().memory_info().rss
    if held >= limit:
        raise OptionError(
            f"memory is to stay below {limit / 10**6:,.0f} MB, but Python, the model and its table hold "
            f"{held / 10**6:,.0f} MB already: allow more"
        )
    return limit - int(held)


def free() -> int:
    """Bytes that nobody holds, on this machine or, where that is less, in its container."""
    found = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no container, or one without a limit
        limit = int((CONTAINER / "memory.max").read_text())
        held = re.search(r"^anon (\d+)$", (CONTAINER / "memory.stat").read_text(), re.MULTILINE)
        found = min(found, max(0, limit - int(held[1]))) if held else found
    return found


def check_pairs(model: str, n_items: int, numbers: float) -> None:
    """Before a model takes so many float32 numbers for each pair of items.

    Raises:
        OptionError: there is no room for them.
    """
    less = "item-knn, als and graph-filter do with far less, and so does a table without its rarest items"
    check(model, numbers * n_items**2, f"the pairs of {n_items:,} items", less)


def check(model: str, numbers: float, use: str, less: str) -> None:
    """Before a model takes so many float32 numbers. use: what for; less: what does with less.

    Raises:
        OptionError: there is no room for them.
    """
    needed, there = 4 * numbers, free()
    if needed > there:
        raise OptionError(
            f"{model} needs {needed / 10**9:,.1f} GB of memory for {use}, and {there / 10**9:,.1f} GB are free: {less}"
        )


class Peak:
    """The most bytes that the process takes beyond what it holds on entering, looked at every SECONDS.

    What was freed before, but kept by the C library for later, is given back first where that can be asked for (glibc);
    elsewhere it hides as much of what is taken.
    """

    SECONDS = 0.01

    def __enter__(self) -> "Peak":
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
        self.process, self.left = psutil.Process(), threading.Event()
        self.before = self.most = self.process.memory_info().rss
        self.looking = threading.Thread(target=self._look, daemon=True)
        self.looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left.set()
        self.looking.join()

    @property
    def bytes(self) -> int:
        return self.most - self.before

    def _look(self) -> None:
        last = False
        while not last:
            last = self.left.wait(self.SECONDS)
            self.most = max(self.most, self.process.memory_info().rss)
