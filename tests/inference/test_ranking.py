"""Ranking against a slow reference: ties, exclusions, lists longer than what is left, and memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from palate.data.interactions import Interactions
from palate.inference import queries, ranking
from palate.models.contract import PADDING
from tests import tables
from tests.scripted import LookingBack, Scripted


def slow_top(row: list[float], k: int) -> list[int]:
    return sorted(range(len(row)), key=lambda column: (-row[column], column))[:k]


levels = st.sampled_from([-torch.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1e30])


@given(data=st.data(), people=st.integers(0, 4), n=st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_top_equals_sorting_by_score_then_column(data: st.DataObject, people: int, n: int) -> None:
    rows = data.draw(st.lists(st.lists(levels, min_size=n, max_size=n), min_size=people, max_size=people))
    k = data.draw(st.integers(0, n))
    scores = torch.tensor(rows).view(people, n)
    columns, values = ranking.top(scores, k)
    assert columns.shape == values.shape == (people, k)
    assert columns.tolist() == [slow_top(row, k) for row in rows]
    assert torch.equal(values, scores.gather(1, columns))


@pytest.mark.parametrize("k", [0, 1, 10, 78, 79, 4999, 5000])
@pytest.mark.parametrize("levels", [1, 40, 10_000])
def test_top_of_many(k: int, levels: int) -> None:
    scores = torch.randint(0, levels, (5, 5000), generator=torch.Generator().manual_seed(0)).float()
    scores[1, ::2] = scores[2] = -torch.inf
    scores[3, [63, 64, 4991, 4992, 4999]] = 20_000
    expected = [slow_top(row, k) for row in scores.tolist()]
    for way in (ranking.top, ranking._sorted):
        columns, values = way(scores, k)
        assert columns.tolist() == expected
        assert torch.equal(values, scores.gather(1, columns))


@pytest.mark.parametrize("people", [1, 5, 70])
@pytest.mark.parametrize("shape", ["everybody's", "each's own"])
def test_top_without_what_is_left_out(people: int, shape: str) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 50, (people, 300), generator=generator).float()
    left_out = torch.rand(scores.shape if shape == "each's own" else scores.shape[1:], generator=generator) < 0.7
    columns, values = ranking.top(scores, 20, left_out)
    for row, found in zip(scores.masked_fill(left_out, -torch.inf).tolist(), columns.tolist(), strict=True):
        assert found == slow_top(row, 20)
    assert torch.equal(values, scores.gather(1, columns))


def ranked(scores: list[list[float]], k: int, leave_out: Tensor | None = None) -> tuple[list[list[int]], Tensor]:
    model = Scripted(torch.tensor(scores))
    query = queries.of_users(tables.random_table(len(scores), 3), np.arange(len(scores)), model)
    rows, best = ranking.rank(model, query, k, leave_out)
    return rows.tolist(), best


def test_rank_is_best_first() -> None:
    rows, scores = ranked([[1.0, 3.0, 2.0], [5.0, 5.0, 6.0]], 3)
    assert rows == [[1, 2, 0], [2, 0, 1]]
    assert scores.tolist() == [[3, 2, 1], [6, 5, 5]]


def test_what_is_left_out_does_not_appear_and_lists_end_in_padding() -> None:
    leave_out = torch.tensor([[False, True, False], [True, True, True]])
    rows, scores = ranked([[1.0, 3.0, 2.0], [5.0, 5.0, 6.0]], 3, leave_out)
    assert rows == [[2, 0, PADDING], [PADDING] * 3]
    assert scores.tolist() == [[2, 1, -torch.inf], [-torch.inf] * 3]
    rows, _ = ranked([[1.0, 3.0, 2.0], [5.0, 5.0, 6.0]], 2, torch.tensor([False, False, True]))
    assert rows == [[1, 0], [0, 1]]


def test_a_list_is_no_longer_than_the_catalogue() -> None:
    rows, scores = ranked([[1.0, 3.0, 2.0]], 50)
    assert rows == [[1, 2, 0]]
    assert scores.shape == (1, 3)


def test_ranking_changes_no_scores() -> None:
    table = torch.tensor([[1.0, 2.0]])
    model = Scripted(table)
    query = queries.of_users(tables.random_table(1, 2), np.array([0]), model)
    ranking.rank(model, query, 1, torch.tensor([True, False]))
    assert torch.equal(model.table, torch.tensor([[1.0, 2.0]]))


def test_the_model_answers_as_one_that_is_done_learning() -> None:
    model = Scripted(torch.zeros(1, 2)).train()
    ranking.rank(model, queries.of_users(tables.random_table(1, 2), np.array([0]), model), 1)
    assert not model.training


def test_seen() -> None:
    history = tables.table([0, 0, 2, 2], [1, 0, 2, 1], all_users=[0, 1, 2])
    mask = ranking.seen(history, np.array([2, 1, 0, 2]))
    assert mask.int().tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert ranking.seen(history, np.empty(0, dtype=np.int64)).shape == (0, 3)


@pytest.mark.parametrize("memory", [1, 16 * 20, 16 * 20 * 7, 2**30])
@pytest.mark.parametrize("looks_back", [True, False])
def test_chunks_of_people_rank_as_one(small: Interactions, memory: int, looks_back: bool) -> None:
    draw = torch.Generator().manual_seed(1)
    model = LookingBack(30, 20) if looks_back else Scripted(torch.randint(0, 5, (30, 20), generator=draw).float())
    users = np.random.default_rng(0).permutation(30)
    expected_rows, expected_scores = ranking.rank(
        model, queries.of_users(small, users, model), 6, ranking.seen(small, users)
    )
    sizes, start = [], 0
    for place, rows, scores in ranking.rank_users(model, small, users, 6, memory):
        assert place.start == start
        assert torch.equal(rows, expected_rows[place])
        assert torch.equal(scores, expected_scores[place])
        sizes.append(len(rows))
        start = place.stop
    assert start == 30
    assert max(sizes) == min(30, max(1, memory // (16 * 20)))


def test_history_is_left_out_of_everybody_s_list(small: Interactions) -> None:
    for place, rows, _ in ranking.rank_users(Scripted(torch.ones(30, 20)), small, np.arange(30), 20):
        for user, listed in zip(np.arange(30)[place], rows.tolist(), strict=True):
            seen = set(small.items[small.users == user].tolist())
            assert [row for row in listed if row != PADDING] == sorted(set(range(20)) - seen)
