"""The graph filter is the formula of its docstring, as written with dense matrices."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.graph_filter import LANES, GraphFilter, GraphFilterConfig, filtered
from palate.training.fit import fit
from tests import tables

RATED = tables.random_table(60, 40, 0.2)
TABLE = replace(RATED, ratings=None)


def trained(train: Interactions = TABLE, **settings: object) -> GraphFilter:
    model = GraphFilter(GraphFilterConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def dense(train: Interactions) -> NDArray[np.float64]:
    x = np.zeros((train.n_users, train.n_items))
    x[train.users, train.items] = 1
    return x


def by_the_paper(x: NDArray[np.float64], rank: int, ideal: float) -> NDArray[np.float64]:
    """The scores of the people of x themselves; every row and column has a 1."""
    by_user, by_item = x.sum(1), x.sum(0)
    r = np.diag(by_user**-0.5) @ x @ np.diag(by_item**-0.5)
    v = np.linalg.svd(r)[2][:rank].T
    return np.asarray(x @ r.T @ r + ideal * x @ np.diag(by_item**-0.5) @ v @ v.T @ np.diag(by_item**0.5))


@pytest.mark.parametrize(("rank", "ideal"), [(1, 0.3), (6, 0.3), (6, 2.0), (40, 1.0)])
def test_scores_are_those_of_the_paper(rank: int, ideal: float) -> None:
    model = trained(rank=rank, ideal=ideal, power_steps=30)
    scores = model.score(queries.of_users(TABLE, np.arange(60), model))
    np.testing.assert_allclose(scores.numpy(), by_the_paper(dense(TABLE), rank, ideal), rtol=1e-3, atol=2e-4)


def test_few_steps_nearly_find_the_vectors() -> None:
    """People and items of five kinds: the singular values after the fifth are far below."""
    draw = np.random.default_rng(0)
    met = draw.random((300, 200)) < np.where(np.arange(300)[:, None] % 5 == np.arange(200) % 5, 0.3, 0.02)
    users, items = met.nonzero()
    train = tables.table(users.tolist(), items.tolist())
    model = trained(train, rank=5)
    scores = model.score(queries.of_users(train, np.arange(300), model))
    right = by_the_paper(dense(train), 5, 0.3)
    assert np.abs(scores.numpy() - right).max() < 0.002 * np.abs(right).max()


def test_a_pair_met_again_and_events_out_of_order_change_nothing() -> None:
    users, items = [0, 0, 1, 1, 2, 2], [3, 1, 1, 2, 3, 0]
    once, again = tables.table(users, items), tables.table([*users, 0, 0], [*items, 1, 3])
    models = [trained(train, rank=2) for train in (once, again)]
    scores = [model.score(queries.of_users(again, np.arange(3), model)) for model in models]
    assert torch.equal(*scores)


def test_a_person_never_seen_is_scored_as_one_known() -> None:
    model = trained(rank=6)
    query = queries.of_users(TABLE, np.arange(60), model)
    as_new = Query(torch.full_like(query.users, UNSEEN), query.histories)
    assert torch.equal(model.score(as_new), model.score(query))
    nobody = Query(torch.tensor([UNSEEN]), torch.tensor([[PADDING]]))
    share = torch.from_numpy(dense(TABLE).mean(0)).float()
    torch.testing.assert_close(model.score(nobody)[0], share)  # what most people took


def test_ratings_say_which_events_count() -> None:
    assert RATED.ratings is not None
    liked = RATED.where(RATED.ratings >= 4)
    model, bare = trained(RATED, rank=6), trained(replace(liked, ratings=None), rank=6)
    assert torch.equal(model.vectors, bare.vectors)
    histories = torch.tensor([[3, 8, 5, 6]])
    scores = model.score(Query(torch.tensor([UNSEEN]), histories, torch.tensor([[4.0, 3.0, 5.0, 1.0]])))
    torch.testing.assert_close(scores, bare.score(Query(torch.tensor([UNSEEN]), histories[:, ::2])))


def test_an_item_that_nobody_has_gets_and_gives_nothing() -> None:
    train = TABLE.where(TABLE.items != 3)
    model = trained(train, rank=6)
    scores = model.score(Query(torch.tensor([0, 0, UNSEEN]), torch.tensor([[1, 2], [PADDING, 3], [3, 1]])))
    assert scores[:, 3].abs().max() < 1e-6
    assert scores[1].abs().max() < 1e-6
    assert scores[2].abs().max() > 1e-3


@pytest.mark.parametrize("n", [1, LANES, 2 * LANES + 3])
def test_the_filter_is_the_matrix_product(n: int) -> None:
    draw = np.random.default_rng(n)
    scale, signals = draw.random(40).astype(np.float32), draw.normal(size=(n, 40)).astype(np.float32)
    counts = np.diff(TABLE.offsets)
    r = dense(TABLE) / np.sqrt(counts)[:, None] * scale
    output = filtered(TABLE.offsets, TABLE.items, scale, signals)
    np.testing.assert_allclose(output, signals @ r.T @ r, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("items", 40), ("items", -1), ("starts", 10**6)])
def test_weights_that_point_elsewhere_are_not_loaded(name: str, value: int) -> None:
    model = trained(rank=2)
    weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    weights[name][5] = value
    with pytest.raises(ValueError, match=name):
        GraphFilter(model.config, 60, 40).load_state_dict(weights)
