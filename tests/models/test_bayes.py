"""Bayesian factorization: the chain as a whole, what is kept of it, and what is made of that."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

import palate
from palate.data.interactions import Interactions
from palate.errors import UnsupportedError
from palate.evaluation.evaluate import predict, spread
from palate.evaluation.rating_metrics import rmse
from palate.inference import queries
from palate.models.bayes import fold_in as newcomers
from palate.models.bayes.chain import LEVELS, Chain, Group, Links, categories, implicit, levels_of
from palate.models.bayes.config import BayesConfig
from palate.models.bayes.model import BayesianFactorization
from palate.models.bayes.occasions import occasions
from palate.models.bayes.priors import SHAPES, mean_within, truncated
from palate.models.blend import RatingBlend, RatingBlendConfig
from palate.models.contract import PADDING, UNSEEN, KnowsSpread, Query
from palate.training.fit import fit
from tests import tables

TABLE = tables.random_table(60, 40, 0.3)
SHORT = {"dim": 3, "chains": 2, "sweeps": 30, "samples": 10}
LIKELIHOODS = pytest.mark.parametrize("likelihood", ["gaussian", "ordinal", "both"])


def trained(train: Interactions = TABLE, **settings: object) -> BayesianFactorization:
    config = BayesConfig.model_validate({**SHORT, **settings})
    model = BayesianFactorization(config, train.n_users, train.n_items)
    fit(model, train)
    return model


WHEN = np.array([0.0, 5, 90_000, 90_010, 200_000])
"""Three days, and four sessions of a minute."""

FIVE = replace(tables.triples(("a", 1, 4), ("a", 2, 2), ("b", 1, 3), ("b", 3, 5), ("c", 2, 1)), times=WHEN)


@pytest.mark.parametrize(("links", "days", "sessions"), [("both", False, ()), ("none", True, (60,))])
def test_the_chain_draws_from_the_joint_distribution(links: Links, days: bool, sessions: tuple[float, ...]) -> None:
    """Geweke, JASA 2004: with ratings drawn anew from the model at every sweep, all else keeps its prior.

    Noise of each row's own mixes slowly, and what it weighs with it: hence two long chains.
    """
    noise, volume = np.empty((2, 4000, 4)), np.empty((2, 4000, 2 + days + len(sessions)))
    for number, at in np.ndindex(2, 4000):
        if not at:
            random = np.random.default_rng(number)
            chain = Chain(FIVE, 1, "gaussian", links, False, random, days, sessions)
            people, items = chain.users.noise, chain.items.noise
        chain.sweep(adapt=False)
        noise[number, at] = people.rate, items.rate, people.precision[0], items.precision[0]
        volume[number, at] = [float(group.prior.precision.det()) for group in chain.groups]
        fitted = by_hand([group.vectors[group.rows] for group in chain.groups])
        precision = people.precision[FIVE.users] * items.precision[FIVE.items]
        chain.values = random.normal(fitted, 1 / np.sqrt(precision)).astype(np.float32)
    chi = random.chisquare([3, 2], (100_000, 2)).prod(1)  # the determinant of a Wishart(I, 3) matrix
    shapes, rates = random.choice(SHAPES, (2, 100_000)), random.exponential(size=100_000)
    before = [rates, shapes[1], random.gamma(shapes[0]) / rates, random.gamma(shapes[1]) / shapes[1]]
    for share in (0.25, 0.5, 0.75):
        assert np.mean(volume < np.quantile(chi, share)) == pytest.approx(share, abs=0.08)
        for drawn, prior, slow in zip(noise.reshape(-1, 4).T, before, (0.15, 0.08, 0.15, 0.08), strict=True):
            assert np.mean(drawn < np.quantile(prior, share)) == pytest.approx(share, abs=slow)


def by_hand(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Every bias, and every pair of vectors multiplied -> (n,)"""
    biases = np.sum([part[:, -1] for part in parts], axis=0, dtype=np.float64)
    pairs = [(a[:, :-1].astype(np.float64) * b[:, :-1]).sum(1) for a, b in combinations(parts, 2)]
    return np.asarray(biases + np.sum(pairs, axis=0))


