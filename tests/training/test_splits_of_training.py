"""Each split from palate.train on: what is recorded, who asks as a newcomer, and what comes back from a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

import palate
from palate.data import split as splits
from palate.evaluation.evaluate import evaluate
from palate.inference import queries
from palate.models import MODELS
from palate.models.contract import PADDING, UNSEEN
from palate.training.fit import fit
from tests import tables, trained
from tests.cli.conftest import Palate, here
from tests.cli.conftest import palate as palate_command
from tests.cli.conftest import tables as csv_tables

__all__ = ["csv_tables", "here", "palate_command"]


@pytest.mark.parametrize("method", list(splits.METHODS))
def test_a_split_is_recorded_and_opens_again_with_the_same_figures(method: str, tmp_path: Path) -> None:
    result = trained.train("bias", split=method, output=tmp_path / "m.palate")
    opened = palate.load(tmp_path / "m.palate")
    assert opened.training.split["method"] == method
    assert opened.training.split["hash"] == opened.split.hash == result.recommender.split.hash
    assert opened.evaluate() == result.metrics


@pytest.mark.parametrize("model", ["bias", "mf", "neural"])
def test_new_people_are_asked_as_people_never_seen(model: str) -> None:
    """The same figure as from one query each, made of ids and ratings alone."""
    recommender = trained.train(model, split="users", test=0.3).recommender
    split = recommender.split
    new = np.unique(split.test.users)
    assert split.newcomers[new].all()
    errors = []
    for row in new:
        shown = split.shown.where(split.shown.users == row)
        asked = split.test.where(split.test.users == row)
        assert shown.ratings is not None
        assert asked.ratings is not None
        ids = [recommender.table.item_ids.id(item) for item in shown.items]
        wanted = [recommender.table.item_ids.id(item) for item in asked.items]
        rated = dict(zip(ids, shown.ratings.tolist(), strict=True))
        predicted = [found.rating for found in recommender.predict(None, wanted, ratings=rated)]
        errors += (np.array(predicted) - asked.ratings).tolist()
    assert recommender.evaluate()["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-5)


def test_a_new_person_of_the_table_is_answered_by_their_history() -> None:
    recommender = trained.train("mf", split="users", test=0.3).recommender
    row = int(recommender.split.test.users[0])
    own = recommender.table.where(recommender.table.users == row)
    assert own.ratings is not None
    ids = [recommender.table.item_ids.id(item) for item in own.items]
    as_newcomer = recommender.recommend(ratings=dict(zip(ids, own.ratings.tolist(), strict=True)))
    assert recommender.recommend(recommender.table.user_ids.id(row)) == as_newcomer


def test_a_query_shows_the_events_of_newcomers_alone_to_a_model_that_never_looks_back() -> None:
    history = tables.table([1, 1, 2, 3], [1, 2, 3, 1], [5, 4, 3, 2], [1, 2, 1, 1])
    model = MODELS["popularity"](MODELS["popularity"].Config(), 3, 3)
    query = queries.of_users(history, np.array([1, 0, 2]), model, np.array([True, False, False]))
    assert query.users.tolist() == [1, UNSEEN, 2]
    assert query.histories.tolist() == [[PADDING, PADDING], [0, 1], [PADDING, PADDING]]
    assert query.ratings is not None
    assert query.ratings.tolist() == [[0, 0], [5, 4], [0, 0]]


def test_with_no_newcomers_nothing_changes() -> None:
    table = tables.random_table()
    split = splits.random(table)
    model = MODELS["bias"](MODELS["bias"].Config(), table.n_users, table.n_items)
    fit(model, split.train)
    asked = evaluate(model, split.shown, split.test, newcomers=np.zeros(table.n_users, dtype=np.bool_))
    assert asked == evaluate(model, split.shown, split.test)


def test_nothing_of_new_people_reaches_a_model() -> None:
    """Whatever the new people rate, what is learned is the same to the last bit."""
    frame = trained.ratings()
    first = trained.train("bias", frame, split="users", test=0.3).recommender
    new = first.table.user_ids.ids[np.unique(first.split.test.users)].to_list()
    changed = [6 - rating if user in new else rating for user, rating in frame.select("userId", "rating").iter_rows()]
    second = trained.train("bias", frame.with_columns(rating=np.array(changed)), split="users", test=0.3).recommender
    assert first.split.hash == second.split.hash
    weights, others = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_the_command_line_takes_a_split(palate_command: Palate, csv_tables: Path, here: Path) -> None:
    ran = palate_command("train", csv_tables / "ratings.csv", "--model", "bias", "--split", "time", "-o", "m.palate")
    assert ran.code == 0, ran.err
    recommender = palate.load(here / "m.palate")
    assert recommender.training.split["method"] == "time"
    learned, tested = recommender.split.before_test.times, recommender.split.test.times
    assert learned is not None
    assert tested is not None
    assert learned.max() < tested.min()
    wrong = palate_command("train", csv_tables / "ratings.csv", "--split", "tme").error
    assert wrong == "split is 'tme': it must be one of random, time, last, users, items"
