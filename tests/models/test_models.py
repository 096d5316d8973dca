"""Models by name, and models of others."""

import sys
from types import ModuleType

import pytest

import palate
from palate.errors import OptionError
from palate.models import MODELS, SINGLE, current_name, find, name_of
from palate.models.blend import RatingBlend, RatingBlendConfig
from palate.models.neural.model import NeuralRating
from palate.models.registry import Registry
from palate.models.svdpp.model import SVDpp
from tests import tables
from tests.names import EVERY_MODEL


class Outer:
    class Theirs(NeuralRating):
        """A model of somebody else's."""


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_found_by_its_name(name: str) -> None:
    assert find(name) is MODELS[name]
    assert name_of(MODELS[name]) == name


def test_a_model_of_others_is_found_by_module_and_class() -> None:
    name = name_of(Outer.Theirs)
    assert name == f"{__name__}:Outer.Theirs"
    assert find(name) is Outer.Theirs
    assert find("palate.models.neural.model:NeuralRating") is NeuralRating


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nueral", f"unknown model 'nueral': there are {EVERY_MODEL}"),
        ("", "unknown model ''"),
        ("no.such.module:Model", "can't be imported: No module named 'no'"),
        ("palate.models.neural.model:NoSuch", "can't be imported: .*NoSuch"),
        ("palate.models.neural.model:", "can't be imported"),
        (":NeuralRating", "can't be imported"),
        (".neural:NeuralRating", "can't be imported"),
        ("pathlib:Path", "'pathlib:Path' is not a model"),
        ("palate.models:MODELS", "is not a model"),
    ],
)
def test_what_is_no_model_is_an_error(name: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        find(name)


@pytest.mark.parametrize("models", [MODELS, SINGLE])
def test_a_former_name_is_read_and_not_listed(models: Registry) -> None:
    assert models["history"] is models["svdpp"]
    assert "history" in models
    assert "history" not in list(models)
    assert len(models) == len(list(models))
    assert find("history") is SVDpp
    assert name_of(find("history")) == current_name("history") == "svdpp"


def test_a_former_name_may_be_a_member_of_a_blend() -> None:
    config = RatingBlendConfig.model_validate({"members": "mf, history"})
    blend = RatingBlend(config, 3, 4)
    assert [type(part) for part in blend.parts] == [MODELS["mf"], SVDpp]


def test_a_former_name_is_one_model_in_a_comparison() -> None:
    table = tables.random_table()
    compared = palate.compare(table, models=["history", "svdpp", "bias"], seeds=1, minutes=1)
    assert {compared.model for compared in compared.models} == {"svdpp", "bias"}


def test_a_module_made_on_the_fly(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("on_the_fly")
    module.Mine = NeuralRating  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "on_the_fly", module)
    assert find("on_the_fly:Mine") is NeuralRating