@LIKELIHOODS
@pytest.mark.usefixtures("threads_as_before")
def test_the_number_of_threads_changes_no_bit(likelihood: str) -> None:
    train, states = tables.random_table(700, 300, 0.2), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        states.append(trained(train, likelihood=likelihood, sweeps=4, samples=2).state_dict())
    for other in states[1:]:
        for name, value in states[0].items():
            assert torch.equal(value, other[name]), name


def test_chains_are_kept_side_by_side() -> None:
    """The first of two is the chain that there would be alone; the second begins anew."""
    alone, both = trained(sweeps=8, samples=4, chains=1), trained(sweeps=8, samples=4)
    assert both.users.shape == (60, 8, 4)
    assert torch.equal(both.users[:, :4], alone.users)
    again = both.users[:, 4:].flatten(1)
    assert np.abs(np.corrcoef(again.flatten(), alone.users.flatten())[0, 1]) < 0.9
    edges = both.cutpoints[:4]
    assert (edges.diff() > 0).all()
    assert float(edges.mean()) == pytest.approx(0, abs=1e-5)


DIGEST = """
import hashlib, torch
from palate.models.bayes.config import BayesConfig
from palate.models.bayes.model import BayesianFactorization
from tests import tables
train = tables.random_table(700, 300, 0.2)
model = BayesianFactorization(BayesConfig(dim=16, chains=1, sweeps=2, samples=1), 700, 300)
model.solve(train, torch.Generator())
print(hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest())
"""


def test_the_threads_that_a_process_begins_with_change_no_bit() -> None:
    """numpy's products, of this size too, are made by as many threads as OMP_NUM_THREADS says, and differ by it."""
    running = []
    for threads in ("1", "2"):
        path = os.pathsep.join(filter(None, sys.path))
        settings = {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": path}
        command = [sys.executable, "-c", DIGEST]
        running.append(
            subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, cwd=tables.ROOT)
        )
    one, two = (process.communicate()[0] for process in running)
    assert one == two != b""


@LIKELIHOODS
def test_score_and_predict_are_the_formula(likelihood: str) -> None:
    model = trained(likelihood=likelihood)
    query = queries.of_users(TABLE, np.arange(60), model)
    left, right = model.users[:5].double(), model.items.double()
    latent = torch.einsum("usk,isk->uis", left[..., :-1], right[..., :-1])
    latent = latent + left[:, None, :, -1] + right[None, :, :, -1]  # (5, n_items, draws)
    expected = torch.stack([share * mean for share, mean, _ in ratings_of(model, latent, torch.zeros(()))]).sum(0)
    torch.testing.assert_close(model.score(query)[:5].double(), expected, atol=3e-3, rtol=1e-3)


def ratings_of(model: BayesianFactorization, latent: Tensor, noise: Tensor) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Of the draws (..., draws) of levels, then of numbers: their share, and the rating's mean and variance."""
    of_levels, numbers = latent.tensor_split([model.of_levels], dim=-1)
    if n := of_levels.shape[-1]:
        root = of_levels.var(-1, correction=0, keepdim=True).add(1).sqrt()
        values = of_levels.mean(-1, keepdim=True) + root * normals()
        levels = model.levels.double()[torch.searchsorted(model.cutpoints.double(), values)]
        yield n / latent.shape[-1], levels.mean(-1), levels.var(-1)
    if n := numbers.shape[-1]:
        numbers, noise = model.unit * numbers, model.unit**2 * noise
        yield n / latent.shape[-1], model.mean + numbers.mean(-1), numbers.var(-1, correction=0) + noise


def normals(n: int = 20_001) -> Tensor:
    """The quantiles of the standard normal."""
    quantiles: Tensor = torch.special.ndtri((torch.arange(n).double() + 0.5) / n)
    return quantiles


@LIKELIHOODS
def test_spread_is_that_of_the_rating(likelihood: str) -> None:
    """Of somebody known, with the noise of theirs; of a newcomer, with the usual one."""
    model = trained(likelihood=likelihood)
    assert isinstance(model, KnowsSpread)
    people, items = torch.tensor([0, 4, 7]), torch.tensor([3, 9, 0])
    newcomer = tables.newcomer([3, 9], [5, 1])
    for query, everyone, noise in (
        (queries.of_users(TABLE, np.arange(60), model), model.users, model.people_noise),
        (newcomer, newcomer.people(model.users, model._fold_in), model.people_noise.mean().expand(1)),
    ):
        who = people % len(query)
        left, right = everyone[who].double(), model.items[items].double()
        latent = (left[..., :-1] * right[..., :-1]).sum(2) + left[..., -1] + right[..., -1]
        parts = list(ratings_of(model, latent, noise[who].double() * model.item_noise[items].double()))
        mean = torch.stack([share * mean for share, mean, _ in parts]).sum(0)
        squared = torch.stack([share * (mean**2 + variance) for share, mean, variance in parts]).sum(0)
        deviation = model.spread(query, who, items).double()
        torch.testing.assert_close(deviation, (squared - mean**2).sqrt(), atol=3e-3, rtol=3e-3)


