"""Alternating least squares: every person and item is the weighted regression that the docstring says."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models.als import AlternatingLeastSquares, AlternatingLeastSquaresConfig, improve
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.popularity import Popularity, PopularityConfig
from palate.training.fit import fit
from tests import tables

RATED = tables.random_table(60, 40, 0.2)
TABLE = replace(RATED, ratings=None)


def trained(train: Interactions = TABLE, **settings: object) -> AlternatingLeastSquares:
    config = AlternatingLeastSquaresConfig.model_validate(settings)
    model = AlternatingLeastSquares(config, train.n_users, train.n_items)
    fit(model, train)
    return model


def closed_form(counts: NDArray[np.int64], features: NDArray[np.floating], a0: float, l2: float) -> NDArray[np.float64]:
    """Hu et al.'s equation (4), on the whole dense row of how often each column was met."""
    y = features.astype(np.float64)
    weights = np.diag(counts + a0)
    penalty = l2 * (counts.sum() + a0 * len(counts)) * np.eye(y.shape[1])
    return np.asarray(np.linalg.solve(y.T @ weights @ y + penalty, y.T @ counts), dtype=np.float64)


@pytest.mark.parametrize("d", [1, 3, 4, 18])
def test_each_row_is_its_own_regression(d: int) -> None:
    """Rows of no event, of one, of an item met again, and of more than a part."""
    draw = np.random.default_rng(d)
    counts = np.array([0, 1, 3, 90, 0, 7, *draw.integers(0, 9, 300)])
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns = draw.integers(0, 30, starts[-1]).astype(np.int32)
    features = draw.normal(size=(30, d)).astype(np.float32)
    vectors = draw.normal(size=(len(counts), d)).astype(np.float32)
    improve(vectors, starts, columns, features, features.T @ features, 0.2, 0.01, 100)
    for row, w in enumerate(vectors):
        met = np.bincount(columns[starts[row] : starts[row + 1]], minlength=30)
        np.testing.assert_allclose(w, closed_form(met, features, 0.2, 0.01), rtol=1e-3, atol=1e-4)


def test_a_step_is_that_of_the_textbook() -> None:
    """Two steps of conjugate gradients from where a row is, with the whole matrix at hand."""
    draw = np.random.default_rng(0)
    features, start = draw.normal(size=(30, 9)), draw.normal(size=9)
    met = np.bincount([2, 5, 6], minlength=30)
    a = features.T @ np.diag(met + 0.2) @ features + 0.01 * (3 + 0.2 * 30) * np.eye(9)
    x, left = start, features.T @ met - a @ start
    direction = left
    for _ in range(2):
        step = left @ left / (direction @ a @ direction)
        x, after = x + step * direction, left - step * a @ direction
        direction, left = after + after @ after / (left @ left) * direction, after
    vectors, floats = start.astype(np.float32)[None], features.astype(np.float32)
    improve(vectors, np.array([0, 3]), np.array([2, 5, 6], np.int32), floats, floats.T @ floats, 0.2, 0.01, 2)
    np.testing.assert_allclose(vectors[0], x, rtol=1e-4, atol=1e-5)
    assert np.abs(x - closed_form(met, features, 0.2, 0.01)).max() > 1e-3  # there is more to go


def test_people_are_the_best_answer_to_the_items_and_items_nearly_that_to_the_people() -> None:
    model = trained(sweeps=40, dim=4, unobserved=0.3, l2=0.02)
    users, items = model.users.numpy(), model.items.numpy()
    met = np.zeros((60, 40), dtype=np.int64)
    met[TABLE.users, TABLE.items] = 1
    for user in range(60):
        np.testing.assert_allclose(users[user], closed_form(met[user], items, 0.3, 0.02), rtol=1e-3, atol=1e-4)
    for item in range(40):
        np.testing.assert_allclose(items[item], closed_form(met[:, item], users, 0.3, 0.02), rtol=0.05, atol=0.02)


def test_a_person_never_seen_is_solved_as_in_training() -> None:
    model = trained(dim=4)
    histories = torch.full((60, int(np.diff(TABLE.offsets).max())), PADDING)
    for user in range(60):
        theirs = torch.from_numpy(TABLE.items[TABLE.users == user]).long()
        if len(theirs):
            histories[user, -len(theirs) :] = theirs
    as_new = model.score(Query(torch.full((60,), UNSEEN), histories))
    assert torch.equal(as_new, model.score(queries.of_users(TABLE, np.arange(60), model)))


@pytest.mark.usefixtures("threads_as_before")
def test_the_number_of_threads_changes_no_bit() -> None:
    models = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        models.append(trained(tables.random_table(700, 300, 0.02)))
    for other in models[1:]:
        assert torch.equal(models[0].users, other.users)
        assert torch.equal(models[0].items, other.items)


def test_the_threads_that_a_process_begins_with_change_no_bit() -> None:
    """Which is what numpy's products go by."""
    script = (
        "import numpy; from palate.models.als import products_of\n"
        "draw = numpy.random.default_rng(0).normal(size=(5000, 64)).astype(numpy.float32)\n"
        "print(products_of(draw).tobytes().hex())"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        )
        for threads in "12"
    ]
    one, two = (run.communicate()[0] for run in runs)
    assert len(one) > 64 * 64
    assert one == two


def test_people_and_items_without_events_are_nothing() -> None:
    model = trained(TABLE.where((TABLE.users != 7) & (TABLE.items != 3)))
    assert not model.users[7].any()
    assert not model.items[3].any()
    assert model.users[[*range(7), *range(8, 60)]].any(dim=1).all()


def test_ratings_say_which_events_count() -> None:
    """In training, and in the history of a person never seen; who liked nothing is shown what most people liked."""
    assert RATED.ratings is not None
    liked = RATED.where(RATED.ratings >= 4)
    model, bare = trained(RATED, dim=4), trained(replace(liked, ratings=None), dim=4)
    assert torch.equal(model.items, bare.items)
    histories = torch.tensor([[3, 8, 5, 6], [PADDING, PADDING, 4, 4]])
    ratings = torch.tensor([[4.0, 3.0, 5.0, 1.0], [0.0, 0.0, 2.0, 3.0]])
    scores = model.score(Query(torch.tensor([UNSEEN, UNSEEN]), histories, ratings))
    alone = bare.score(Query(torch.tensor([UNSEEN]), torch.tensor([[3, 5]])))
    torch.testing.assert_close(scores[:1], alone)
    share = np.bincount(liked.items, minlength=40) / RATED.n_users
    assert scores[1].tolist() == pytest.approx(share.tolist())


def test_it_finds_what_was_planted() -> None:
    """People of five tastes: held-out items of their own taste come well before what is merely popular."""
    draw = np.random.default_rng(0)
    taste, kind = draw.integers(0, 5, 200), draw.integers(0, 5, 100)
    met = draw.random((200, 100)) < np.where(taste[:, None] == kind, 0.4, 0.02)
    users, items = met.nonzero()
    whole = tables.table(users.tolist(), items.tolist(), all_users=list(range(200)), all_items=list(range(100)))
    out = draw.random(len(whole)) < 0.3
    train, test = whole.where(~out), whole.where(out)
    popularity = Popularity(PopularityConfig.model_validate({}), 200, 100)
    fit(popularity, train)
    ranks = []
    for model in (trained(train, dim=8, l2=0.02), popularity):
        scores = model.score(queries.of_users(train, np.arange(200), model))
        scores[train.users, train.items] = -torch.inf
        better = scores[test.users] > scores[test.users, test.items][:, None]
        ranks.append(better.sum(1).float().mean().item())
    assert ranks[0] < 0.5 * ranks[1]
