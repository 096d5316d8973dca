"""From interactions to the one question."""

import numpy as np
import pytest
import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.inference.queries import Person
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import PADDING, UNSEEN, Query
from tests import tables
from tests.scripted import LookingBack, Scripted


@pytest.fixture
def history() -> Interactions:
    """Person 0: items 0, 2, 1 in that order of time. Person 1: nothing. Person 2: item 3."""
    users, items, ratings, times = ["a", "a", "a", "c"], [10, 12, 11, 13], [1, 2, 3, 4], [5, 6, 7, 8]
    return tables.table(users, items, ratings, times, all_users=["a", "b", "c"])


def test_histories_are_padded_on_the_left_oldest_first(history: Interactions) -> None:
    query = queries.of_users(history, np.array([2, 0, 1]), LookingBack(3, 4))
    assert query.users.tolist() == [2, 0, 1]
    assert query.users.dtype == torch.int64
    assert query.histories.dtype == torch.int64
    assert query.histories.tolist() == [[PADDING, PADDING, 3], [0, 2, 1], [PADDING] * 3]
    assert query.ratings is not None
    assert query.ratings.dtype == torch.float32
    assert query.ratings.tolist() == [[0, 0, 4], [1, 2, 3], [0, 0, 0]]
    assert query.times is not None
    assert query.times.dtype == torch.float64
    assert query.times.tolist() == [[0, 0, 8], [5, 6, 7], [0, 0, 0]]
    assert len(query) == 3


def test_a_model_that_does_not_look_back_gets_no_histories(history: Interactions) -> None:
    query = queries.of_users(history, np.array([0, 2]), Scripted(torch.zeros(3, 4)))
    assert query.users.tolist() == [0, 2]
    assert query.histories.shape == (2, 0)
    assert query.histories.dtype == torch.int64


def test_people_without_events(history: Interactions) -> None:
    query = queries.of_users(history, np.array([1]), LookingBack(3, 4))
    assert query.histories.shape == (1, 0)
    nobody = queries.of_users(history, np.empty(0, dtype=np.int64), LookingBack(3, 4))
    assert nobody.histories.shape == (0, 0)
    assert len(nobody) == 0


def test_an_empty_table() -> None:
    empty = tables.triples((1, 1, 1)).where(np.array([False]))
    query = queries.of_users(empty, np.array([0]), LookingBack(1, 1))
    assert query.histories.shape == (1, 0)


def test_bare_events_have_neither_ratings_nor_times() -> None:
    query = queries.of_users(tables.table([1, 1], [1, 2]), np.array([0]), LookingBack(1, 2))
    assert query.histories.tolist() == [[0, 1]]
    assert query.ratings is None
    assert query.times is None


def test_a_newcomer() -> None:
    items, ratings = np.array([4, 2]), np.array([1, 5], dtype=np.float32)
    query = queries.of_people([Person(UNSEEN, items, ratings)], LookingBack(3, 5))
    assert query.users.tolist() == [UNSEEN]
    assert query.histories.tolist() == [[4, 2]]
    assert query.ratings is not None
    assert query.ratings.tolist() == [[1, 5]]
    assert queries.of_people([Person(UNSEEN, items)], LookingBack(3, 5)).ratings is None


@pytest.mark.parametrize("people", [1, 2, 7, 100])
@pytest.mark.parametrize("events", [1, 30, 100, 10_000])
@pytest.mark.parametrize("looks_back", [True, False])
def test_chunks_are_all_of_one_big_query(small: Interactions, people: int, events: int, looks_back: bool) -> None:
    model = LookingBack(30, 20) if looks_back else Scripted(torch.zeros(30, 20))
    users = np.random.default_rng(0).permutation(30)
    whole = queries.of_users(small, users, model)
    start = 0
    for place, query in queries.in_chunks(small, users, model, people, events):
        assert place == slice(start, start + len(query))
        assert 1 <= len(query) <= people
        assert len(query) == 1 or query.histories.numel() <= events
        assert torch.equal(query.users, whole.users[place])
        width = query.histories.shape[1]
        assert torch.equal(query.histories, whole.histories[place, whole.histories.shape[1] - width :])
        start = place.stop
    assert start == 30


def test_chunks_are_as_large_as_allowed(small: Interactions) -> None:
    """Of 30 people at 20 padded events at most: 100 events hold at least 5."""
    sizes = [len(query) for _, query in queries.in_chunks(small, np.arange(30), LookingBack(30, 20), 100, 100)]
    assert min(sizes[:-1]) >= 5
    assert [len(q) for _, q in queries.in_chunks(small, np.arange(30), Scripted(torch.zeros(30, 20)), 12, 1)] == [
        12,
        12,
        6,
    ]
    assert not list(queries.in_chunks(small, np.empty(0, dtype=np.int64), LookingBack(30, 20)))


def test_newcomers_of_whom_nothing_is_known_ask_without_events_but_with_ratings(small: Interactions) -> None:
    """As a model that folds in ratings needs them, even none."""
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    nothing = small.where(np.zeros(len(small), dtype=np.bool_))
    query = queries.of_users(nothing, np.array([3, 4]), model, np.arange(small.n_users) == 3)
    assert query.users.tolist() == [UNSEEN, 4]
    assert query.histories.shape == (2, 0)
    assert query.ratings is not None
    assert model.score(query).shape == (2, small.n_items)


# The vectors of those who ask


@pytest.mark.parametrize("rated", [True, False])
def test_a_new_user_is_folded_in_with_ratings_or_with_ones(rated: bool) -> None:
    """Without ratings (implicit feedback) each event counts as a rating of 1, and padding as 0."""
    known = torch.arange(6.0).reshape(3, 2)
    histories = torch.tensor([[0, 1], [PADDING, 3], [PADDING, PADDING], [2, 4]])
    ratings = torch.tensor([[0.0, 0.0], [0.0, 4.0], [0.0, 0.0], [2.0, 5.0]]) if rated else None
    query = Query(torch.tensor([2, UNSEEN, UNSEEN, UNSEEN]), histories, ratings)
    asked = []

    def fold_in(histories: Tensor, ratings: Tensor) -> Tensor:
        asked.append((histories.tolist(), ratings.tolist()))
        return torch.stack([histories.sum(1), ratings.sum(1)], 1)

    people = query.people(known, fold_in)
    of_ratings = [[0.0, 4.0], [0.0, 0.0], [2.0, 5.0]] if rated else [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    assert asked == [(histories[1:].tolist(), of_ratings)]
    assert people.tolist() == [[4.0, 5.0], [2.0, sum(of_ratings[0])], [-2.0, 0.0], [6.0, sum(of_ratings[2])]]


def test_no_new_user_is_folded_in_where_there_is_none() -> None:
    def fold_in(histories: Tensor, ratings: Tensor) -> Tensor:
        raise AssertionError("no user is new")

    query = Query(torch.tensor([1, 0]), torch.empty(2, 0, dtype=torch.int64))
    assert query.people(torch.eye(2), fold_in).tolist() == [[0, 1], [1, 0]]
