"""Popularity counts."""

import numpy as np
import pytest
import torch

from palate.errors import UnsupportedError
from palate.inference import queries, ranking
from palate.models.popularity import Popularity, PopularityConfig
from palate.training.fit import fit
from tests import tables


def test_scores_are_counts_for_everybody() -> None:
    train = tables.table([1, 2, 3, 1, 2], [10, 10, 10, 20, 30], all_items=[10, 20, 30, 40])
    model = Popularity(PopularityConfig.model_validate({}), train.n_users, train.n_items)
    fit(model, train)
    query = queries.of_users(train, np.array([0, 2]), model)
    assert model.score(query).tolist() == [[3, 1, 1, 0]] * 2
    rows, _ = ranking.rank(model, query, 3, ranking.seen(train, np.array([0, 2])))
    assert rows.tolist() == [[2, 3, -1], [1, 2, 3]]


def test_only_the_last_days_count_where_there_are_times() -> None:
    """Events at hours 0, 24, 48 and 49; the last is at 49, so two days are those after hour 1."""
    hours = [3600.0 * hour for hour in (0, 24, 48, 49)]
    for days, times, counts in ((2, hours, [1, 2]), (None, hours, [2, 2])):
        train = tables.table([1, 2, 3, 4], [10, 20, 20, 10], times=times)
        model = Popularity(PopularityConfig(days=days), train.n_users, train.n_items)
        fit(model, train)
        assert model.counts.tolist() == counts


def test_one_event_of_the_future_does_not_empty_the_last_days() -> None:
    times = [1.5e9 + 3600.0 * hour for hour in range(100)]
    train = tables.table([*range(100), 1], [10, 20] * 50 + [30], times=[*times, 4.1e9])
    model = Popularity(PopularityConfig(days=1), train.n_users, train.n_items)
    fit(model, train)
    assert model.counts.tolist() == [12, 12, 1]


def test_days_of_a_table_without_times_are_refused() -> None:
    train = tables.table(["a", "b"], ["x", "y"])
    with pytest.raises(UnsupportedError, match="days needs times, and this table has none"):
        Popularity(PopularityConfig(days=2), 2, 2).solve(train, torch.Generator())
