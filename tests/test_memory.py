"""A limit of memory is read as people write it, and counts what is held already."""

import psutil
import pytest

from palate import memory
from palate.errors import OptionError


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1GB", 10**9), ("1.5gb", 1_500_000_000), (" 800 MB ", 8 * 10**8), ("2GiB", 2**31), ("0.5 MiB", 2**19)],
)
def test_sizes(text: str, bytes_: int) -> None:
    assert memory.size(text) == bytes_


@pytest.mark.parametrize("text", ["", "1", "GB", "1 TBs", "-1GB", "1,5GB", "1e9", "one GB", "1GB2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError, match=r"such as 800MB or 1\.5GB"):
        memory.size(text)


def test_what_is_held_is_not_left() -> None:
    held = psutil.Process().memory_info().rss
    assert memory.left(held + 10**9) == pytest.approx(10**9, abs=5e7)
    with pytest.raises(OptionError, match=r"below 1 MB, but Python, the model and its table hold .* MB already"):
        memory.left(10**6)


def test_a_peak_is_what_was_taken_in_between() -> None:
    with memory.Peak() as peak:
        held = bytearray(60 * 10**6)
        held[::4096] = b"x" * len(held[::4096])
        del held
    assert 50 * 10**6 < peak.bytes < 90 * 10**6
