"""The neural model: it is the course's, batch for batch; and a newcomer gets the vector that explains them best."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from palate import queries
from palate.data.batches import RatingBatch, seeded
from palate.data.interactions import Interactions
from palate.models.bias import Bias
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.neural import NeuralRating
from palate.training.fit import fit
from palate.training.optimizers import Optimizer
from tests import course_transcription as course
from tests import tables

CPU = torch.device("cpu")


def preset(name: str, train: Interactions, **settings: object) -> NeuralRating:
    config = NeuralRating.Config.model_validate({**NeuralRating.PRESETS[name], **settings})
    return NeuralRating(config, train.n_users, train.n_items)  # type: ignore[arg-type]


# The course


def transcribed(model: NeuralRating) -> course.Course:
    """The course's model with our present weights."""
    first, output, constant = model.network.parts(model.network.flat.detach())
    same = course.Course(model.n_users, model.n_items, model.config.dim, model.config.hidden)
    with torch.no_grad():
        same.user_embedding.weight.copy_(model.user_vectors())
        same.item_embedding.weight.copy_(model.item_vectors())
        same.hidden.weight.copy_(first[:-1].T)
        same.hidden.bias.copy_(first[-1])
        same.output.weight.copy_(output.unsqueeze(0))
        same.output.bias.copy_(constant)
    return same


