"""Ratings that no scale of stars has: every model becomes finite, or is refused in one line."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import palate
from palate.data.interactions import Interactions
from palate.errors import OptionError, PalateError
from palate.models import MODELS
from palate.models.bayes.model import BayesianFactorization
from tests import tables

Ratings = NDArray[np.float64]

QUICK: dict[str, dict[str, Any]] = {
    "bayes": {"dim": 2, "chains": 2, "sweeps": 12, "samples": 2},
    "neural": {"hidden": 16, "epochs": 2},
    "svdpp": {"dim": 4, "epochs": 1, "steps": 4},
    "sasrec": {"dim": 4, "epochs": 1},
    "rating-blend": {"members": {"mf": {}, "bias": {}}},
}


def hostile(stars: Ratings, seed: int = 0) -> dict[str, Ratings]:
    """The same events with ratings of other kinds, by name."""
    draw = np.random.default_rng(seed)
    outlier = stars.copy()
    outlier[5] = 1e6
    return {
        "heavy tails": draw.random(len(stars)) ** -3.0,
        "log-normal": np.exp(8 + 2 * draw.normal(size=len(stars))),
        "millions": stars * 2e5,
        "millionths": stars * 1e-6,
        "constant": np.full(len(stars), 3.0),
        "offset": stars + 1e6,
        "negative": -stars,
        "one outlier": outlier,
        "near the end of float32": stars * 5e37,
    }


def rated(table: Interactions, ratings: Ratings) -> Interactions:
    return replace(table, ratings=ratings.astype(np.float32))


def stars_of(table: Interactions) -> Ratings:
    assert table.ratings is not None
    return table.ratings.astype(np.float64)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_finite_or_refused(name: str) -> None:
    table, refusals = tables.random_table(16, 12, 0.6), list[str]()
    for kind, ratings in hostile(stars_of(table)).items():
        try:
            trained = palate.train(rated(table, ratings), model=name, settings=QUICK.get(name, {}), baselines=())
        except PalateError as error:
            refusals.append(str(error))
            continue
        values = list(trained.metrics.values())
        recommender, scale = trained.recommender, trained.recommender.table.scale
        assert scale is not None
        values += [row.score for row in recommender.recommend(0)]
        values += [row.score for row in recommender.recommend(None, ratings={0: scale.high, 1: scale.low})]
        assert np.isfinite(values).all(), kind
    assert not any("\n" in refusal for refusal in refusals)


@pytest.mark.parametrize("seed", range(2))
def test_bayes_learns_from_heavy_tails_and_from_one_outlier(seed: int) -> None:
    table = tables.random_table(40, 30, 0.4, seed=seed)
    kinds = hostile(stars_of(table), seed)
    settings = {"likelihood": "gaussian", "chains": 1, "sweeps": 60, "samples": 4, "dim": 8}
    for kind in ("heavy tails", "one outlier"):
        found = palate.train(rated(table, kinds[kind]), model="bayes", settings=settings, baselines=(), seed=seed)
        assert isinstance(found.recommender.model, BayesianFactorization)
        assert np.isfinite(found.metrics["rmse"])


def test_a_model_that_is_not_finite_is_refused_with_its_settings_and_the_ratings() -> None:
    table = tables.random_table()
    with pytest.raises(OptionError, match=r"training als ended in numbers that are not finite, with l2=1e\+30: choose"):
        palate.train(table, model="als", settings={"l2": 1e30}, baselines=())
    with pytest.raises(OptionError, match=r"training mf ended .* on ratings from 5e\+37 to 2\.5e\+38 \(mean"):
        palate.train(rated(table, stars_of(table) * 5e37), model="mf", baselines=())
    with pytest.raises(OptionError, match=r"setting l2 of model mf is 1e\+300: .*must be at most 1e\+30"):
        palate.train(table, model="mf", settings={"l2": 1e300})