def test_half_of_the_chains_take_ratings_for_levels() -> None:
    short = {"sweeps": 8, "samples": 4, "dim": 3}
    for chains, likelihood, n in (
        (4, "both", 2),
        (3, "both", 2),
        (1, "both", 1),
        (3, "gaussian", 0),
        (3, "ordinal", 3),
    ):
        config = BayesConfig.model_validate({**short, "chains": chains, "likelihood": likelihood})
        assert BayesianFactorization(config, 3, 4).of_levels == 4 * n


def test_it_learns_who_and_what_is_rated_at_random() -> None:
    """A third of the people and of the items with a noise of 1, the others with one of 0.1 each."""
    draw = np.random.default_rng(0)
    users, items = (draw.random((150, 90)) < 0.5).nonzero()
    own, other = (np.where(np.arange(n) % 3 == 0, 1.0, 0.1) for n in (150, 90))
    ratings = 3 + draw.normal(size=len(users)) * np.sqrt(own[users] * other[items])
    model = trained(tables.table(users.tolist(), items.tolist(), ratings.tolist()), likelihood="gaussian", dim=1)
    noise = model.unit**2 * model.people_noise[:, None] * model.item_noise  # (n_users, n_items)
    right = torch.from_numpy(own[:, None] * other)
    assert np.corrcoef(noise.log().flatten(), right.log().flatten())[0, 1] > 0.97
    assert float((noise / right).log().mean()) == pytest.approx(0, abs=0.15)


