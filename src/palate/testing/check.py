"""Check a model class: train it on small made tables, and hold the trained model to every check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from palate.data.interactions import Interactions
from palate.data.split import TEST, TRAIN, Split
from palate.models import check_class, find, name_of
from palate.models.contract import Model
from palate.testing.checks import CHECKS, ContractError, expect
from palate.testing.tables import checkerboard, checkerboard_of_events, without_events_of_the_last
from palate.training.trainer import learn

TEST_SHARE = 0.1


def check_model(model: type[Model] | str, settings: Mapping[str, Any] | None = None) -> list[str]:
    """Check that a model class keeps the contract of `palate.models.contract`, on tables with and without ratings.

    It is trained a few times on tables of 40 users and 20 items, with its defaults, over them the settings in
    `Model.SMALL`, over them the given settings. A table without ratings is left out for a model with NEEDS_RATINGS.

    Args:
        model: the class, or its name as package.module:Class.
        settings: settings that learn a small table quickly.

    Returns:
        The rules that hold, a line each.

    Raises:
        ContractError: an AssertionError that names the first rule that is broken.
        OptionError: there is no such model, or it lacks a method.
    """
    cls = find(model) if isinstance(model, str) else check_class(name_of(model), model)
    tables = {"a table with ratings": without_events_of_the_last(checkerboard(timed=True))}
    if not cls.NEEDS_RATINGS:
        tables["a table without ratings"] = without_events_of_the_last(checkerboard_of_events())
    checked: list[str] = []
    for place, table in tables.items():
        case = Case(cls, {**cls.SMALL, **(settings or {})}, table, f"{name_of(cls)} on {place}")
        trained = case.run(train_is_all_that_is_learned_from, case)
        with torch.no_grad():
            for check in CHECKS:
                case.run(check, trained, table)
        rules: tuple[Callable[..., Any], ...] = (train_is_all_that_is_learned_from, *CHECKS)
        checked += [f"{place}: {_rule(rule)}" for rule in rules]
    return checked


@dataclass(frozen=True)
class Case:
    """A model class, its settings, and the table that it is checked on."""

    cls: type[Model]
    settings: Mapping[str, Any]
    table: Interactions
    name: str

    def run(self, check: Callable[..., Any], *arguments: Any) -> Any:
        """Run a check, and turn whatever it raises into a ContractError with the name of the case."""
        try:
            return check(*arguments)
        except ContractError as broken:
            raise ContractError(f"{self.name}: {broken}") from broken
        except Exception as error:
            raise ContractError(
                f"{self.name}: {type(error).__name__}: {error} (where it must hold that {_rule(check)})"
            ) from error

    def train(self, split: Split, seed: int = 3) -> Model:
        """Train a new model on the training part of a split."""
        model = self.cls(self.cls.Config(**self.settings).suited(self.table), self.table.n_users, self.table.n_items)
        expect(len(model.state_dict()) > 0, "the model has neither a parameter nor a buffer to keep what it learns in")
        learn(model, split, seed=seed)
        return model


def train_is_all_that_is_learned_from(case: Case) -> Model:
    """Check that training depends on the training part, the settings and the seed alone, and changes no event."""
    part = np.where(np.random.default_rng(0).random(len(case.table)) < TEST_SHARE, TEST, TRAIN).astype(np.uint8)
    split, train = Split(case.table, part), case.table.where(part == TRAIN)
    model = case.train(split)
    for column in ("users", "items", "ratings", "times"):
        values, before = getattr(split.train, column), getattr(train, column)
        expect(values is before is None or np.array_equal(values, before), f"training changes the {column} of events")
    again = case.train(Split(train, np.full(len(train), TRAIN, dtype=np.uint8))).state_dict()
    for name, value in model.state_dict().items():
        expect(
            name in again and torch.equal(value, again[name]),
            f"{name} differs after a second training with the same seed on the same training part: draw random numbers "
            "from the generator that start and solve are given, or from torch's own in loss",
        )
    return model


def _rule(check: Callable[..., Any]) -> str:
    """Return what a check holds the model to."""
    return (check.__doc__ or "").strip().splitlines()[0].removeprefix("Check that ").rstrip(".")
