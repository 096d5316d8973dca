"""Biases against the ridge regression they claim to be."""

import numpy as np
import pytest
import torch

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import PADDING, UNSEEN, Query
from palate.training.fit import fit
from tests import tables


def fitted(train: Interactions, **settings: float) -> Bias:
    model = Bias(BiasConfig(**settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def ridge(train: Interactions, user_l2: float, item_l2: float) -> tuple[np.ndarray, np.ndarray]:
    """Koren's equation (1), solved at once: a linear system in all biases."""
    assert train.ratings is not None
    n = len(train)
    columns = np.zeros((n, train.n_users + train.n_items))
    columns[np.arange(n), train.users] = 1
    columns[np.arange(n), train.n_users + train.items] = 1
    penalty = np.diag([user_l2] * train.n_users + [item_l2] * train.n_items)
    off = train.ratings.astype(np.float64) - train.ratings.astype(np.float64).mean()
    biases = np.linalg.solve(columns.T @ columns + penalty, columns.T @ off)
    return biases[: train.n_users], biases[train.n_users :]


@pytest.mark.parametrize(("user_l2", "item_l2"), [(5, 5), (1, 20), (2, 1)])
def test_it_solves_the_regression(small: Interactions, user_l2: float, item_l2: float) -> None:
    model = fitted(small, user_l2=user_l2, item_l2=item_l2)
    users, items = ridge(small, user_l2, item_l2)
    np.testing.assert_allclose(model.users, users, atol=1e-4)
    np.testing.assert_allclose(model.items, items, atol=1e-4)


def test_it_goes_on_where_no_item_stands_out_at_first() -> None:
    """Every item averages the mean, yet people differ: the items' first biases are 0, and not their last."""
    train = tables.triples(("a", 1, 4), ("b", 1, 2), ("a", 2, 4), ("c", 2, 2))
    model = fitted(train, user_l2=1, item_l2=1)
    users, items = ridge(train, 1, 1)
    assert abs(items).max() > 0.05
    np.testing.assert_allclose(model.items, items, atol=1e-4)
    np.testing.assert_allclose(model.users, users, atol=1e-4)


def test_a_number_of_ratings_of_the_mean_is_added() -> None:
    """One rating 2 above the mean of 3, and one of the mean added: 1 above. People hardly count here."""
    model = fitted(tables.triples(("a", 1, 5), ("b", 2, 1)), user_l2=1e9, item_l2=1)
    assert model.items.tolist() == pytest.approx([1, -1])
    assert float(model.mean) == 3


def test_a_newcomer_with_somebody_s_ratings_is_rated_like_them(small: Interactions) -> None:
    model = fitted(small)
    assert small.ratings is not None
    for user in (0, 7, 29):
        mine = slice(*small.offsets[user : user + 2])
        newcomer = tables.newcomer(small.items[mine].tolist(), small.ratings[mine].tolist())
        known = queries.of_users(small, np.array([user]), model)
        torch.testing.assert_close(model.score(newcomer), model.score(known), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("ratings", [None, torch.empty(1, 0)])
def test_a_newcomer_without_ratings_has_no_bias(small: Interactions, ratings: torch.Tensor | None) -> None:
    """Not the bias of the first person in the table."""
    model = fitted(small)
    assert model.users[0].abs() > 0.01
    nobody = Query(torch.tensor([UNSEEN]), torch.empty(1, 0, dtype=torch.int64), ratings)
    torch.testing.assert_close(model.score(nobody)[0], model.mean + model.items)


def test_without_regularisation_an_unrated_row_is_average() -> None:
    train = tables.table([0, 1], [0, 1], [2, 4], all_users=[0, 1, 2], all_items=[0, 1, 2])
    model = fitted(train, user_l2=0, item_l2=0)
    assert model.users[2] == model.items[2] == 0
    assert model.score(tables.newcomer([PADDING], [0])).isfinite().all()
