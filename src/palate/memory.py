"""How much memory this process holds, and how much it may still take."""

import ctypes
import re
import threading
from contextlib import suppress
from types import TracebackType

import psutil

from palate.errors import OptionError

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


def available() -> int:
    """Bytes that processes may still take before the machine swaps."""
    return int(psutil.virtual_memory().available)


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
