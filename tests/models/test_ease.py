"""Ease: the paper's formula, and the history that it is asked about."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.interactions import DAY, Interactions
from palate.inference import queries
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.ease import Ease, EaseConfig
from palate.training.fit import fit
from tests import tables

TABLE = tables.random_table(200, 30, 0.3)


def trained(train: Interactions = TABLE, **settings: object) -> Ease:
    model = Ease(EaseConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def liked(train: Interactions) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """-> (n_users, n_items): 1 where a rating is 4 or more, or wherever there are none."""
    x = np.zeros((train.n_users, train.n_items))
    keep = np.ones(len(train), dtype=np.bool_) if train.ratings is None else train.ratings >= 4
    x[train.users[keep], train.items[keep]] = 1
    return x


def test_the_weights_are_the_papers() -> None:
    """Equation (8), P = (XᵀX + l2 I)⁻¹ and B_ij = -P_ij / P_jj off the diagonal, in double precision."""
    x = liked(TABLE)
    p = np.linalg.inv(x.T @ x + 7 * np.eye(TABLE.n_items))
    right = -p / np.diag(p)
    np.fill_diagonal(right, 0)
    np.testing.assert_allclose(trained(l2=7, taken=0).weights.numpy(), right, atol=2e-5)


def test_each_column_is_the_ridge_regression_on_all_other_items() -> None:
    x, weights = liked(TABLE), trained(l2=3, taken=0).weights.numpy()
    for item in (0, 11, 29):
        others = np.delete(x, item, axis=1)
        right = np.linalg.solve(others.T @ others + 3 * np.eye(TABLE.n_items - 1), others.T @ x[:, item])
        np.testing.assert_allclose(np.delete(weights[:, item], item), right, atol=2e-5)


def test_what_was_taken_and_not_liked_counts_in_what_is_written_alone() -> None:
    """Each column is the ridge regression, on the likes of all other items, of 1 for liked and .3 for rated low."""
    x, weights = liked(TABLE), trained(l2=3, taken=0.3).weights.numpy()
    y = x.copy()
    y[TABLE.users, TABLE.items] = np.maximum(y[TABLE.users, TABLE.items], 0.3)
    for item in x.sum(0).argsort()[-3:]:
        others = np.delete(x, item, axis=1)
        right = np.linalg.solve(others.T @ others + 3 * np.eye(TABLE.n_items - 1), others.T @ y[:, item])
        np.testing.assert_allclose(np.delete(weights[:, item], item), right, atol=2e-5)
        assert weights[item, item] == 0


@pytest.mark.parametrize("taken", [0.0, 0.3])
def test_who_was_there_lately_counts_for_more(taken: float) -> None:
    """Ridge regressions that weigh a person by .5 a hundred days since their last event, in the mean over events 1."""
    draw = np.random.default_rng(0)
    times: NDArray[np.float64] = draw.uniform(0, 400 * DAY, len(TABLE))
    order = np.lexsort((times, TABLE.users))
    table = replace(TABLE.where(order), times=times[order])
    last = np.array([times[TABLE.users == user].max() for user in range(TABLE.n_users)])
    counting = 0.5 ** ((last.max() - last) / (100 * DAY))
    counting /= counting[table.users].mean()
    assert counting.max() > 1.2 * counting.min()
    x, weights = liked(table), trained(table, l2=3, taken=taken, half_life=100).weights.numpy()
    y = x.copy()
    y[table.users, table.items] = np.maximum(y[table.users, table.items], taken)
    for item in x.sum(0).argsort()[-3:]:
        others = np.delete(x, item, axis=1)
        gram = (counting[:, None] * others).T @ others
        right = np.linalg.solve(gram + 3 * np.eye(TABLE.n_items - 1), (counting[:, None] * others).T @ y[:, item])
        np.testing.assert_allclose(np.delete(weights[:, item], item), right, atol=2e-5)
    for same in (
        trained(table, l2=3, taken=taken),
        trained(l2=3, taken=taken, half_life=100),
    ):  # no half-life, no times
        assert torch.equal(same.weights, trained(l2=3, taken=taken).weights)


def test_half_life_where_some_have_no_event_and_some_count_for_next_to_nothing() -> None:
    table = replace(TABLE, times=np.arange(len(TABLE), dtype=np.float64))
    assert trained(table.where(table.users > 0), l2=3, half_life=1e-4).weights.isfinite().all()


@pytest.mark.parametrize("taken", [0.0, 0.4])
@pytest.mark.parametrize("own", [0.3, 1.0])
def test_an_item_may_stand_in_its_own_sum_up_to_a_bound(own: float, taken: float) -> None:
    """Each column is the ridge regression on all items, where its own weight is within the bound; else that is the
    bound, and the others are the regression of what is left: the problem of Moon, Kim & Lee, case by case."""
    x, l2 = liked(TABLE), 40
    y = x.copy()
    y[TABLE.users, TABLE.items] = np.maximum(y[TABLE.users, TABLE.items], taken)
    right = np.linalg.solve(x.T @ x + l2 * np.eye(TABLE.n_items), x.T @ y)
    right[:, ~x.any(0)] = 0
    too_much = np.diag(right) > own
    assert too_much.any() == (own < 1)
    assert not too_much.all()
    for item in np.flatnonzero(too_much):
        others, left = np.delete(x, item, axis=1), y[:, item] - own * x[:, item]
        weights = np.linalg.solve(others.T @ others + l2 * np.eye(TABLE.n_items - 1), others.T @ left)
        right[:, item] = np.insert(weights, item, own)
    np.fill_diagonal(right, 0)
    np.testing.assert_allclose(trained(l2=l2, taken=taken, own=own).weights.numpy(), right, atol=2e-5)


def test_without_ratings_nothing_was_rated_low() -> None:
    train = replace(TABLE, ratings=None)
    assert torch.equal(trained(train, taken=0.5).weights, trained(train).weights)


def test_a_score_sums_the_faded_rows_of_what_was_liked() -> None:
    model = trained(l2=5, decay=0.5)
    query = Query(
        torch.tensor([UNSEEN, UNSEEN]),
        torch.tensor([[PADDING, 4, 2, 9], [7, 7, 3, 7]]),
        torch.tensor([[0.0, 5.0, 1.0, 4.0], [5.0, 5.0, 4.0, 5.0]]),
    )
    w = model.weights
    expected = torch.stack([w[9] + 0.5 * w[4], w[7] + 0.5 * w[3]])  # 2 was disliked; 7 counts once, as the last event
    torch.testing.assert_close(model.score(query), expected)


def test_who_liked_nothing_is_shown_what_most_people_liked() -> None:
    model = trained()
    query = Query(torch.tensor([UNSEEN, 3]), torch.tensor([[PADDING], [4]]), torch.tensor([[0.0], [2.0]]))
    assert torch.equal(model.score(query), torch.from_numpy(liked(TABLE).sum(0)).float().repeat(2, 1) / TABLE.n_users)


def test_without_ratings_every_event_counts_a_pair_once_and_an_item_nobody_took_for_nothing() -> None:
    train = tables.table(["a", "a", "a", "b", "b", "c"], ["x", "x", "y", "x", "y", "z"], all_items=["zz"])
    p = np.linalg.inv(np.array([[2, 2, 0], [2, 2, 0], [0, 0, 1]]) + 2 * np.eye(3))
    model = trained(train, l2=2)
    np.testing.assert_allclose(model.weights[0].numpy(), [0, -p[0, 1] / p[1, 1], 0, 0], atol=1e-6)
    assert not model.weights[3].any()
    assert model.score(queries.of_users(train, np.array([1]), model)).isfinite().all()


def test_one_event_of_the_future_does_not_flatten_the_half_life() -> None:
    times = 1.5e9 + np.arange(len(TABLE)) * 60.0
    wrong = np.append(times[:-1], 4.1e9)
    weights, others = (
        trained(table, half_life=1.0)._user_weights(table)
        for table in (replace(TABLE, times=np.asarray(each, np.float64)) for each in (times, wrong))
    )
    assert weights is not None
    assert others is not None
    np.testing.assert_allclose(weights, others, rtol=0.02)
