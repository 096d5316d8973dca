"""Whole epochs: every rating once, in an order that follows from the seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from palate.data import shuffle
from palate.data.batches import RatingBatch, RatingBatches, seeded
from palate.data.interactions import Interactions

CPU = torch.device("cpu")


def epoch(train: Interactions, size: int, seed: tuple[int, ...] = (0,), skip: int = 0) -> list[RatingBatch]:
    return list(RatingBatches(train, size, CPU).epoch(seeded(CPU, *seed), skip))


def flat(batches: list[RatingBatch]) -> list[tuple[int, int, float]]:
    return [
        (*rows, rating)
        for batch in batches
        for rows, rating in zip(batch.rows.tolist(), batch.ratings.tolist(), strict=True)
    ]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("piece", [1, 30, 2**16])
def test_every_rating_once_an_epoch(
    small: Interactions, size: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle, "PIECE", piece)
    batches = epoch(small, size)
    assert len(batches) == len(RatingBatches(small, size, CPU)) == -(-len(small) // size)
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert small.ratings is not None
    expected = zip(small.users.tolist(), (small.items + small.n_users).tolist(), small.ratings.tolist(), strict=True)
    assert sorted(flat(batches)) == sorted(expected)


def test_batches_are_what_embeddings_and_losses_take(small: Interactions) -> None:
    batch = epoch(small, 10)[0]
    assert batch.rows.dtype == torch.int64
    assert batch.rows.shape == (10, 2)
    assert batch.ratings.dtype == torch.float32


def test_an_event_without_a_rating_counts_as_a_rating_of_1(small: Interactions) -> None:
    bare = replace(small, ratings=None)
    (batch,) = epoch(bare, len(bare))
    assert [rows for *rows, _ in flat([batch])] == [rows for *rows, _ in flat(epoch(small, len(bare)))]
    assert batch.ratings.dtype == torch.float32
    assert batch.ratings.tolist() == [1.0] * len(bare)
    (less,) = RatingBatches(bare, len(bare), CPU, mean=0.25).epoch(seeded(CPU, 0))
    assert less.ratings.tolist() == [0.75] * len(bare)


def test_skipping_goes_on_in_the_same_order(small: Interactions) -> None:
    whole = epoch(small, 32)
    for skip in range(len(whole) + 1):
        rest = epoch(small, 32, skip=skip)
        assert len(rest) == len(whole) - skip
        assert flat(rest) == flat(whole[skip:])


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_batches_joined_are_the_same_in_the_same_order(small: Interactions, at_once: int) -> None:
    """Blocks while there are enough, then single batches, from wherever one begins."""
    whole, n = epoch(small, 32), -(-len(small) // 32)
    for skip in range(n + 1):
        batches = list(RatingBatches(small, 32, CPU).epoch(seeded(CPU, 0), skip, at_once))
        assert flat(batches) == flat(whole[skip:])
        blocks = (len(small) // 32 - skip) // at_once if skip < n else 0
        assert [len(batch) for batch in batches[:blocks]] == [32 * at_once] * blocks
        assert all(len(batch) <= 32 for batch in batches[blocks:])


def test_the_order_follows_from_the_seed_alone(small: Interactions) -> None:
    torch.manual_seed(1)
    first = flat(epoch(small, 32, (5, 0)))
    torch.manual_seed(2)
    assert flat(epoch(small, 32, (5, 0))) == first
    assert flat(epoch(small, 32, (5, 1))) != first
    assert flat(epoch(small, 32, (6, 0))) != first


def test_orders_are_shuffled(small: Interactions) -> None:
    """Neighbours in the table are no neighbours in the epoch."""
    users = np.array([user for user, _, _ in flat(epoch(small, 32))])
    assert (np.diff(users) == 0).mean() < 0.15  # in the table all but 29 of them are


def test_a_seed_is_all_of_its_numbers() -> None:
    seeds = {
        seeded(CPU, *numbers).initial_seed() for numbers in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 1, 1), (2**70, 3)]
    }
    assert len(seeds) == 6
    assert seeded(CPU, 4, 2).initial_seed() == seeded(CPU, 4, 2).initial_seed()
