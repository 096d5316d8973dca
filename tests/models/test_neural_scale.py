"""The network learns ratings of any scale as it learns those of 1 to 10."""

from dataclasses import replace

import numpy as np
import pytest

import palate
from palate.models.neural.model import unit_of
from tests import tables


def test_ratings_of_1_to_5_and_of_1_to_10_are_learned_as_they_are() -> None:
    stars = np.array([1, 2, 3, 4, 5, 4, 4], np.float32)
    assert unit_of(stars) == unit_of(2 * stars) == unit_of(np.full(5, 3, np.float32)) == 1


@pytest.mark.parametrize("width", [1e-3, 1.0, 1e5])
def test_the_scale_changes_no_more_than_rounding(width: float) -> None:
    table = tables.random_table(20, 15, 0.6)
    assert table.ratings is not None
    stars = (table.ratings - 1) / 4
    found = []
    for own in (width, 100.0):
        rated = replace(table, ratings=(own * stars).astype(np.float32))
        trained = palate.train(rated, model="neural", settings={"hidden": 16, "epochs": 3}, baselines=())
        found.append(trained.metrics["rmse"] / own)
        assert trained.history[-1]["train_loss"] / own**2 < 1
    assert found[0] == pytest.approx(found[1], rel=1e-2)
