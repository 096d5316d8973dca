"""The contract of a trained model, check by check. The docstring of a check says what must hold.

A check takes a trained model and its table, with at least ten users and eight items, and raises ContractError.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from palate.artifact import folder
from palate.artifact.folder import Artifact
from palate.artifact.header import Training
from palate.data.interactions import Interactions
from palate.data.split import TRAIN, Split
from palate.inference import queries
from palate.models.contract import (
    PADDING,
    UNSEEN,
    HasVectors,
    KnowsSpread,
    Model,
    PredictsAtTimes,
    PredictsRatings,
    Query,
)
from palate.testing.tables import DISLIKED, LIKED

CLOSE = 1e-4
"""Largest difference of scores that count as the same, absolute and as a share of the score."""

Check = Callable[[Model, Interactions], None]


class ContractError(AssertionError):
    """A model breaks the contract: the message says what must hold, and what the model does instead."""


def expect(holds: bool, message: str) -> None:
    """Raise ContractError with the message unless the condition holds."""
    if not holds:
        raise ContractError(message)


def mixed_query(model: Model, table: Interactions) -> Query:
    """Build a query of 3 users of the table and, between them, 3 new users: with 5 events, with 2, with none."""
    known, five, two, none = [4, 0, 9], [0, 1, 2, 3, 5], [7, 4], list[int]()
    asked = queries.of_users(table, np.array(known), model).histories.tolist()
    rows = [row for pair in zip(asked, (five, two, none), strict=True) for row in pair]
    longest = max(map(len, rows))
    histories = torch.tensor([[PADDING] * (longest - len(row)) + row for row in rows])  # (6, L)
    users = torch.tensor([row for user in known for row in (user, UNSEEN)])
    if table.ratings is None:
        return Query(users, histories)
    return Query(users, histories, torch.where(histories % 2 == 0, LIKED, DISLIKED) * (histories != PADDING))


def one_by_one(query: Query) -> Iterator[Query]:
    """Yield each user of a query as a query of one."""
    for row in range(len(query)):
        ratings = None if query.ratings is None else query.ratings[row : row + 1]
        yield Query(query.users[row : row + 1], query.histories[row : row + 1], ratings)


def scores_are_finite(model: Model, table: Interactions) -> None:
    """Check that score(query) is (B, n_items) and finite, for users of the table and for new users."""
    query = mixed_query(model, table)
    scores = model.score(query)
    expected = (len(query), table.n_items)
    expect(tuple(scores.shape) == expected, f"score has the shape {tuple(scores.shape)}, not (B, n_items) = {expected}")
    expect(bool(scores.isfinite().all()), "score is not finite for every user and item")


def new_users_need_no_history(model: Model, table: Interactions) -> None:
    """Check that a new user without any event has finite scores (cold start)."""
    histories = torch.empty(1, 0, dtype=torch.int64)
    ratings = None if table.ratings is None else torch.empty(1, 0)
    scores = model.score(Query(torch.tensor([UNSEEN]), histories, ratings))
    expect(bool(scores.isfinite().all()), "score is not finite for a new user without any event")


def a_batch_scores_as_one_by_one(model: Model, table: Interactions) -> None:
    """Check that the scores of a user do not depend on the other users of the batch."""
    query = mixed_query(model, table)
    alone = torch.cat([model.score(single) for single in one_by_one(query)])
    expect_close(model.score(query), alone, "a batch has other scores than its users one by one")


def padding_changes_nothing(model: Model, table: Interactions) -> None:
    """Check that PADDING before a history changes no score."""
    query = mixed_query(model, table)
    wider = functional.pad(query.histories, (3, 0), value=PADDING)
    ratings = None if query.ratings is None else functional.pad(query.ratings, (3, 0))
    padded = Query(query.users, wider, ratings)
    expect_close(model.score(padded), model.score(query), "more PADDING before the histories changes scores")


def the_past_is_used_where_the_flag_says_so(model: Model, table: Interactions) -> None:
    """Check that without LOOKS_BACK the history in the query changes no score of a user of the table."""
    without, with_past = queries_with_and_without_past(rated=table.ratings is not None)
    same = torch.equal(model.score(without), model.score(with_past))
    expect(
        model.LOOKS_BACK or same,
        "score uses the history of users of the table, and LOOKS_BACK is False, so that they come without one: set "
        "LOOKS_BACK = True",
    )


def queries_with_and_without_past(rated: bool) -> tuple[Query, Query]:
    """Build a query of two users of the table without their history, and one of the same users with some history."""
    users = torch.tensor([0, 7])
    without = Query(users, torch.empty(2, 0, dtype=torch.int64), torch.empty(2, 0) if rated else None)
    ratings = torch.tensor([[LIKED, LIKED], [DISLIKED, 0.0]]) if rated else None
    return without, Query(users, torch.tensor([[1, 3], [2, PADDING]]), ratings)


def predictions_are_finite(model: Model, table: Interactions) -> None:
    """Check that predict, predict_at and spread return a finite number for each pair, where the model has them."""
    query = mixed_query(model, table)
    people, items = torch.tensor([0, 0, 1, 5, 3, 2, 4]), torch.tensor([3, 0, 6, 7, 7, 7, 1])
    values: dict[str, Tensor] = {}
    if isinstance(model, PredictsRatings):
        values["predict"] = model.predict(query, people, items)
        expect(model.predict(query, people[:0], items[:0]).shape == (0,), "predict fails for no pairs at all")
    if isinstance(model, PredictsAtTimes):
        values["predict_at"] = model.predict_at(query, people, items, torch.full((7,), 1e9, dtype=torch.float64))
    if isinstance(model, KnowsSpread):
        values["spread"] = model.spread(query, people, items)
        expect(bool((values["spread"] > 0).all()), "spread is not above 0 for every pair")
    for method, result in values.items():
        expect(tuple(result.shape) == (7,), f"{method} has the shape {tuple(result.shape)}, not (N,) = (7,)")
        expect(bool(result.isfinite().all()), f"{method} is not finite for every pair")


def vectors_have_a_row_each(model: Model, table: Interactions) -> None:
    """Check that user_vectors is (n_users, d) and item_vectors (n_items, d), where the model has them."""
    if isinstance(model, HasVectors):
        shapes = tuple(model.user_vectors().shape), tuple(model.item_vectors().shape)
        dim = shapes[1][-1]
        expected = (table.n_users, dim), (table.n_items, dim)
        expect(shapes == expected, f"user and item vectors have the shapes {shapes}, not (n, d) = {expected}")


def the_device_is_known(model: Model, table: Interactions) -> None:
    """Check that the model scores on the device that its parameters and buffers are on."""
    device = model.score(mixed_query(model, table)).device
    expect(device == model.device, f"score is on {device}, and the model on {model.device}")


def the_state_holds_all_that_was_learned(model: Model, table: Interactions) -> None:
    """Check that a copy with the same settings and state_dict has the same scores, to the last bit."""
    copied = type(model)(model.config, model.n_users, model.n_items).eval()
    copied.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    query = mixed_query(model, table)
    expect(
        torch.equal(copied.score(query), model.score(query)),
        "a copy with the same state_dict has other scores: keep what is learned in parameters and buffers "
        "(self.register_buffer), not in plain attributes",
    )


def a_saved_model_answers_as_before(model: Model, table: Interactions) -> None:
    """Check that the model has the same scores after it is saved and opened, to the last bit."""
    split = Split(table, np.full(len(table), TRAIN, dtype=np.uint8))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "checked.palate"
        folder.write(path, Artifact(model, split, Training(seed=0)))
        opened = folder.read(path, type(model)).model
        query = mixed_query(model, table)
        expect(torch.equal(opened.score(query), model.score(query)), "a saved model has other scores once it is opened")


def expect_close(scores: Tensor, expected: Tensor, message: str) -> None:
    """Raise ContractError with the message and the largest difference unless the scores are close."""
    largest = float((scores - expected).abs().max())
    message = f"{message}, by up to {largest:.2g}"
    expect(torch.allclose(scores, expected, atol=CLOSE, rtol=CLOSE), message)


CHECKS: tuple[Check, ...] = (
    scores_are_finite,
    new_users_need_no_history,
    a_batch_scores_as_one_by_one,
    padding_changes_nothing,
    the_past_is_used_where_the_flag_says_so,
    predictions_are_finite,
    vectors_have_a_row_each,
    the_device_is_known,
    the_state_holds_all_that_was_learned,
    a_saved_model_answers_as_before,
)
