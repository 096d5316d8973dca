"""NextItem: the ridge regression that its docstring says, written out row by row."""

import numpy as np
import pytest
import torch

from palate.data.interactions import Interactions
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.next_item import NextItem, NextItemConfig
from palate.training.fit import fit
from tests import tables


def trained(train: Interactions, **settings: object) -> NextItem:
    model = NextItem(NextItemConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


@pytest.mark.parametrize(("decay", "window"), [(0.7, 20), (0.7, 2), (1.0, 3), (0.5, 1)])
def test_the_weights_are_a_ridge_regression_of_next_items(decay: float, window: int) -> None:
    """On people with repeats, of one event and of none."""
    draw = np.random.default_rng(0)
    users, items = draw.integers(0, 40, 300), draw.integers(0, 12, 300)
    users[users == 7] = 8
    users[np.flatnonzero(users == 9)[1:]] = 8
    train = tables.table(users.tolist(), items.tolist(), all_users=[7])
    past, following = [], []
    for user in range(train.n_users):
        theirs = train.items[train.users == user]
        for at in range(1, len(theirs)):
            x = np.zeros(train.n_items)
            for age, item in enumerate(theirs[:at][::-1][:window]):
                x[item] += decay**age
            past.append(x)
            following.append(np.eye(train.n_items)[theirs[at]])
    x, y = np.array(past), np.array(following)
    right = np.linalg.solve(x.T @ x + 2 * np.eye(train.n_items), x.T @ y)
    np.testing.assert_allclose(trained(train, l2=2, decay=decay, window=window).weights.numpy(), right, atol=1e-5)


def test_more_columns_than_are_solved_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    train = tables.random_table(50, 20, 0.4)
    whole = trained(train).weights
    monkeypatch.setattr("palate.models.next_item.COLUMNS", 7)
    torch.testing.assert_close(trained(train).weights, whole)


def test_only_the_last_liked_items_are_looked_at() -> None:
    train = tables.random_table(50, 20, 0.4)  # ratings of 1 to 5
    model = trained(train, decay=0.5, window=2)
    items = torch.tensor([[PADDING, 3, 8, 5, 6], [4, 4, 4, 4, 4]])
    ratings = torch.tensor([[0.0, 5.0, 4.0, 1.0, 5.0], [5.0] * 5])
    w = model.weights
    expected = torch.stack([w[6] + 0.5 * w[8], 1.5 * w[4]])
    torch.testing.assert_close(model.score(Query(torch.tensor([UNSEEN, 0]), items, ratings)), expected)


def test_what_is_followed_by_something_leads_to_it() -> None:
    train = tables.table(list("aabbcc"), list("xyxyzx"), times=[1, 2, 1, 2, 1, 2])
    x, y, z = trained(train, l2=0.1).evidence(Query(torch.tensor([UNSEEN]), torch.tensor([[0]])))[0].tolist()
    assert y > 0.9
    assert x == pytest.approx(0, abs=1e-6)
    assert z == pytest.approx(0, abs=1e-6)