def compare_with_the_course(name: str, train: Interactions, epochs: int) -> None:
    model = preset(name, train)
    model.start(train, seeded(CPU, 0))
    optimizer = Optimizer(model)
    batches: list[RatingBatch] = []
    for epoch in range(epochs):
        batches += model.batches(train).epoch(seeded(CPU, 0, epoch))
    same = transcribed(model)
    dense = {"sgd": course.sgd, "adam": course.adam}[name](same)

    model.train()
    losses = []
    for batch in batches:
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    optimizer.settle()
    optimizer.release()

    theirs = ((batch.rows[:, 0], batch.rows[:, 1] - train.n_users, batch.ratings) for batch in batches)
    expected = course.train(same, dense, theirs, float(model.mean))
    assert len(losses) == epochs * -(-len(train) // 512)
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    np.testing.assert_allclose(model.user_vectors(), same.user_embedding.weight.detach(), atol=1e-3)
    np.testing.assert_allclose(model.item_vectors(), same.item_embedding.weight.detach(), atol=1e-3)
    users, items = torch.arange(50) % train.n_users, torch.arange(50) % train.n_items
    query = queries.of_users(train, np.arange(train.n_users), model.eval())
    with torch.no_grad():
        np.testing.assert_allclose(
            model.predict(query, users, items), same(users, items) + model.mean, atol=1e-3
        )


@pytest.mark.parametrize("name", NeuralRating.PRESETS)
def test_it_is_the_course_s_model_on_a_small_table(name: str) -> None:
    compare_with_the_course(name, tables.random_table(300, 200, 0.1), epochs=3)


@pytest.mark.parametrize("name", NeuralRating.PRESETS)
def test_it_is_the_course_s_model_on_movielens(name: str, movielens: Interactions) -> None:
    compare_with_the_course(name, movielens, epochs=1)


@pytest.fixture(scope="module")
def movielens() -> Interactions:
    """MovieLens 100K, read here with nothing of ours."""
    path = tables.data_folder("ml-100k") / "u.data"
    frame = pl.read_csv(path, separator="\t", has_header=False, new_columns=["user", "item", "rating", "time"])
    table = tables.table(*(frame[name].to_list() for name in ("user", "item", "rating")))
    assert (len(table), table.n_users, table.n_items) == (100_000, 943, 1682)
    return table


def test_the_presets_are_the_course_s() -> None:
    assert list(NeuralRating.PRESETS) == ["sgd", "adam"]
    sgd, adam = (NeuralRating.Config.model_validate(NeuralRating.PRESETS[name]) for name in ("sgd", "adam"))
    for config in (sgd, adam):
        assert isinstance(config, NeuralRating.__annotations__["config"])
        assert (config.dim, config.hidden, config.batch_size) == (10, 1024, 512)
    assert (sgd.optimizer, sgd.learning_rate, sgd.momentum, sgd.init_std) == ("sgd", 0.08, 0.9, 0.01)
    assert (adam.optimizer, adam.learning_rate, adam.init_std) == ("adam", 1e-3, 1.0)


@pytest.mark.parametrize("name", NeuralRating.PRESETS)
def test_first_weights_are_the_course_s(name: str) -> None:
    train = tables.random_table(500, 300)
    model = preset(name, train)
    model.start(train, seeded(CPU, 0))
    assert float(model.vectors.weight.std()) == pytest.approx(model.config.init_std, rel=0.05)
    assert float(model.vectors.weight.mean()) == pytest.approx(0, abs=0.05 * model.config.init_std)
    assert float(model.mean) == pytest.approx(float(np.mean(train.ratings)), abs=1e-6)
    first, output, _ = model.network.parts(model.network.flat.detach())
    assert float(first.abs().max()) == pytest.approx(20**-0.5, rel=0.01)
    assert float(output.abs().max()) == pytest.approx(1024**-0.5, rel=0.01)


# People never seen

Trained = tuple[NeuralRating, Interactions]


@pytest.fixture(scope="module", params=["sgd", "adam"])
def trained(request: pytest.FixtureRequest) -> Trained:
    train = tables.random_table(120, 60, 0.4)
    rate = {"sgd": 0.04, "adam": 0.005}[request.param]
    model = preset(request.param, train, hidden=64, batch_size=64, epochs=30, learning_rate=rate)
    fit(model, train)
    return model, train


def newcomers(train: Interactions, n: int, seed: int = 5) -> list[tuple[Tensor, Tensor]]:
    """People made like those of the table: items and ratings each, of many lengths, the first with none."""
    table = tables.random_table(n, train.n_items, 0.4, seed)
    assert table.ratings is not None
    people = []
    for user in range(n):
        mine = slice(*table.offsets[user : user + 2])
        keep = slice(0, [0, 1, 2, 5, None][user % 5])
        people.append(
            (torch.from_numpy(table.items[mine][keep]).long(), torch.from_numpy(table.ratings[mine][keep]))
        )
    return people


def cost(model: NeuralRating, vector: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
    """What a newcomer's vector should make small, written down anew: misfit over noise, and distance from the prior."""
    vectors = model.item_vectors()[items]
    predicted = model.network(torch.cat([vector.expand(len(items), -1), vectors], dim=1)) + model.mean
    away = vector - model.prior_mean
    return (predicted - ratings).square().sum() / model.noise + away @ model.prior_precision @ away


def minimised(model: NeuralRating, start: Tensor, items: Tensor, ratings: Tensor) -> tuple[Tensor, float]:
    """The vector that torch's L-BFGS finds from a start, and its cost."""
    vector = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([vector], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = cost(model, vector, items, ratings)
        value.backward()
        return value.item()

    optimizer.step(closure)
    return vector.detach(), float(cost(model, vector, items, ratings))


def folded(model: NeuralRating, people: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The vectors of newcomers, asked in one batch."""
    longest = max(len(items) for items, _ in people)
    histories = torch.full((len(people), longest), PADDING)
    ratings = torch.zeros(len(people), longest)
    for row, (items, given) in enumerate(people):
        if len(items):
            histories[row, -len(items) :], ratings[row, -len(items) :] = items, given
    return model._people(Query(torch.full((len(people),), UNSEEN), histories, ratings))


def test_a_newcomer_s_vector_is_the_best_explanation(trained: Trained) -> None:
    """As good as what a general optimiser finds from the same start, and close to what it finds going on from there."""
    model, train = trained
    people = newcomers(train, 40)
    for vector, (items, ratings) in zip(folded(model, people), people, strict=True):
        ours = float(cost(model, vector, items, ratings))
        at_start = float(cost(model, model.prior_mean, items, ratings))
        _, generic = minimised(model, model.prior_mean, items, ratings)
        _, further = minimised(model, vector, items, ratings)
        print(len(items), round(at_start,3), round(ours,3), round(generic,3), round(further,3))
