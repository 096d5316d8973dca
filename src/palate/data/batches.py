"""Interactions -> batches of row tensors for whole epochs, on the device already; no Python code runs per row."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.shuffle import shuffled

AT_ONCE = 2**14
"""Minimum number of ratings that are cut into batches at once."""


@dataclass(frozen=True)
class RatingBatch:
    """B ratings of the training part."""

    rows: Tensor  # (B, 2) int64: the user row, and n_users + the item row (rows of one joint table)
    ratings: Tensor  # (B,) float32, less the mean of its RatingBatches; of a table without ratings 1, less that mean

    def __len__(self) -> int:
        return len(self.ratings)


class RatingBatches:
    """Batches that have every rating once per epoch, less `mean`, in an order that depends on the generator alone.

    Of a table without ratings (implicit feedback) each event counts as a rating of 1.
    """

    def __init__(self, train: Interactions, batch_size: int, device: torch.device, mean: Tensor | float = 0.0) -> None:
        users, items = (torch.from_numpy(column).to(device) for column in (train.users, train.items))
        both = torch.stack([users, items + train.n_users], dim=1)  # (n, 2) int32
        self.pairs = both.view(torch.int64).squeeze(1)  # (n,): both rows of a rating as one number, fetched at once
        ratings = np.ones(len(train), np.float32) if train.ratings is None else train.ratings
        self.ratings = torch.from_numpy(ratings).to(device) - mean  # (n,)
        self.batch_size, self.events = batch_size, len(train)

    def __len__(self) -> int:
        """Number of batches in an epoch; the last may be smaller."""
        return -(-len(self.pairs) // self.batch_size)

    def epoch(self, generator: torch.Generator, skip: int = 0, at_once: int = 1) -> Iterator[RatingBatch]:
        """Yield the batches of one epoch from number `skip` on, `at_once` of them joined while so many are left."""
        pairs, ratings = self._shuffled(generator)
        start, joined = min(skip * self.batch_size, len(pairs)), at_once * self.batch_size
        single = start + (len(pairs) - start) // joined * joined if at_once > 1 else start
        for part, size in ((slice(start, single), joined), (slice(single, None), self.batch_size)):
            yield from _cut(pairs[part], ratings[part], size)

    def _shuffled(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self.pairs.device.type == "cpu":
            random = np.random.default_rng(generator.initial_seed())
            pairs, ratings = shuffled(self.pairs.numpy(), self.ratings.numpy(), random)
            return torch.from_numpy(pairs), torch.from_numpy(ratings)
        order = torch.randperm(len(self.pairs), generator=generator, device=self.pairs.device)
        return self.pairs[order], self.ratings[order]


def _cut(pairs: Tensor, ratings: Tensor, size: int) -> Iterator[RatingBatch]:
    """Cut n ratings into batches, many at a time: each tensor operation takes a hundredth of a training step."""
    many = -(-AT_ONCE // size) * size
    for start in range(0, len(pairs), many):
        part = slice(start, start + many)
        rows = pairs[part].view(torch.int32).view(-1, 2).long()
        yield from map(RatingBatch, rows.split(size), ratings[part].split(size))


def seeded(device: torch.device, *seed: int) -> torch.Generator:
    """Return a random generator whose state depends on all numbers of `seed`, such as (seed of the run, epoch)."""
    state = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(state[0]) << 31 ^ int(state[1]))
