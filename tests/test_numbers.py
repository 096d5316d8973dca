"""Numbers that cannot be: one line, whatever is asked."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import palate
from palate.errors import OptionError
from tests import tables, trained

QUESTIONS: dict[str, Callable[[palate.Recommender, Any], object]] = {
    "recommend": lambda model, k: model.recommend(1, k=k),
    "similar": lambda model, k: model.similar(101, k=k),
    "analogy": lambda model, k: model.analogy(101, 102, 103, k=k),
    "check_analogy": lambda model, k: model.check_analogy(101, 102, 103, k=k),
    "evaluate": lambda model, k: model.evaluate(k=k),
    "explain": lambda model, k: model.explain(1, 101, k=k),
    "lists": lambda model, k: model.lists("never.csv", k=k),
    "compare": lambda model, k: palate.compare(model.table, models=["bias"], k=k),
}


@pytest.fixture(scope="module")
def model() -> palate.Recommender:
    return trained.train("mf").recommender


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_length_is_a_whole_number_from_1_on(ask: Callable[..., object], model: palate.Recommender) -> None:
    for k in (0, -1, 2.5, "3", True, np.float64(2.5)):
        with pytest.raises(OptionError, match=r"^k is .*: it must be (a whole number, )?at least 1$"):
            ask(model, k)


@pytest.mark.parametrize("seed", [-1, 2.5, "3", None])
def test_a_seed_is_a_whole_number_from_0_on(seed: Any, model: palate.Recommender) -> None:
    for ask in (
        lambda: palate.train(tables.random_table(), model="bias", seed=seed),
        lambda: palate.compare(tables.random_table(), models=["bias"], seed=seed),
        lambda: palate.checkup(tables.random_table(), seed=seed),
        lambda: model.check_analogy(101, 102, 103, seed=seed),
    ):
        with pytest.raises(OptionError, match=r"^seed is .*: it must be (a whole number, )?at least 0$"):
            ask()


@pytest.mark.parametrize("seed", [np.int64(3), 2**64 - 1, 2**64, 2**80])
def test_a_seed_has_any_size(seed: Any, tmp_path: Any) -> None:
    found = palate.train(tables.random_table(), model="mf", seed=seed, output=tmp_path / "x.palate", baselines=())
    opened = palate.load(tmp_path / "x.palate")
    assert opened.evaluate() == found.metrics
    assert len(opened.check_analogy(0, 1, 2, seed=seed).answer) == 10


@pytest.mark.parametrize("written", ["0.2", None])
def test_shares_minutes_and_other_numbers_are_numbers(written: Any, model: palate.Recommender) -> None:
    for ask in (
        lambda: palate.train(model.table, model="bias", test=written),
        lambda: palate.train(model.table, model="bias", validation=written),
        lambda: palate.compare(model.table, models=["bias"], minutes=written),
        lambda: palate.checkup(model.table, test=written),
        lambda: model.recommend(1, diversity=written),
        lambda: model.similar(101, towards="Comedy", strength=written),
    ):
        with pytest.raises(OptionError, match=r"^\w+ is .*: it must be a number$"):
            ask()
