"""Options by keyword and in groups, for `palate.train` and `palate.compare` alike."""

from collections.abc import Callable
from dataclasses import fields
from inspect import getdoc, signature
from typing import Any, get_type_hints

import pytest

import palate
from palate.errors import OptionError
from palate.options import (
    CompareKeywords,
    CompareOptions,
    ComparisonOptions,
    ModelOptions,
    RunOptions,
    SplitOptions,
    TrainKeywords,
    TrainOptions,
)
from palate.system.keywords import collect, meanings
from tests import trained


@pytest.mark.parametrize(("kind", "keywords"), [(TrainOptions, TrainKeywords), (CompareOptions, CompareKeywords)])
def test_type_checkers_know_every_option(kind: Any, keywords: type) -> None:
    """The names and types for type checkers are those of the dataclasses."""
    options = {
        name: hint for part in fields(kind) for name, hint in get_type_hints(part.type).items() if name.islower()
    }
    assert get_type_hints(keywords) == options


@pytest.mark.parametrize(("function", "kind"), [(palate.train, TrainOptions), (palate.compare, CompareOptions)])
def test_a_function_lists_every_option(function: Callable[..., object], kind: Any) -> None:
    parameters = signature(function).parameters
    groups: list[Any] = list(map(type, vars(kind()).values()))
    for group in groups:
        assert group.TITLE in (getdoc(function) or "")
        for option, meaning in meanings(group):
            assert parameters[option.name].default == option.default
            assert f"    {option.name}: {meaning}" in (getdoc(function) or "").splitlines()
            assert meaning[0].isupper() or meaning.startswith("lists")
            assert meaning.endswith(".")


def test_keywords_are_sorted_into_groups() -> None:
    split = SplitOptions(split="time", test=0.3)
    options = collect(TrainOptions, [split, RunOptions(seed=2)], {"test": 0.1, "model": "mf", "user": 2})
    assert options.split == SplitOptions(split="time", test=0.1), "a keyword wins over the group"
    assert options.run.seed == 2
    assert (options.model, options.reading.user) == (ModelOptions(model="mf"), 2)
    assert split.test == 0.3


def test_groups_train_as_keywords_do() -> None:
    frame = trained.ratings()
    grouped = palate.train(frame, ModelOptions(model="bias"), SplitOptions(test=0.3), RunOptions(seed=5))
    assert grouped.metrics == palate.train(frame, model="bias", test=0.3, seed=5).metrics


@pytest.mark.parametrize(
    ("groups", "keywords", "message"),
    [
        ([], {"epoch": 3}, "unknown option 'epoch'; did you mean 'epochs'?"),
        ([], {"zzz": 3}, "unknown option 'zzz'; there are format, user, item, "),
        (["movies.csv"], {}, "after the table, give options by name, or groups of them, each once: ReadingOptions, "),
        ([RunOptions(), RunOptions()], {}, "each once"),
        ([], {"seed": -1}, "seed is -1: it must be at least 0"),
    ],
)
def test_options_that_cannot_be(groups: list[Any], keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        palate.train("never-read.csv", *groups, **keywords)
    assert message in str(caught.value)


def test_models_may_be_one_text() -> None:
    assert ComparisonOptions(models="mf, bias").models == ["mf", "bias"]
