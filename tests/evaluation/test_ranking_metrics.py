"""Ranked lists: by hand, and against trec_eval itself."""

from math import log2

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytrec_eval import RelevanceEvaluator

from palate.evaluation.evaluate import evaluate
from palate.evaluation.ranking_metrics import (
    RANKING_METRICS,
    average_precision,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)
from palate.inference import ranking
from tests import tables
from tests.scripted import Scripted

HITS = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=np.bool_)
RELEVANT = np.array([3, 2, 9, 1, 1])


def test_recall_is_the_share_of_the_relevant_that_was_found() -> None:
    assert recall(HITS, RELEVANT).tolist() == pytest.approx([2 / 3, 0 / 2, 4 / 9, 1 / 1, 1 / 1])


def test_precision_is_the_share_of_the_places_that_hit() -> None:
    assert precision(HITS, RELEVANT).tolist() == [2 / 4, 0 / 4, 4 / 4, 1 / 4, 1 / 4]


def test_hit_rate() -> None:
    assert hit_rate(HITS, RELEVANT).tolist() == [1, 0, 1, 1, 1]


def test_ndcg_discounts_by_place_and_compares_with_the_best_there_could_be() -> None:
    first, second, third, fourth = 1 / log2(2), 1 / log2(3), 1 / log2(4), 1 / log2(5)
    expected = [
        (first + third) / (first + second + third),
        0 / (first + second),
        1,  # nine are relevant, a list of four can't hold more than four
        fourth / first,
        first / first,
    ]
    assert ndcg(HITS, RELEVANT).tolist() == pytest.approx(expected)


def test_average_precision_is_of_the_hits_that_a_list_could_hold() -> None:
    expected = [(1 / 1 + 2 / 3) / 3, 0, (1 / 1 + 2 / 2 + 3 / 3 + 4 / 4) / 4, (1 / 4) / 1, (1 / 1) / 1]
    assert average_precision(HITS, RELEVANT).tolist() == pytest.approx(expected)


def test_reciprocal_rank_is_of_the_first_hit() -> None:
    assert reciprocal_rank(HITS, RELEVANT).tolist() == [1, 0, 1, 1 / 4, 1]


def test_a_list_of_one() -> None:
    """Of one place, all but recall say the same: whether it hit."""
    hits, relevant = np.array([[True], [False]]), np.array([4, 1])
    for name, metric in RANKING_METRICS.items():
        assert metric(hits, relevant).tolist() == ([0.25, 0] if name == "recall" else [1, 0]), name


def test_nobody() -> None:
    nobody = np.empty((0, 3), dtype=np.bool_)
    for metric in RANKING_METRICS.values():
        assert metric(nobody, np.empty(0, dtype=np.int64)).shape == (0,)


def in_trec_eval(
    scores: NDArray[np.float32], liked: NDArray[np.bool_], met: NDArray[np.bool_], k: int
) -> dict[str, list[float]]:
    """The same metrics of (n_users, n_items), a number a person who liked anything, by the reference program in C.

    It puts equal scores in descending order of their names: so that of `row` comes after that of `row + 1`.
    """
    n_items = scores.shape[1]
    names = [f"{n_items - row:05d}" for row in range(n_items)]
    truth, run = {}, {}
    for user in np.flatnonzero(liked.any(axis=1)):
        truth[str(user)] = {names[row]: 1 for row in np.flatnonzero(liked[user])}
        run[str(user)] = {names[row]: float(scores[user, row]) for row in np.flatnonzero(~met[user])}
    places = min(k, n_items)
    measures = {f"recall.{k}", f"P.{places}", f"success.{k}", f"ndcg_cut.{k}", f"map_cut.{k}", "recip_rank", "num_rel"}
    found = RelevanceEvaluator(truth, measures).evaluate(run)
    each = [found[user] for user in truth]
    return {
        "recall": [one[f"recall_{k}"] for one in each],
        "precision": [one[f"P_{places}"] for one in each],
        "hit_rate": [one[f"success_{k}"] for one in each],
        "ndcg": [one[f"ndcg_cut_{k}"] for one in each],
        "map": [one[f"map_cut_{k}"] * one["num_rel"] / min(one["num_rel"], k) for one in each],
        # it knows no cut here: a first hit beyond place k is none
        "mrr": [one["recip_rank"] if one["recip_rank"] * (k + 0.5) > 1 else 0.0 for one in each],
    }


def drawn(seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], int]:
    """Scores (n_users, n_items) with many ties, who liked and who met what before, and a k, now and then too large."""
    draw = np.random.default_rng(seed)
    shape = (10, int(draw.integers(2, 30)))
    scores = draw.integers(0, draw.integers(2, 40), shape).astype(np.float32)
    met = draw.random(shape) < 0.2
    liked = ~met & (draw.random(shape) < draw.choice([0.02, 0.1, 0.5], (10, 1)))
    return scores, liked, met, int(draw.integers(1, 40))


def test_a_thousand_people_as_in_trec_eval() -> None:
    people = short_lists = long_k = 0
    for seed in range(180):
        scores, liked, met, k = drawn(seed)
        someone = liked.any(axis=1)
        rows, _ = ranking.top(torch.from_numpy(np.where(met, -np.inf, scores)), min(k, scores.shape[1]))
        hits = np.take_along_axis(liked & ~met, rows.numpy(), axis=1)[someone]
        expected = in_trec_eval(scores, liked, met, k)
        for name, metric in RANKING_METRICS.items():
            found = metric(hits, liked.sum(axis=1)[someone])
            np.testing.assert_allclose(found, expected[name], rtol=0, atol=1e-9, err_msg=f"{name}, {seed=}")
        people += len(hits)
        short_lists += ((~met).sum(axis=1) < k).sum()
        long_k += k > scores.shape[1]
    assert people >= 1000
    assert short_lists > 100
    assert long_k > 20


def test_a_whole_evaluation_as_in_trec_eval() -> None:
    """From tables and scores to means; people who liked nothing are not in them."""
    left_out = 0
    for seed in range(60):
        scores, liked, met, k = drawn(seed)
        if not (liked.any() and met.any()):
            continue
        everybody, everything = (list(range(n)) for n in scores.shape)
        disliked = ~met & ~liked & (np.random.default_rng(seed).random(scores.shape) < 0.1)
        events = [np.argwhere(each).T.tolist() for each in (met, liked | disliked)]
        ratings = [[1.0, *[5.0] * (len(events[0][0]) - 1)], np.where(liked, 5.0, 2.0)[liked | disliked].tolist()]
        known, held_out = (
            tables.table(users, items, rated, all_users=everybody, all_items=everything)
            for (users, items), rated in zip(events, ratings, strict=True)
        )
        if known.scale != (1, 5):
            continue
        report = evaluate(Scripted(torch.from_numpy(scores)), known, held_out, k=k, full=True)
        for name, values in in_trec_eval(scores, liked, met, k).items():
            assert report[f"{name}@{k}"] == pytest.approx(np.mean(values), rel=0, abs=1e-9), (name, seed)
        assert report["people"] == liked.any(axis=1).sum()
        left_out += len(np.unique(held_out.users)) - int(report["people"])
    assert left_out > 30
