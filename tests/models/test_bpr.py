"""A learned list model from outside, on tables with ratings and without."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import palate
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.inference import ranking
from palate.models.contract import PADDING, Model
from palate.training.trainer import learn, refit
from tests import tables, trained
from tests.models.bpr import Bpr


@pytest.fixture(scope="module", params=["ratings", "no ratings"])
def liked(request: pytest.FixtureRequest) -> Interactions:
    """Users take two thirds of what is of their own colour, and nothing else."""
    board = tables.checkerboard(share=0.66)
    assert board.ratings is not None
    board = board.where(board.ratings == 5)
    return board if request.param == "ratings" else replace(board, ratings=None)


def test_it_learns_what_belongs_together(liked: Interactions) -> None:
    parts = splits.random(liked, test=0.2, validation=0.1, seed=0)
    model: Model = Bpr.of(Bpr.Config(**Bpr.SMALL), liked)
    record = learn(model, parts)
    assert "validation_ndcg@10" in record.history[-1]
    assert record.history[-1]["train_loss"] < 0.8 * record.history[0]["train_loss"]
    model = refit(model, parts, record)
    users = np.arange(liked.n_users)
    best = torch.cat([rows for _, rows, _ in ranking.rank_users(model, parts.before_test, users, 1)])
    assert float((best[:, 0] % 2 == torch.arange(liked.n_users) % 2).float().mean()) > 0.95


def test_a_new_user_of_one_colour_is_understood(liked: Interactions) -> None:
    model: Model = Bpr.of(Bpr.Config(**Bpr.SMALL), liked)
    learn(model, splits.random(liked, test=0.2, validation=0, seed=0))
    for colour in (0, 1):
        rated = None if liked.ratings is None else [5.0] * 4
        asked = tables.newcomer(range(colour, colour + 8, 2), rated)
        rows, _ = ranking.rank(model, asked, 5, torch.arange(model.n_items) < 8)
        assert (rows % 2 == colour).all()
        assert PADDING not in rows


@pytest.mark.parametrize("rated", [True, False])
def test_palate_trains_and_asks_it(rated: bool) -> None:
    frame = trained.ratings() if rated else trained.ratings().drop("rating")
    settings = {"epochs": 3, "batch_size": 64}
    result = palate.train(frame, model="tests.models.bpr:Bpr", settings=settings, device="cpu")
    assert result.metrics["ndcg@10"] > 0
    assert len(result.recommender.recommend(1, k=3)) == 3
    new = {101: 5, 103: 4} if rated else [101, 103]
    assert len(result.recommender.recommend(ratings=new, k=3)) == 3
    assert len(result.recommender.recommend(ratings=[101, 103], k=3)) == 3
