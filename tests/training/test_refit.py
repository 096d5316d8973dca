"""Training again on training and validation part is training on both from the start, for the chosen epochs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import palate
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.errors import OptionError
from palate.models import MODELS
from palate.models.blend import Blend
from palate.models.contract import LearnedModel, Model
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Record, fit
from palate.training.trainer import TrainingRecord, learn, refit
from tests import tables, trained

SETTINGS: dict[str, dict[str, Any]] = {
    "neural": {"hidden": 8, "dim": 3, "batch_size": 64, "epochs": 9, "average": 3, "patience": 2},
    "sasrec": {"dim": 4, "batch_size": 8, "epochs": 5, "average": 2},
    "mf": {"dim": 2},
    "rating-blend": {"members": {"mf": {"dim": 2}, "neural": {"hidden": 8, "dim": 3, "batch_size": 64, "epochs": 4}}},
    "list-blend": {"members": {"ease": {}, "popularity": {}}},
}


@pytest.fixture(scope="module")
def split() -> Split:
    return splits.random(tables.random_table(40, 25, 0.4), test=0.2, validation=0.25, seed=1)


def build(name: str, table: Interactions, **settings: Any) -> Model:
    cls = MODELS[name]
    config = cls.Config.model_validate({**SETTINGS.get(name, {}), **settings})
    return cls(config, table.n_users, table.n_items)


def same(model: Model, other: Model) -> None:
    expected = other.state_dict()
    assert model.state_dict().keys() == expected.keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


class Closing:
    """An observer that keeps the weights that each epoch ends with."""

    def __init__(self, model: Model) -> None:
        self.model, self.weights = model, list[dict[str, Tensor]]()

    def started(self, epochs: int, events: int, epoch: int) -> None: ...
    def stepped(self, events: int) -> None: ...
    def measured(self, record: Record) -> None:
        self.weights.append({name: value.clone() for name, value in self.model.state_dict().items()})


@pytest.mark.parametrize("name", ["neural", "sasrec"])
def test_a_learned_model_is_the_mean_of_the_closing_weights_up_to_the_chosen_epoch(name: str, split: Split) -> None:
    model = build(name, split.table)
    learned = learn(model, split, seed=4)
    last = {"neural": "validation_loss", "sasrec": "validation_ndcg@10"}[name]
    values = [record[last] for record in learned.history]
    assert learned.epoch == 1 + values.index(min(values) if name == "neural" else max(values))
    again = refit(model, split, learned, seed=4)

    plain = build(name, split.table)
    assert isinstance(plain, LearnedModel)
    closing = Closing(plain)
    fit(plain, split.before_test, seed=4, observers=[closing])
    kept = closing.weights[: learned.epoch][-plain.config.average :]
    plain.load_state_dict({key: torch.stack([weights[key] for weights in kept]).mean(0) for key in kept[0]})
    plain.finish(split.before_test)
    same(again, plain)


def test_the_chosen_epoch_is_not_just_the_last(split: Split) -> None:
    learned = learn(build("neural", split.table, learning_rate=0.5), split)
    assert 0 < learned.epoch < len(learned.history)


def test_a_solved_model_is_that_of_both_parts(split: Split) -> None:
    model, plain = build("mf", split.table), build("mf", split.table)
    learned = learn(model, split)
    assert learned == TrainingRecord([])
    fit(plain, split.before_test)
    same(refit(model, split, learned), plain)


@pytest.mark.parametrize("name", ["rating-blend", "list-blend"])
def test_a_blend_keeps_its_weights_and_its_members_are_trained_again(name: str, split: Split) -> None:
    blend = build(name, split.table)
    learned = learn(blend, split, seed=2)
    again = refit(blend, split, learned, seed=2)
    assert isinstance(blend, Blend)
    assert isinstance(again, Blend)
    assert torch.equal(again.weights, blend.weights)
    for part, new, found in zip(blend.parts, again.parts, learned.members, strict=True):
        same(new, refit(part, split, found, seed=2))
        assert any(not torch.equal(value, part.state_dict()[key]) for key, value in new.state_dict().items())


def test_someone_of_the_validation_part_alone_is_no_newcomer_any_more() -> None:
    table = tables.random_table(12, 9, 0.7)
    part = np.where(table.users == 3, splits.VALIDATION, splits.TRAIN).astype(np.uint8)
    part[table.users == 5] = splits.TEST
    split = Split(table, part)
    assert np.flatnonzero(split.newcomers).tolist() == [3, 5]
    assert np.flatnonzero(replace(split, refitted=True).newcomers).tolist() == [5]


# From palate.train on.


def test_what_is_recorded_and_that_it_opens_again(tmp_path: Path) -> None:
    result = trained.train(output=tmp_path / "m.palate", seed=3)
    opened = palate.load(tmp_path / "m.palate")
    for recommender in (result.recommender, opened):
        assert recommender.training.refitted
        assert recommender.split.refitted
    assert opened.evaluate() == result.metrics
    plain = trained.train(seed=3, refit=False)
    assert not plain.recommender.training.refitted
    assert [r["train_loss"] for r in plain.history] == [r["train_loss"] for r in result.history]
    assert plain.recommender.training.half_widths == result.recommender.training.half_widths
    assert plain.metrics != result.metrics


def test_without_validation_there_is_nothing_to_train_again_on() -> None:
    assert not trained.train("mf", validation=0).recommender.training.refitted


class Stop:
    """An observer that stops a run as a kill would, so many batches into its refit."""

    def __init__(self, after: int) -> None:
        self.left, self.starts = after, 0

    def started(self, epochs: int, events: int, epoch: int) -> None:
        self.starts += 1

    def measured(self, record: Record) -> None: ...
    def stepped(self, events: int) -> None:
        self.left -= self.starts == 2
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("first_is_saved", [True, False])
def test_stopped_during_the_refit_it_goes_on_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_is_saved: bool
) -> None:
    def due(self: Checkpoint) -> bool:
        return first_is_saved or "refit" in self.path.name

    monkeypatch.setattr(Checkpoint, "due", due)
    whole = tmp_path / "whole.palate"
    trained.train(output=whole, settings={"average": 2})
    path = tmp_path / "m.palate"
    with pytest.raises(KeyboardInterrupt):
        trained.train(output=path, settings={"average": 2}, observers=[Stop(after=8)])
    there = {f"m.palate{ending}" for ending in [".refit.checkpoint", ".checkpoint"][: 1 + first_is_saved]}
    assert {each.name for each in tmp_path.iterdir()} == {"whole.palate", *there}
    with pytest.raises(OptionError, match="is of a run that was stopped: add resume=True"):
        trained.train(output=path, settings={"average": 2})

    heard: list[int] = []

    class Heard(Stop):
        def started(self, epochs: int, events: int, epoch: int) -> None:
            heard.append(epoch)

    trained.train(output=path, settings={"average": 2}, resume=True, observers=[Heard(-1)])
    assert heard[1] == 1, "eight batches are an epoch of the refit, and part of the next"
    assert {each.name for each in tmp_path.iterdir()} == {"whole.palate", "m.palate"}
    for file in path.iterdir():
        assert file.read_bytes() == (whole / file.name).read_bytes()
