"""`palate.testing.check_model`: what keeps the contract passes, and each rule that is broken has its own message."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from palate.data.interactions import Interactions
from palate.errors import OptionError
from palate.models.contract import UNSEEN, BaseConfig, Model, Query, SolvedModel
from palate.testing import ContractError, check_model
from palate.testing.check import train_is_all_that_is_learned_from
from palate.testing.checks import CHECKS
from tests.models.bpr import Bpr


class Counts(SolvedModel):
    """score(u, i) = how many events item i has; with predictions, spreads and vectors that mean nothing."""

    LOOKS_BACK: ClassVar[bool] = False

    counts: Tensor  # (n_items,)

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("counts", torch.zeros(n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        self.counts.copy_(torch.from_numpy(train.item_counts))

    def score(self, query: Query) -> Tensor:
        return self.counts.repeat(len(query), 1)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self.counts[items]

    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        return self.counts[items]

    def spread(self, query: Query, people: Tensor, items: Tensor, times: Tensor | None = None) -> Tensor:
        return self.counts[items] + 1

    def user_vectors(self) -> Tensor:
        return torch.ones(self.n_users, 2)

    def item_vectors(self) -> Tensor:
        return torch.ones(self.n_items, 2)


def changed(**methods: Any) -> type[Model]:
    """A model that is as Counts but for these."""
    return type("Changed", (Counts,), {"__module__": __name__, **methods})


def test_a_model_that_keeps_the_contract_passes() -> None:
    rules = check_model(Counts)
    assert len(rules) == 2 * (1 + len(CHECKS))
    assert "a table with ratings: PADDING before a history changes no score" in rules
    assert "a table without ratings: PADDING before a history changes no score" in rules


def test_a_learned_model_by_its_class_or_its_name_with_settings() -> None:
    quick = {"epochs": 1}
    assert check_model(Bpr, quick) == check_model("tests.models.bpr:Bpr", quick)


def test_every_check_says_what_must_hold() -> None:
    for check in (train_is_all_that_is_learned_from, *CHECKS):
        assert (check.__doc__ or "").startswith("Check that ")


class Forgetful(Counts):
    """Keeps what it learns in a plain attribute."""

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        self.learned = torch.from_numpy(train.item_counts.astype(np.float32))

    def score(self, query: Query) -> Tensor:
        learned: Tensor = getattr(self, "learned", self.counts)
        return learned.repeat(len(query), 1)


class Unsaved(Counts):
    """Registers a buffer that is not saved."""

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("ones", torch.ones(n_items), persistent=False)

    def score(self, query: Query) -> Tensor:
        return (self.counts + self.get_buffer("ones")).repeat(len(query), 1)


class Stateless(SolvedModel):
    """Has nothing to learn."""

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        pass

    def score(self, query: Query) -> Tensor:
        return torch.zeros(len(query), self.n_items)


class WithGradients(Counts):
    """Has parameters, vectors with gradients among them, which is allowed."""

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.vectors = nn.Parameter(torch.ones(n_items, 2))

    def item_vectors(self) -> Tensor:
        return self.vectors


def test_vectors_may_carry_gradients() -> None:
    assert check_model(WithGradients)


def only_known(model: Counts, query: Query) -> Tensor:
    return torch.where(query.users.unsqueeze(1) == UNSEEN, torch.nan, model.counts)


def by_history(model: Counts, query: Query) -> Tensor:
    return model.counts * (1 + (query.histories == 1).sum(1, keepdim=True))


def of_the_batch(model: Counts, query: Query) -> Tensor:
    return model.counts * (1 + query.users.abs().sum()) + torch.zeros(len(query), 1)


def with_padding(model: Counts, query: Query) -> Tensor:
    new = (query.users == UNSEEN).unsqueeze(1)
    return model.counts + new * query.histories.shape[1] * (query.histories >= 0).any(1, keepdim=True)


def mean_of_no_events(model: Counts, query: Query) -> Tensor:
    count = (query.histories >= 0).sum(1, keepdim=True)
    new = (query.users == UNSEEN).unsqueeze(1)
    return model.counts * torch.where(new, count / count, 1.0)


def draws(model: Counts, train: Interactions, generator: torch.Generator) -> None:
    model.counts.normal_()


def shuffles(model: Counts, train: Interactions, generator: torch.Generator) -> None:
    train.items[:] = train.items[::-1].copy()


def takes_ratings(model: Counts, train: Interactions, generator: torch.Generator) -> None:
    model.counts.fill_(float(train.ratings.mean()))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            changed(score=lambda model, query: model.counts),
            r"score has the shape \(20,\), not \(B, n_items\) = \(6, 20\)",
        ),
        (changed(score=only_known), "score is not finite for every user and item"),
        (changed(score=mean_of_no_events), "score is not finite for"),
        (changed(score=of_the_batch), "a batch has other scores than its users one by one, by up to"),
        (changed(score=with_padding), "more PADDING before the histories changes scores, by up to 3"),
        (changed(score=by_history), "LOOKS_BACK is False, so that they come without one: set LOOKS_BACK = True"),
        (changed(predict=lambda *asked: torch.ones(7, 1)), r"predict fails for no pairs at all"),
        (changed(predict=lambda model, query, people, items: items / 0), "predict is not finite for every pair"),
        (changed(predict_at=lambda *asked: torch.ones(2)), r"predict_at has the shape \(2,\), not \(N,\) = \(7,\)"),
        (changed(spread=lambda model, query, people, items: 0.0 * items), "spread is not above 0 for every pair"),
        (changed(user_vectors=lambda model: torch.ones(3, 2)), r"vectors have the shapes \(\(3, 2\), \(20, 2\)\), not"),
        (Stateless, "the model has neither a parameter nor a buffer"),
        (Forgetful, "a copy with the same state_dict has other scores: keep what is learned in parameters and buffers"),
        (Unsaved, "where it must hold that the model has the same scores after it is saved and opened"),
        (changed(solve=draws), "counts differs after a second training with the same seed"),
        (changed(solve=shuffles), "training changes the items of events"),
        (
            changed(solve=takes_ratings),
            "on a table without ratings: AttributeError: 'NoneType' object has no attribute",
        ),
    ],
)
def test_a_rule_that_is_broken(model: type[Model], message: str) -> None:
    with pytest.raises(ContractError, match=message) as broken:
        check_model(model)
    assert str(broken.value).startswith("tests.test_testing:")
    assert isinstance(broken.value, AssertionError)


def test_a_model_that_needs_ratings_is_not_asked_without() -> None:
    assert len(check_model(changed(solve=takes_ratings, NEEDS_RATINGS=True))) == 1 + len(CHECKS)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no_such:Model", "can't be imported"),
        ("pathlib:Path", "is not a model"),
        (Model, "lacks score"),
    ],
)
def test_what_is_no_model(model: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_model(model)


def test_a_setting_that_is_none() -> None:
    with pytest.raises(ContractError, match="ValidationError"):
        check_model(Bpr, {"no_such_setting": 1})
