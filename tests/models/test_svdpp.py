"""SVDpp against a transcription of its docstring, a rating at a time."""

from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.batches import RatingBatch, seeded
from palate.data.interactions import Interactions
from palate.evaluation.evaluate import predict
from palate.evaluation.rating_metrics import rmse
from palate.inference import queries
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import UNSEEN, LearnedModel, Query
from palate.models.svdpp.graph import Graph
from palate.models.svdpp.model import PEOPLE_FOLDED, SVDpp, SVDppConfig, biases
from palate.training.checkpoint import Checkpoint
from palate.training.fit import fit
from tests import tables
from tests.training.test_checkpoint import StopAfter, Stopped, assert_equal

TABLE = tables.random_table(12, 9, 0.5)
TINY: dict[str, Any] = {
    "dim": 3,
    "l2": 0.7,
    "whole_l2": 0.2,
    "bias_l2": 0.4,
    "rated_l2": 2.0,
    "met_l2": 12.0,
}
CPU = torch.device("cpu")

Numbers = NDArray[np.float64]


def drawn(train: Interactions = TABLE, **settings: Any) -> SVDpp:
    """A model in training, with weights by chance, large enough for everything in it to matter."""
    model = SVDpp(SVDppConfig.model_validate({**TINY, **settings}), train.n_users, train.n_items).train()
    model.start(train, seeded(CPU, 0))
    model.batches(train)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5, generator=torch.Generator().manual_seed(parameter.numel()))
    return model


def trained(train: Interactions, **settings: Any) -> SVDpp:
    model = SVDpp(SVDppConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def batch_of(train: Interactions, *events: int) -> RatingBatch:
    assert train.ratings is not None
    rows = np.stack([train.users, train.items + train.n_users], axis=1)[list(events)].astype(np.int64)
    return RatingBatch(torch.from_numpy(rows), torch.from_numpy(train.ratings[list(events)]))


# A rating at a time, in double precision


class Transcribed:
    """The model of TABLE, of its three tables (n_users + n_items, dim + 1)."""

    def __init__(self, own: Numbers, rated: Numbers, met: Numbers) -> None:
        self.own, self.rated, self.met = own, rated, met
        assert TABLE.ratings is not None
        self.ratings = TABLE.ratings.astype(np.float64)
        self.mean, self.spread = self.ratings.mean(), self.ratings.std()
        self.expected = biases(TABLE).astype(np.float64)
        self.low, self.width = 1 - 0.5, 4 + 1.0  # an eighth of the scale of 1 to 5 on each side
        self.events = list(zip(TABLE.users.tolist(), (TABLE.items + TABLE.n_users).tolist(), strict=True))

    def side(self, row: int, without: int | None = None) -> Numbers:
        """The vector and bias of a row, from its ratings but that one."""
        total, n = np.zeros(4), 0
        for event, (user, item) in enumerate(self.events):
            if row in (user, item) and event != without:
                residual = (self.ratings[event] - self.expected[user] - self.expected[item]) / self.spread
                other = item if row == user else user
                total += residual * self.rated[other] + self.met[other]
                n += 1
        return np.asarray(self.own[row] + total / sqrt(n + 3))

    def rating(self, user: int, item: int, without: int | None = None) -> float:
        p, q = self.side(user, without), self.side(item, without)
        share = (self.mean - self.low) / self.width
        logit = log(share / (1 - share)) + p[3] + q[3] + sum(a * b for a, b in zip(p[:3], q[:3], strict=True))
        return float(self.low + self.width / (1 + exp(-logit)))

    def loss(self, *events: int) -> float:
        errors = [(self.rating(*self.events[e], without=e) - self.ratings[e]) ** 2 for e in events]
        squares = [(self.side(row, without=e)[:3] ** 2).sum() for e in events for row in self.events[e]]
        total = 2.0 * (self.rated**2).sum() + 12.0 * (self.met**2).sum() + 0.4 * (self.own[:, 3] ** 2).sum()
        total += 0.7 * (self.own[:, :3] ** 2).sum()
        whole = 0.2 * sum(squares) / len(events)
        return float(np.mean(errors) + self.spread**2 * (whole + total / len(self.ratings)))


def transcribed(model: SVDpp) -> Transcribed:
    return Transcribed(*(table.detach().double().numpy() for table in (model.own, model.rated, model.met)))


def test_the_loss_is_that_of_the_docstring() -> None:
    model = drawn()
    events = (0, 3, 3, 20, len(TABLE) - 1)
    expected = transcribed(model).loss(*events)
    assert float(model.loss(batch_of(TABLE, *events)).detach()) == pytest.approx(expected, rel=1e-5)
    assert float(model.backward(batch_of(TABLE, *events))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["own", "rated", "met"])
def test_gradients_are_the_slopes_of_that_loss(name: str) -> None:
    model, events = drawn(), (0, 3, 20, 21, len(TABLE) - 1)
    model.backward(batch_of(TABLE, *events))
    draw = np.random.default_rng(0)
    for _ in range(3):
        direction = draw.normal(size=model.own.shape)
        ends = []
        for step in (1e-5, -1e-5):
            moved = transcribed(model)
            setattr(moved, name, getattr(moved, name) + step * direction)
            ends.append(moved.loss(*events))
        gradient = getattr(model, name).grad.double().numpy()
        assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-4)