def test_a_newcomer_is_drawn_from_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each draw the ridge regression of their ratings towards the prior, and the stored noise of its covariance; how
    exact they are is what the regression makes one expect."""
    monkeypatch.setattr(newcomers, "NOISE_STEPS", 60)
    model = trained(likelihood="gaussian")
    shape, rate = model.noise_prior.tolist()
    histories, ratings = torch.tensor([[PADDING, 3, 9], [1, 2, 3]]), torch.tensor([[0.0, 5, 2], [1, 4, 4]])
    folded_in = Query(torch.tensor([UNSEEN, UNSEEN]), histories, ratings).people(model.users, model._fold_in)
    for person, at in ((0, 0), (0, 7), (1, 3)):
        rows = histories[person][histories[person] != PADDING]
        vectors = model.items[rows, at].double().numpy()
        x = np.concatenate([vectors[:, :-1], np.ones((len(rows), 1))], axis=1)
        rated = ratings[person][histories[person] != PADDING].numpy()
        y = (rated - float(model.mean)) / float(model.unit) - vectors[:, -1]
        weights, prior = 1 / model.item_noise[rows].double().numpy(), model.people_precisions[at].double().numpy()
        exact = 1.0
        for _ in range(200):
            precision = prior + exact * (x.T * weights) @ x
            mean = np.linalg.solve(
                precision, prior @ model.people_means[at].double().numpy() + exact * x.T * weights @ y
            )
            off = (y - x @ mean) ** 2 + np.diag(x @ np.linalg.inv(precision) @ x.T)
            exact = (shape + len(y) / 2) / (rate + weights @ off / 2)
        drawn = mean + np.linalg.inv(np.linalg.cholesky(precision)).T @ model.normals[at].double().numpy()
        np.testing.assert_allclose(folded_in[person, at], drawn, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(model.normals.mean(0), torch.zeros(4), atol=1e-6, rtol=0)


def test_a_newcomer_s_latent_values_and_vector_agree() -> None:
    """Levels: the vector is the regression of the latent values, and these the means that the vector leads to."""
    model = trained(likelihood="ordinal")
    model.normals.zero_()
    rows, ratings = torch.tensor([[4, 7, 11, 20]]), torch.tensor([[5.0, 1, 2, 4]])
    vector = model._fold_in(rows, ratings)[0, 6].double()
    vectors = model.items[rows[0], 6].double()
    x = torch.cat([vectors[:, :-1], torch.ones(4, 1)], dim=1)
    fitted = x @ vector + vectors[:, -1]
    edges = [-torch.inf, *model.cutpoints[:4].tolist(), torch.inf]
    low, high = (torch.tensor([edges[int(r) - 1 + one] for r in ratings[0]]).double() for one in (0, 1))
    latent = mean_within(fitted, low, high) - vectors[:, -1]
    prior = model.people_precisions[6].double()
    right = torch.linalg.solve(prior + x.T @ x, prior @ model.people_means[6].double() + x.T @ latent)
    torch.testing.assert_close(vector, right, atol=5e-3, rtol=5e-3)


def test_the_mean_within_is_that_of_the_draws() -> None:
    n = 20_001
    uniforms = (np.arange(n) + 0.5) / n
    for mean, low, high in ((0.2, -1.0, 1.5), (-3.0, 2.0, np.inf), (7.0, -np.inf, 1.0), (0.0, -np.inf, np.inf)):
        drawn = truncated(np.full(n, mean), np.full(n, low), np.full(n, high), uniforms)
        exact = mean_within(*(torch.tensor(value, dtype=torch.float64) for value in (mean, low, high)))
        assert float(exact) == pytest.approx(drawn.mean(dtype=np.float64), abs=2e-3)


TIMED = replace(TABLE, times=np.sort(np.random.default_rng(1).uniform(0, 3e5, len(TABLE))))
"""Over four days."""


@pytest.mark.parametrize(("days", "sessions"), [(True, ()), (False, (7200.0,)), (True, (7200.0, 600.0))])
def test_what_is_kept_of_a_draw_is_the_draw(days: bool, sessions: tuple[float, ...]) -> None:
    """Though means of occasions go to people and items: at its time each rating is as in the chain."""
    assert TIMED.times is not None
    model = trained(TIMED, days=days, sessions=sessions, likelihood="gaussian", chains=1, samples=1)
    random = np.random.default_rng(0)
    chain = Chain(TIMED, 3, "gaussian", "both", True, random, days, sessions)
    for _ in range(5):
        chain.sweep(adapt=False)
    model._keep(0, chain)
    query = queries.of_users(TIMED, np.arange(60), model)
    pairs = torch.from_numpy(TIMED.users).long(), torch.from_numpy(TIMED.items).long()
    fitted = model._of_pairs(lambda latent: latent.mean(0), query, *pairs, torch.from_numpy(TIMED.times))
    np.testing.assert_allclose(fitted, by_hand([group.vectors[group.rows] for group in chain.groups]), atol=1e-4)
    assert model.occasions.shape == (sum(map(len, chain.keys)) + 1, 1, 4)


def test_a_time_nothing_is_known_of_is_a_mean_one() -> None:
    """Another day, and the day that is known of a person whose sessions are not."""
    model = trained(TIMED, days=True, sessions=(7200,))
    query = tables.newcomer([3], [5])
    person, items = torch.zeros(3, dtype=torch.int64), torch.tensor([1, 2, 3])
    plain = model.predict(query, person, items)
    assert torch.equal(model.predict_at(query, person, items, torch.full((3,), 1e9, dtype=torch.float64)), plain)
    assert not torch.equal(model.predict_at(query, person, items, torch.zeros(3, dtype=torch.float64)), plain)
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": ["bayes"]}), 60, 40)
    blend.members["bayes"], when = model, torch.zeros(3, dtype=torch.float64)
    at_times = model.predict_at(query, person, items, when)
    torch.testing.assert_close(blend.predict_at(query, person, items, when), at_times)


def test_held_out_ratings_are_predicted_at_their_times() -> None:
    """Moods of people that last for a day and differ by 3: known of the day, and of no use without it."""
    draw = np.random.default_rng(0)
    users, items = (draw.random((40, 30)) < 0.7).nonzero()
    days = draw.integers(0, 6, len(users))
    mood = draw.choice([-1.5, 1.5], (40, 6))[users, days]
    ratings = (3 + mood + 0.3 * draw.normal(size=len(users))).tolist()
    whole = tables.table(users.tolist(), items.tolist(), ratings, (days * 86_400.0 + 60).tolist())
    held_out = draw.random(len(whole)) < 0.2
    train, test = whole.where(~held_out), whole.where(held_out)
    model = trained(train, sessions=(86_400,), likelihood="gaussian", sweeps=60)
    assert test.ratings is not None
    assert rmse(predict(model, train, test), test.ratings) < 0.6
    assert rmse(predict(model, train, replace(test, times=None)), test.ratings) > 1.2
    spreads = spread(model, train, test)
    assert spreads is not None
    expected = torch.from_numpy(spreads)
    assert float(expected.mean()) == pytest.approx(0.5, abs=0.2)


def test_occasions_need_times() -> None:
    with pytest.raises(UnsupportedError, match="this table has none"):
        trained(days=True)


def test_keys_of_occasions() -> None:
    """By hand: the day for all, then of each person the hour, and the minute."""
    users, times = torch.tensor([0, 1, UNSEEN]), torch.tensor([86_399.0, 86_400.0, 7_260.0], dtype=torch.float64)
    day, hour, minute = occasions(users, times, 2, True, (3600, 60))
    size = 2**34
    assert day.tolist() == [0, 1, 0]
    assert hour.tolist() == [(3 + 1) * size + 23, (3 + 2) * size + 24, 3 * size + 2]
    assert minute.tolist() == [(6 + 1) * size + 1439, (6 + 2) * size + 1440, 6 * size + 121]


def test_levels_are_the_ratings_there_are() -> None:
    levels, ranks = levels_of(np.array([3.5, 0.5, 5, 0.5], dtype=np.float32))
    assert levels.tolist() == [0.5, 3.5, 5]
    assert ranks.tolist() == [1, 0, 2, 0]
    fine = np.random.default_rng(0).uniform(0, 100, 2000).astype(np.float32)
    levels, ranks = levels_of(fine)
    assert len(levels) == LEVELS
    assert np.bincount(ranks).tolist() == [125] * LEVELS
    assert np.mean(levels[ranks]) == pytest.approx(fine.mean(), rel=1e-5)


def test_a_link_of_events_and_one_of_categories() -> None:
    dense = np.zeros((60, 40))
    dense[TABLE.users, TABLE.items] = 1
    dense /= np.sqrt(np.maximum(dense.sum(1, keepdims=True), 1))
    random = np.random.default_rng(0)
    people, items = Group(TABLE.users, 60, 3, random), Group(TABLE.items, 40, 3, random)
    link = implicit(people, items, random)
    u = link.u.double()
    np.testing.assert_allclose(u * link.s**2 @ u.T, dense @ dense.T, atol=1e-3)
    assert not list(categories(TABLE, 2))


def planted(seed: int, whole: bool) -> Interactions:
    """Three tastes, with a noise of 0.5; ratings as they are, or the nearest whole ones."""
    draw = np.random.default_rng(seed)
    left, right = draw.normal(size=(300, 3)), draw.normal(size=(120, 3))
    users, items = (draw.random((300, 120)) < 0.35).nonzero()
    ratings = (3 + (left[users] * right[items]).sum(1) * 0.5 + draw.normal(scale=0.5, size=len(users))).clip(1, 5)
    ratings = ratings.round() if whole else ratings
    return tables.table(users.tolist(), items.tolist(), ratings.tolist(), all_users=range(300), all_items=range(120))


@LIKELIHOODS
def test_it_finds_what_was_planted_and_knows_how_well(likelihood: str) -> None:
    whole = planted(0, whole=likelihood != "gaussian")
    held_out = np.random.default_rng(0).random(len(whole)) < 0.2
    train, test = whole.where(~held_out), whole.where(held_out)
    model = trained(train, likelihood=likelihood, sweeps=100, samples=25)
    query = queries.of_users(train, np.arange(300), model)
    pairs = torch.from_numpy(test.users).long(), torch.from_numpy(test.items).long()
    off = np.abs(model.predict(query, *pairs).numpy() - test.ratings)
    assert np.sqrt(np.mean(off**2)) < 0.68  # the noise alone is 0.5, and 0.58 with the rounding
    assert np.mean(off < 1.2816 * model.spread(query, *pairs).numpy()) == pytest.approx(0.8, abs=0.06)


@LIKELIHOODS
def test_one_rating_for_all_is_what_everybody_gives(likelihood: str) -> None:
    table = tables.random_table()
    model = trained(replace(table, ratings=np.full(len(table), 4, np.float32)), likelihood=likelihood, sweeps=80)
    everybody = Query(
        torch.tensor([0, 1, 2, UNSEEN]),
        torch.tensor([[PADDING], [PADDING], [PADDING], [0]]),
        torch.tensor([[0.0], [0], [0], [4]]),
    )
    torch.testing.assert_close(
        model.score(everybody), torch.full((4, 20), 4.0), atol=0 if likelihood == "ordinal" else 0.5, rtol=0
    )


@pytest.mark.parametrize("times", [20, 0.05])
def test_the_scale_of_ratings_does_not_matter(times: float) -> None:
    """Points to 100, or shares of 1: all is as many times as large."""
    whole = planted(0, whole=True)
    assert whole.ratings is not None
    rows, rated = torch.tensor([[PADDING, PADDING], [7, 8]]), torch.tensor([[0.0, 0.0], [5.0, 1.0]])
    people, items = torch.tensor([0, 1, 1]), torch.tensor([5, 5, 9])
    answers = []
    for k in (1, times):
        model = trained(replace(whole, ratings=whole.ratings * np.float32(k)))
        query = Query(torch.tensor([3, UNSEEN]), rows, rated * k)
        answers.append(torch.stack([model.predict(query, people, items), model.spread(query, people, items)]) / k)
    torch.testing.assert_close(*answers, rtol=1e-2, atol=1e-2)


def test_more_samples_than_sweeps_after_the_first_quarter_are_refused() -> None:
    assert BayesConfig.model_validate({"sweeps": 30, "samples": 23}).kept == 23
    with pytest.raises(ValidationError, match="samples is 24, but only the last 23 of 30 sweeps can be kept"):
        BayesConfig.model_validate({"sweeps": 30, "samples": 24})


def test_the_draws_kept_are_spread_over_all_but_the_first_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[bool] = []
    kept: list[tuple[int, int]] = []
    monkeypatch.setattr(Chain, "sweep", lambda chain, adapt: swept.append(adapt))
    monkeypatch.setattr(BayesianFactorization, "_keep", lambda model, at, chain: kept.append((at, len(swept))))
    trained(chains=1, sweeps=12, samples=4)
    assert swept == [True] * 3 + [False] * 9
    assert kept == [(0, 6), (1, 8), (2, 10), (3, 12)]  # every second of the last nine, from the end


@pytest.mark.parametrize(
    ("n_users", "n_items", "dim"),
    [(60, 40, 24), (240, 160, 48), (400, 400, 64)],  # 2,400 / 100 = 24, 38,400 / 400 = 96, 160,000 / 800 = 200
)
def test_about_half_as_many_numbers_as_a_row_has_ratings(n_users: int, n_items: int, dim: int) -> None:
    table = tables.random_table(n_users, n_items, 1.0)
    short = {"chains": 1, "sweeps": 2, "samples": 1}
    config = BayesConfig.model_validate(short)
    model = BayesianFactorization.of(config, table)
    assert model.config == BayesConfig.model_validate({**short, "dim": dim})
    assert model.users.shape == (n_users, 1, dim + 1)
    assert BayesianFactorization.of(chosen := BayesConfig.model_validate({"dim": 7}), table).config == chosen
    blend = RatingBlend.of(RatingBlendConfig.model_validate({"members": {"bayes": short, "bias": {}}}), table)
    assert blend.config.members == {"bayes": {**short, "dim": dim}, "bias": {}}
    assert BayesianFactorization(config, 2, 3).users.shape == (2, 1, 25)


def test_an_artifact_says_how_many_numbers_that_were(tmp_path: Path) -> None:
    table = tables.random_table(120, 80, 1.0)  # 9,600 / 200 = 48: the fewest are left
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("palate.models.bayes.config.MIN_DIM", 3)
        patch.setattr("palate.models.bayes.config.MAX_DIM", 5)
        members = {"bayes": {"chains": 1, "sweeps": 4, "samples": 2}, "bias": {}}
        before = palate.train(table, model="rating-blend", settings={"members": members}, output=tmp_path / "m.palate")
    after = palate.load(tmp_path / "m.palate")  # where other bounds are the usual
    assert isinstance(after.model, RatingBlend)
    assert after.model.config.members["bayes"]["dim"] == after.model.parts[0].users.shape[2] - 1 == 5
    assert after.predict(3, 4) == before.recommender.predict(3, 4)
