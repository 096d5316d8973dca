"""Loops run as machine code wherever they can be kept, and in parts on all threads."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
import torch

from palate.system import compilation
from palate.system import jit as compiled
from palate.system.compilation import CompileTimer
from palate.system.jit import in_threads


def double(array: Any) -> float:
    return float(array.sum() * 2)


def test_a_loop_that_can_be_kept_nowhere_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    njit: Any = numba.njit

    def nowhere(*loops: Callable[..., Any], cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return njit(*loops, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    monkeypatch.setattr(compilation, "TIMER", CompileTimer())
    assert compiled.compiled(double)(np.arange(4.0)) == 12.0
    assert compilation.TIMER.uncached


TRAININGS = """
import json, sys
import numpy as np
from palate.models import MODELS
from palate.inference.queries import of_users
from palate.system.compilation import announced
from palate.training.fit import fit
from tests.tables import random_table
few = {
    "neural": {"dim": 3, "hidden": 8, "batch_size": 64, "epochs": 20},
    "svdpp": {"epochs": 1},
    "bayes": {"sweeps": 4, "samples": 1},
}
train = random_table()
for name in ("neural", "mf", "als", "bayes", "svdpp", "ease"):
    model, lines = MODELS[name](MODELS[name].Config(**few.get(name, {})), train.n_users, train.n_items), []
    with announced(lines.append):
        records = fit(model, train)
    print(name, [weights.tolist() for weights in model.state_dict().values()])
    print(model.score(of_users(train, np.arange(3), model)).tolist())
    print(json.dumps({"model": name, "lines": lines, "seconds": [r["seconds"] for r in records]}), file=sys.stderr)
"""
"""Trains six models: their weights and scores go to stdout, what is said of compilation and their speed to stderr."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[subprocess.CompletedProcess[str]]:
    """A process that compiles all loops of six models, and one that reads them from the cache."""
    cache = tmp_path_factory.mktemp("cache")
    command, env = [sys.executable, "-c", TRAININGS], {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    both = [subprocess.run(command, check=True, env=env, capture_output=True, text=True) for _ in range(2)]
    assert list(cache.rglob("*.nbc"))
    return both


def test_no_bit_of_a_model_depends_on_whether_its_loops_were_compiled_now_or_kept(runs: Any) -> None:
    """The code of a loop is inlined in each loop that calls it, and a process that compiles may run another copy than a
    process that reads the cache: if the copies summed in another order, the two would learn different weights."""
    compiling, cached = runs
    assert compiling.stdout == cached.stdout


def test_the_first_training_says_that_it_compiles_and_how_long_that_takes(runs: Any) -> None:
    for run in map(json.loads, runs[0].stderr.splitlines()):
        beginning, end = run["lines"]
        assert beginning == "compiling loops for this processor (a model's first training only)", run
        assert re.fullmatch(r"compiled loops for this processor: [\d.]+ s, kept for next time", end), run


def test_nothing_is_said_where_nothing_is_compiled(runs: Any) -> None:
    assert [json.loads(line)["lines"] for line in runs[1].stderr.splitlines()] == [[]] * 6


def test_the_speed_of_an_epoch_leaves_compilation_out(runs: Any) -> None:
    for run in map(json.loads, runs[0].stderr.splitlines()):
        if run["seconds"]:
            compiling = float(run["lines"][1].split()[5])
            assert run["seconds"][0] < 0.3 * compiling, run


STARTS, ENDS = SimpleNamespace(is_start=True), SimpleNamespace(is_start=False)


def test_a_loop_compiled_within_another_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 11.0, 15.0, 15.0])
    monkeypatch.setattr(compilation, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    timer, heard = CompileTimer(), list[str]()
    timer.hear_first = lambda: heard.append("first")
    timer.notify(STARTS)
    assert timer.seconds == 1.0, "also while a loop is compiled"
    timer.notify(STARTS)
    timer.notify(ENDS)
    timer.notify(ENDS)
    assert timer.seconds == 5.0
    assert heard == ["first"]


def test_the_clock_stands_still_during_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 2.0, 4.0, 4.0, 7.0, 8.0])
    monkeypatch.setattr(compilation, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    monkeypatch.setattr(compilation, "TIMER", CompileTimer())
    assert compilation.clock() == 1.0
    compilation.TIMER.notify(STARTS)  # at 2
    assert compilation.clock() == 2.0  # at 4
    compilation.TIMER.notify(ENDS)  # at 7
    assert compilation.clock() == 3.0  # at 8


def test_it_says_where_loops_can_t_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "TIMER", CompileTimer())
    compilation.TIMER.uncached = True
    lines: list[str] = []
    with compilation.announced(lines.append):
        compilation.TIMER.notify(STARTS)
        compilation.TIMER.notify(ENDS)
    assert lines[1].endswith("not kept: set NUMBA_CACHE_DIR to a folder that can be written")


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
