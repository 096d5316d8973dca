from typing import Any, Literal

import pytest
from pydantic import Field

from palate.errors import OptionError
from palate.models import MODELS
from palate.models.contract import BaseConfig
from palate.models.popularity import Popularity
from palate.models.settings import Setting, configure, settings_of


@pytest.mark.parametrize("name", MODELS)
def test_defaults_are_settings_that_hold(name: str) -> None:
    model = MODELS[name]
    assert configure(model, None, {}) == model.Config()
    for preset, chosen in model.PRESETS.items():
        config = configure(model, preset, {})
        assert {key: getattr(config, key) for key in chosen} == dict(chosen)


def test_the_first_preset_is_the_default() -> None:
    neural = MODELS["neural"]
    assert configure(neural, next(iter(neural.PRESETS)), {}) == configure(neural, None, {})


def test_settings_stand_over_the_presets() -> None:
    config: Any = configure(MODELS["neural"], "adam", {"learning_rate": 0.5})
    assert (config.optimizer, config.learning_rate) == ("adam", 0.5)


def test_text_of_the_command_line_becomes_numbers() -> None:
    config: Any = configure(MODELS["neural"], None, {"dim": "20", "learning_rate": "1e-3"})
    assert (config.dim, config.learning_rate) == (20, 0.001)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1}, "model neural has no setting 'learning_rat'; did you mean 'learning_rate'?"),
        ({"qqq": 1}, "model neural has no setting 'qqq'; its settings: epochs, patience, average, batch_size, "),
        ({"": 1}, "model neural has no setting ''; its settings: "),
        ({"dim": 0}, "setting dim of model neural is 0: Input should be greater than or equal to 1"),
        ({"dim": 2.5}, "setting dim of model neural is 2.5: Input should be a valid integer"),
        ({"dim": None}, "setting dim of model neural is None: "),
        ({"momentum": 1}, "setting momentum of model neural is 1: Input should be less than 1"),
        ({"learning_rate": float("inf")}, "setting learning_rate of model neural is inf: "),
        ({"optimizer": "lion"}, "setting optimizer of model neural is 'lion': Input should be 'sgd' or 'adam'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        configure(MODELS["neural"], None, settings)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_model_without_settings_says_none() -> None:
    with pytest.raises(OptionError, match="model popularity has no setting 'dim'; its settings: days"):
        configure(MODELS["popularity"], None, {"dim": 3})
    with pytest.raises(OptionError, match="model popularity has no preset 'sgd'; its presets: none"):
        configure(MODELS["popularity"], "sgd", {})


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_has_a_type_and_a_meaning(name: str) -> None:
    for setting in settings_of(MODELS[name]):
        assert setting.meaning.endswith(".")
        assert setting.bounds
        assert configure(MODELS[name], None, {setting.name: setting.default}) == MODELS[name].Config()


def test_a_setting_as_it_is_shown() -> None:
    class Toys(BaseConfig):
        share: float = Field(0.5, ge=0, lt=1, description="A share.")
        way: Literal["up", "down"] = Field("up", description="Where to.")
        most: int | None = Field(None, ge=1, description="At most.")
        steps: tuple[float, ...] = Field((), description="In turn.")

    class Toy(Popularity):
        Config = Toys

    assert settings_of(Toy) == [
        Setting("share", 0.5, "number ≥ 0 and < 1", "A share."),
        Setting("way", "up", "up or down", "Where to."),
        Setting("most", None, "integer ≥ 1", "At most."),
        Setting("steps", (), "numbers, separated by commas", "In turn."),
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "not set"), ((), "not set"), ((60.0, 5.0), "60.0,5.0"), (True, "true"), ({"als": {}, "mf": {}}, "als,mf")],
)
def test_a_default_as_it_is_written_after_set(value: object, written: str) -> None:
    assert Setting("name", value, "", "").written == written


def test_lengths_of_sessions_are_written_with_commas() -> None:
    bayes = MODELS["bayes"]
    config = configure(bayes, None, {"sessions": "3600, 60"})
    assert config == configure(bayes, None, {"sessions": (3600, 60)})