def test_the_compiled_step_is_automatic_differentiation() -> None:
    model, batch = drawn(dim=5), batch_of(TABLE, *range(0, len(TABLE), 2))
    found = []
    for backward in (model.backward, lambda batch: LearnedModel.backward(model, batch)):
        loss = backward(batch)
        found.append([loss, *(parameter.grad for parameter in model.parameters())])
        for parameter in model.parameters():
            parameter.grad = None
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_rating_is_not_told_itself_when_it_is_learned_from() -> None:
    """Nothing of what training predicts for it changes with it; what it says of others does."""
    model = drawn()
    assert TABLE.ratings is not None
    same_user = int(TABLE.offsets[1]) - 2
    event, other = same_user + 1, same_user  # the last two of user 0
    users, items, ratings, expected = (
        torch.from_numpy(column) for column in (TABLE.users, TABLE.items, TABLE.ratings, biases(TABLE))
    )
    sides = []
    for rating in (1.0, 5.0):
        told = ratings.clone()
        told[event] = rating
        model.graph = Graph.of(users, items + TABLE.n_users, told, expected, model.span[3])
        batch = replace(batch_of(TABLE, event, other), ratings=told[[event, other]])
        sides.append(model._sides(batch).detach())  # (2, 2, dim + 1)
    torch.testing.assert_close(sides[0][0], sides[1][0])
    assert float((sides[0][1, 0] - sides[1][1, 0]).abs().min()) > 0.01


def test_predictions_are_those_of_the_docstring() -> None:
    model = drawn().eval()
    right = transcribed(model)
    query = queries.of_users(TABLE, np.arange(TABLE.n_users), model)
    scores = model.score(query)
    for user in range(TABLE.n_users):
        for item in range(TABLE.n_items):
            assert float(scores[user, item]) == pytest.approx(right.rating(user, TABLE.n_users + item), abs=1e-4)


# What it makes of data


def planted(seed: int) -> tuple[Interactions, Interactions]:
    """People and items of two tastes each way, and what is held out of it."""
    draw = np.random.default_rng(seed)
    left, right = draw.normal(size=(300, 2)), draw.normal(size=(120, 2))
    users, items = (draw.random((300, 120)) < 0.35).nonzero()
    ratings = (3 + (left[users] * right[items]).sum(1) * 0.5 + draw.normal(scale=0.3, size=len(users))).clip(1, 5)
    table = tables.table(users.tolist(), items.tolist(), ratings.tolist())
    held_out = draw.random(len(table)) < 0.2
    return table.where(~held_out), table.where(held_out)


def bias_of(train: Interactions) -> Bias:
    model = Bias(BiasConfig.model_validate({}), train.n_users, train.n_items)
    fit(model, train)
    return model


def test_it_finds_what_was_planted() -> None:
    train, test = planted(0)
    assert test.ratings is not None
    error, of_bias = (rmse(predict(model, train, test), test.ratings) for model in (trained(train), bias_of(train)))
    assert error < 0.6 * of_bias
    assert error < 0.42  # the noise alone is 0.3


def test_a_few_ratings_of_someone_new_tell_more_than_biases() -> None:
    train, test = planted(1)
    others = train.where(train.users >= 100)
    models = (trained(others), bias_of(others))
    asked = test.where(test.users < 100)
    assert train.ratings is not None
    assert asked.ratings is not None
    for n in (0, 1, 3, 10):
        first = train.offsets[:100, None] + np.arange(n)  # (100, n)
        histories, ratings = (torch.from_numpy(column[first]) for column in (train.items, train.ratings))
        query = Query(torch.full((100,), UNSEEN), histories.long(), ratings)
        pairs = torch.from_numpy(asked.users).long(), torch.from_numpy(asked.items).long()
        errors = [rmse(model.predict(query, *pairs).numpy(), asked.ratings) for model in models]
        assert errors[0] < (1.01 if n < 3 else 0.95 if n == 3 else 0.75) * errors[1], n


