"""Loops run as machine code wherever they can be kept, and in parts on all threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
import torch

from palate import compiled
from palate.compiled import in_threads


def double(array: Any) -> float:
    return float(array.sum() * 2)


def test_a_loop_that_can_be_kept_nowhere_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(cache: bool = False, **options: Any) -> Callable[..., Any]:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        compile_: Callable[..., Any] = numba.njit(**options)
        return compile_

    monkeypatch.setattr(compiled, "numba", SimpleNamespace(njit=nowhere))
    assert compiled.compiled(double)(np.arange(4.0)) == 12.0


@pytest.mark.parametrize("n", [1, 5, 6, 7, 100])
def test_every_part_is_done_once(n: int) -> None:
    done = np.zeros(n, dtype=np.int64)

    def work(part: slice) -> None:
        assert part.stop - part.start <= 6
        done[part] += 1

    in_threads(work, n, 6)
    assert (done == 1).all()


def test_nothing_to_do_is_nothing_done() -> None:
    in_threads(lambda part: pytest.fail("called"), 0, 6)


def test_an_error_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda part: part.start // 0, 20, 6)


def test_numbers_too_small_for_all_their_digits_are_0_on_a_thread_and_those_it_starts() -> None:
    assert not compiled.flushes()
    with compiled.flushing():
        assert float(torch.tensor([1e-39]) * 1) == 0
        with compiled.flushing(), ThreadPoolExecutor() as pool:
            assert pool.submit(compiled.flushes).result()
        assert compiled.flushes()
    assert not compiled.flushes()
