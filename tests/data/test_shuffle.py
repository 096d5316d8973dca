"""Orders by chance: all rows, each order as often as any other."""

from collections import Counter
from math import factorial

import numpy as np
import pytest

from palate.data import shuffle


@pytest.mark.parametrize("piece", [1, 2, 2**16])
def test_every_order_is_equally_likely(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 24 orders of four rows: chi squared of 23 degrees of freedom is below 49.7 in 999 of 1,000 cases."""
    monkeypatch.setattr(shuffle, "PIECE", piece)
    rows, random, n = np.arange(4), np.random.default_rng(0), 12_000
    counts = Counter(tuple(shuffle.shuffled(rows, rows, random)[0].tolist()) for _ in range(n))
    expected = n / factorial(4)
    assert len(counts) == 24
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 49.7


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
@pytest.mark.parametrize("piece", [1, 7, 2**16])
def test_columns_keep_together(n: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "PIECE", piece)
    rows = np.arange(n)
    first, second = shuffle.shuffled(rows, rows.astype(np.float32) / 2, np.random.default_rng(1))
    assert first.dtype == np.int64
    assert second.dtype == np.float32
    np.testing.assert_array_equal(np.sort(first), rows)
    np.testing.assert_array_equal(second, first / 2)