def test_someone_new_is_who_explains_their_ratings_best_and_is_likely() -> None:
    """No small change of their vector makes squared errors and the distance from the prior's mean less."""
    train, _ = planted(2)
    model = trained(train, dim=4, epochs=6)
    items, ratings = torch.tensor([[3, 50, 7, 80]]), torch.tensor([[5.0, 1.0, 2.0, 4.0]])
    found = model._people(Query(torch.tensor([UNSEEN]), items, ratings))[0].detach()

    def objective(person: torch.Tensor) -> torch.Tensor:
        logits = model.items[items[0], :-1] @ person[:-1] + person[-1] + model.items[items[0], -1]
        away = person - model.prior_mean
        return (model._rating(logits) - ratings[0]).square().sum() + away @ model.prior_precision @ away

    slope = torch.autograd.functional.jacobian(objective, found)
    at_first = torch.autograd.functional.jacobian(objective, model.prior_mean)
    assert slope.norm() < 0.01 * at_first.norm()


def test_many_people_never_seen_are_answered_as_each_alone() -> None:
    train, _ = planted(2)
    model = trained(train, dim=4, epochs=1)
    draw = np.random.default_rng(0)
    items = torch.from_numpy(draw.permuted(np.tile(np.arange(120), (PEOPLE_FOLDED + 3, 1)), axis=1)[:, :5])
    ratings = torch.from_numpy(draw.integers(1, 6, items.shape).astype(np.float32))
    query = Query(torch.full((len(items),), UNSEEN), items, ratings)
    for row in (0, PEOPLE_FOLDED - 1, PEOPLE_FOLDED, PEOPLE_FOLDED + 2):
        alone = Query(query.users[:1], items[row : row + 1], ratings[row : row + 1])
        torch.testing.assert_close(model.score(query)[row], model.score(alone)[0], atol=1e-4, rtol=1e-4)


def test_the_scale_of_ratings_does_not_matter() -> None:
    train, test = planted(3)
    assert train.ratings is not None
    stretched = replace(train, ratings=20 * train.ratings - 7)
    settings = {"epochs": 2, "dim": 4, "steps": 10}
    plain, wide = (predict(trained(table, **settings), table, test) for table in (train, stretched))
    np.testing.assert_allclose(wide, 20 * plain - 7, atol=0.2)


def test_who_and_what_has_no_ratings_is_average() -> None:
    train, _ = planted(4)
    train = train.where((train.users != 7) & (train.items != 3))
    model = trained(train, epochs=2, dim=4)
    assert torch.equal(model.users[7], model.prior_mean)
    assert not model.items[3].any()
    assert model.items[[2, 4]].any(1).all()


def test_ratings_all_alike_are_predicted() -> None:
    train = tables.table([0, 0, 1, 2], [0, 1, 1, 0], [4.0] * 4)
    model = trained(train, epochs=2)
    np.testing.assert_allclose(predict(model, train, train), 4.0, atol=0.3)


def test_steps_are_no_more_than_asked_for_and_no_smaller() -> None:
    train, _ = planted(5)
    for settings, size in (({"steps": 7, "batch_size": 10}, -(-len(train) // 7)), ({"steps": 9999}, 16)):
        model = SVDpp(SVDppConfig.model_validate(settings), train.n_users, train.n_items)
        batches = model.batches(train)
        assert len(batches) == -(-len(train) // size)
        assert len(next(batches.epoch(seeded(CPU, 0)))) == size


@pytest.mark.usefixtures("threads_as_before")
def test_the_number_of_threads_changes_no_bit() -> None:
    """Of tables so large that torch shares them out."""
    draw = np.random.default_rng(0)
    users, items = draw.integers(0, 1500, 20_000), draw.integers(0, 900, 20_000)
    pairs = np.unique(users * 1000 + items)
    train = tables.table(*((pairs // 1000).tolist(), (pairs % 1000).tolist()), draw.integers(1, 6, len(pairs)).tolist())
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        model, batch = drawn(train, dim=40), batch_of(train, *range(1000))
        for _ in range(2):
            loss = model.backward(batch)
            with torch.no_grad():
                for parameter in model.parameters():
                    assert parameter.grad is not None
                    parameter.sub_(parameter.grad)
        found.append([loss, *model.eval().state_dict().values()])
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


def test_a_run_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    train = tables.random_table()

    def fresh() -> SVDpp:
        config = SVDppConfig.model_validate({"epochs": 3, "dim": 4})
        return SVDpp(config, train.n_users, train.n_items)

    whole = fresh()
    fit(whole, train)
    checkpoint = Checkpoint(tmp_path / "run", {}, every=0)
    with pytest.raises(Stopped):
        fit(fresh(), train, checkpoint=checkpoint, observers=[StopAfter(25)])
    resumed = fresh()
    fit(resumed, train, checkpoint=checkpoint, resume=True)
    assert_equal(resumed, whole)
