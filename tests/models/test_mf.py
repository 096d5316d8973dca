"""Matrix factorization: every person and item is the ridge regression that the docstring says."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.mf import MatrixFactorization, MatrixFactorizationConfig, features_of
from palate.models.shared.ridge import ridge
from palate.training.fit import fit
from tests import tables

TABLE = tables.random_table(60, 40, 0.3)


def trained(train: Interactions = TABLE, **settings: object) -> MatrixFactorization:
    model = MatrixFactorization(MatrixFactorizationConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def closed_form(
    x: NDArray[np.float64], y: NDArray[np.float64], l2: NDArray[np.float64], per_event: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(x.T @ x + np.diag(l2 + len(y) * per_event), x.T @ y), dtype=np.float64)


@pytest.mark.parametrize("d", [1, 2, 5, 17])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_each_row_is_its_own_ridge_regression(d: int, kind: type[np.floating]) -> None:
    """Rows of no event, of one, of fewer and of more than d."""
    draw = np.random.default_rng(d)
    counts = np.array([0, 1, 3, 40, 0, 7, *draw.integers(0, 9, 700)])
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns = draw.integers(0, 30, starts[-1]).astype(np.int32)
    targets, features = draw.normal(size=starts[-1]), draw.normal(size=(30, d))
    l2, per_event = draw.uniform(0.5, 2, d), draw.uniform(0, 0.1, d)
    floats = (a.astype(kind) for a in (targets, features, l2, per_event))
    weights = ridge(starts, columns, *floats)
    assert weights.dtype == kind
    tolerance = 1e-10 if kind is np.float64 else 2e-4
    for row, w in enumerate(weights):
        events = slice(starts[row], starts[row + 1])
        right = closed_form(features[columns[events]], targets[events], l2, per_event)
        np.testing.assert_allclose(w, right, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("threads_as_before")
def test_the_number_of_threads_changes_no_bit() -> None:
    models = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        models.append(trained(tables.random_table(700, 300, 0.02)))
    for other in models[1:]:
        assert torch.equal(models[0].users, other.users)
        assert torch.equal(models[0].items, other.items)


def test_after_a_sweep_each_item_is_the_best_answer_to_the_people() -> None:
    model = trained(sweeps=3, dim=4)
    assert TABLE.ratings is not None
    people = features_of(model.users.numpy()).astype(np.float64)
    off = TABLE.ratings - float(model.mean) - model.users.numpy()[TABLE.users, -1]
    l2, per_rating = (penalty.double().numpy() for penalty in model._penalties(torch.device("cpu")))
    for item in range(TABLE.n_items):
        of = TABLE.items == item
        right = closed_form(people[TABLE.users[of]], off[of], l2, per_rating)
        np.testing.assert_allclose(model.items[item].numpy(), right, rtol=1e-3, atol=1e-4)


def test_a_person_never_seen_is_solved_as_in_training() -> None:
    """With the items as they are, a newcomer with the ratings of somebody known is what one more half sweep gives."""
    model = trained(dim=4)
    assert TABLE.ratings is not None
    off = (TABLE.ratings - float(model.mean) - model.items.numpy()[TABLE.items, -1]).astype(np.float32)
    penalties = (penalty.numpy() for penalty in model._penalties(torch.device("cpu")))
    expected = ridge(TABLE.offsets, TABLE.items, off, features_of(model.items.numpy()), *penalties)
    longest = int(np.diff(TABLE.offsets).max())
    histories, ratings = torch.full((60, longest), PADDING), torch.zeros(60, longest)
    for user in range(60):
        events = slice(TABLE.offsets[user], TABLE.offsets[user + 1])
        n = events.stop - events.start
        if n:
            histories[user, -n:] = torch.from_numpy(TABLE.items[events]).long()
            ratings[user, -n:] = torch.from_numpy(TABLE.ratings[events])
    vectors = model._vectors(Query(torch.full((60,), UNSEEN), histories, ratings))
    np.testing.assert_allclose(vectors.numpy(), expected, rtol=1e-3, atol=1e-4)


def test_score_and_predict_are_the_formula() -> None:
    model = trained(dim=3)
    query = queries.of_users(TABLE, np.arange(5), model)
    scores = model.score(query)
    for user in range(5):
        for item in range(TABLE.n_items):
            right = model.mean + model.users[user, -1] + model.items[item, -1]
            right = right + model.user_vectors()[user] @ model.item_vectors()[item]
            torch.testing.assert_close(scores[user, item], right, rtol=1e-5, atol=1e-5)
    people, items = torch.tensor([0, 3, 4]), torch.tensor([7, 0, 2])
    torch.testing.assert_close(model.predict(query, people, items), scores[people, items])


def planted(seed: int) -> Interactions:
    """People and items of two tastes each way: what a bias can't know."""
    draw = np.random.default_rng(seed)
    left, right = draw.normal(size=(300, 3)), draw.normal(size=(120, 3))
    met = draw.random((300, 120)) < 0.35
    users, items = (part.astype(np.int32) for part in met.nonzero())
    ratings = (3 + (left[users] * right[items]).sum(1) * 0.5 + draw.normal(scale=0.3, size=len(users))).clip(1, 5)
    table = tables.random_table(300, 120, 0.5)
    return Interactions(users, items, ratings.astype(np.float32), None, table.user_ids, table.item_ids, table.catalogue)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_what_was_planted(seed: int) -> None:
    whole = planted(seed)
    held_out = np.random.default_rng(seed).random(len(whole)) < 0.2
    train, test = whole.where(~held_out), whole.where(held_out)
    bias = Bias(BiasConfig.model_validate({}), whole.n_users, whole.n_items)
    fit(bias, train)
    errors = []
    for model in (trained(train, dim=3, l2=1.0), bias):
        query = queries.of_users(train, np.arange(whole.n_users), model)
        predicted = model.predict(query, torch.from_numpy(test.users).long(), torch.from_numpy(test.items).long())
        errors.append(float(np.sqrt(np.mean((predicted.numpy() - test.ratings) ** 2))))
    assert errors[0] < 0.6 * errors[1]
    assert errors[0] < 0.42  # the noise alone is 0.3


def test_people_and_items_without_ratings_are_average() -> None:
    train = TABLE.where((TABLE.users != 7) & (TABLE.items != 3))
    model = trained(train)
    assert not model.users[7].any()
    assert not model.items[3].any()
    assert model.users[[*range(7), *range(8, 60)]].any(dim=1).all()
