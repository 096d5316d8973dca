"""Loops run as machine code wherever they can be kept, and in parts on all threads."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch

from palate.system import jit as compiled
from palate.system.jit import in_threads


def double(array: Any) -> float:
    return float(array.sum() * 2)


def test_a_loop_that_can_be_kept_nowhere_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def nowhere(*loops: Callable[..., Any], cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return njit(*loops, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert compiled.compiled(double)(np.arange(4.0)) == 12.0


def test_no_bit_of_a_model_depends_on_whether_its_loops_were_compiled_now_or_kept(tmp_path: Path) -> None:
    """A loop stands in the code of each that calls it, and a process that compiles may run another of these than one
    that finds them: where they take the same sum in another order, both learn something else."""
    code = """
import numpy as np
from palate.models import MODELS
from palate.inference.queries import of_users
from palate.training.fit import fit
from tests.tables import random_table
few = {
    "neural": {"dim": 3, "hidden": 8, "batch_size": 64, "epochs": 20},
    "svdpp": {"epochs": 1},
    "bayes": {"sweeps": 4, "samples": 1},
}
train = random_table()
for name in ("neural", "mf", "als", "bayes", "svdpp"):
    model = MODELS[name](MODELS[name].Config(**few.get(name, {})), train.n_users, train.n_items)
    fit(model, train)
    print(name, [weights.tolist() for weights in model.state_dict().values()])
    print(model.score(of_users(train, np.arange(3), model)).tolist())
"""
    command, kept = [sys.executable, "-c", code], {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    compiled_now, found = (subprocess.run(command, check=True, env=kept, capture_output=True).stdout for _ in range(2))
    assert list(tmp_path.rglob("*.nbc"))
    assert compiled_now == found


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
