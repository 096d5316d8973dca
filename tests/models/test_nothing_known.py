"""Nothing known is not a history: whose items say nothing gets the popular ones, and reasons compare like with like."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.inference import explanations, queries
from palate.inference.cooccurrence import ItemCooccurrence
from palate.inference.neighbours import Neighbours, by_cooccurrence
from palate.inference.queries import Person
from palate.models import MODELS
from palate.models.contract import UNSEEN, HasVectors, Model
from palate.training.trainer import learn
from tests import tables

SHARED, ALONE, NEVER = 12, (12, 13), 14
"""Rows 0 to 11 have many users, rows 12 and 13 one user who has nothing else, row 14 none."""

BY_HISTORY = ("ease", "item-knn", "next-item", "list-blend")
"""Models whose score is a sum over the history, with exact zeros where it says nothing."""

HISTORIES = {"none": [], "shared": [3], "two": [3, 5], "never": [NEVER], "alone": [12], "both": [12, 13]}


@pytest.fixture(scope="module")
def train() -> Interactions:
    draw = np.random.default_rng(0)
    order = draw.permutation(SHARED)
    share = 1 / np.arange(1, SHARED + 1) ** 0.7
    pairs = [
        (user, int(order[place]))
        for user in range(40)
        for place in draw.choice(SHARED, 5, replace=False, p=share / share.sum())
    ]
    users, items = zip(*pairs, (40, 12), (40, 13), strict=True)
    ratings = [int(rating) for rating in draw.choice([1, 3, 4, 5], len(pairs))] + [5, 5]
    return tables.table(users, items, ratings, all_items=range(15))


@pytest.fixture(scope="module", params=list(MODELS))
def model(request: pytest.FixtureRequest, train: Interactions) -> Model:
    kind = MODELS[request.param]
    model = kind(kind.Config(**kind.SMALL), train.n_users, train.n_items)
    learn(model, Split(train, np.zeros(len(train), dtype=np.uint8)), seed=3)
    return model.eval()


def newcomer(rows: list[int]) -> Person:
    return Person(UNSEEN, np.array(rows, dtype=np.int64), np.full(len(rows), 5, dtype=np.float32))


def scores(model: Model, person: Person) -> NDArray[np.float32]:
    with torch.inference_mode():
        return model.score(queries.of_people([person], model))[0].numpy().copy()


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_no_list_is_in_the_order_of_ids_and_no_reason_mixes_scales(history: list[int], model: Model) -> None:
    values, others = scores(model, newcomer(history)), np.setdiff1d(np.arange(SHARED), history)
    assert np.isfinite(values).all()
    assert len(np.unique(values[others])) > 2
    with torch.inference_mode():
        evidence = model.evidence(queries.of_people([newcomer(history)], model))[0].numpy()
    losses = explanations.losses(model, newcomer(history), others).losses
    assert np.isfinite(losses).all()
    if len(history) == 1 and type(model).evidence is not Model.evidence:  # without it nothing is known
        np.testing.assert_allclose(losses[0], evidence[others], atol=1e-6)


def test_who_shares_no_item_gets_the_list_of_who_has_none(request: pytest.FixtureRequest, model: Model) -> None:
    name = request.node.callspec.params["model"]
    popular = scores(model, newcomer([]))
    if name in (*BY_HISTORY, "als", "graph-filter", "sasrec", "popularity"):
        np.testing.assert_array_equal(scores(model, newcomer([NEVER])), popular)
    if name in BY_HISTORY:
        np.testing.assert_array_equal(scores(model, newcomer([12, 13]))[:SHARED], popular[:SHARED])
        one = scores(model, newcomer([12]))
        assert one.argmax() == 13
        by_score, by_popularity = (np.argsort(-each[:SHARED], kind="stable") for each in (one, popular))
        np.testing.assert_array_equal(by_score, by_popularity)
    if name in BY_HISTORY[:3]:
        assert 0 < popular.max() <= 1


def test_the_tail_of_a_list_is_popular_and_behind_what_is_known(train: Interactions) -> None:
    kind = MODELS["item-knn"]
    model = kind(kind.Config.model_validate({"neighbours": 3}), train.n_users, train.n_items)
    learn(model, Split(train, np.zeros(len(train), dtype=np.uint8)), seed=3)
    values = scores(model.eval(), newcomer([3]))
    with torch.inference_mode():
        known = model.evidence(queries.of_people([newcomer([3])], model))[0].numpy() != 0
    tail = np.flatnonzero(~known)
    assert known.any()
    assert len(tail) > 2
    assert values[tail].max() < values[known].min()
    assert train.ratings is not None
    likes = np.bincount(train.items[train.ratings >= 4], minlength=train.n_items)
    assert (np.diff(likes[tail[np.argsort(-values[tail], kind="stable")]]) <= 0).all()


def test_similar_ends_in_popular_items_at_0(train: Interactions) -> None:
    counts = train.item_counts
    nearest = by_cooccurrence(train, ItemCooccurrence(train), 12, 14, 0)
    assert nearest[0].id == 13
    assert [row.score for row in nearest][1:] == [0] * 13
    assert (np.diff([counts[row.id] for row in nearest][1:]) <= 0).all()

    class Vectors(HasVectors):
        def item_vectors(self) -> torch.Tensor:
            return torch.zeros(15, 2)

        user_vectors = item_vectors

    rows = Neighbours(Vectors(), train).of_item(NEVER, 14, 0, None, 1.0)
    assert (np.diff([counts[row.id] for row in rows]) <= 0).all()
