import re
import sys

import pytest
import torch

import palate
from palate.training import profiler as module
from tests import trained


def test_functions_by_own_time_and_operators() -> None:
    with palate.Profiler() as profiler:
        trained.train(observers=[profiler], baselines=())
    report = profiler.report()
    functions, operators = report.split("Operators by own time")
    assert functions.startswith("Functions by own time")
    assert "Ordered by: internal time" in functions
    times = [float(own) for _, own in re.findall(r"^ *(\d\S*) +(\d+\.\d+) +\d", functions, re.MULTILINE)]
    assert len(times) == module.ROWS
    assert times == sorted(times, reverse=True)
    assert re.search(r"\.py:\d+\(|\{method|\{built-in", functions)
    assert "aten::" in operators
    assert "Self CPU" in operators
    assert operators.count("\naten::") or operators.count(" aten::")


def test_the_functions_of_training_are_among_them() -> None:
    with palate.Profiler() as profiler:
        trained.train(observers=[profiler], baselines=(), settings={"epochs": 20})
    assert "_one_epoch" in profiler_names(profiler)
    assert "backward" in profiler_names(profiler)


def profiler_names(profiler: palate.Profiler) -> set[str]:
    profiler.functions.create_stats()
    return {name for _, _, name in profiler.functions.stats}


def test_a_run_of_a_few_steps_and_a_model_without_steps() -> None:
    for model in ("neural", "popularity"):
        options = {"settings": {"epochs": 1, "batch_size": 1024}} if model == "neural" else {}
        with palate.Profiler() as profiler:
            trained.train(model, observers=[profiler], baselines=(), refit=False, **options)
        assert "tottime" in profiler.report()
        steps = 1 if model == "neural" else 0
        assert profiler.report().endswith(f"none: recording begins at step 5, and the training had {steps}")


def test_from_the_first_recorded_step_on_there_are_operators() -> None:
    for steps in range(1, 9):
        profiler = palate.Profiler()
        with profiler:
            for _ in range(steps):
                torch.ones(3).sum()
                profiler.stepped(3)
            torch.ones(3).sum()
        assert ("aten::sum" in profiler.report()) == (steps >= 5), steps


def test_it_stops_where_training_fails() -> None:
    with pytest.raises(ValueError, match="stop"), palate.Profiler():
        raise ValueError("stop")
    assert sys.getprofile() is None
