"""Interactions to whole epochs of index tensors, already on the device; no per-row Python."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.data.shuffle import shuffled


@dataclass(frozen=True)
class RatingBatch:
    """B ratings to learn from."""

    rows: Tensor  # (B, 2) int64: the user row, and n_users + the item row (rows of one joint table)
    ratings: Tensor  # (B,) float32

    def __len__(self) -> int:
        return len(self.ratings)


class RatingBatches:
    """Every rating once an epoch, in an order that follows from the generator alone."""

    def __init__(self, train: Interactions, batch_size: int, device: torch.device) -> None:
        assert train.ratings is not None
        users, items = (torch.from_numpy(column).to(device) for column in (train.users, train.items))
        both = torch.stack([users, items + train.n_users], dim=1)  # (n, 2) int32
        self.pairs = both.view(torch.int64).squeeze(1)  # (n,): both rows of a rating in one number, fetched as one
        self.ratings = torch.from_numpy(train.ratings).to(device)  # (n,)
        self.batch_size, self.events = batch_size, len(train)

    def __len__(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.pairs) // self.batch_size)

    def epoch(self, generator: torch.Generator, skip: int = 0, at_once: int = 1) -> Iterator[RatingBatch]:
        """The batches of one epoch, from number `skip` on; `at_once` of them as one, while so many are left."""
        pairs, ratings = self._shuffled(generator)
        rows = pairs.view(torch.int32).view(-1, 2)
        start, joined = skip * self.batch_size, at_once * self.batch_size
        while start < len(rows):
            size = joined if start + joined <= len(rows) else self.batch_size
            batch = slice(start, start + size)
            yield RatingBatch(rows[batch].long(), ratings[batch])
            start += size

    def _shuffled(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self.pairs.device.type == "cpu":
            random = np.random.default_rng(generator.initial_seed())
            pairs, ratings = shuffled(self.pairs.numpy(), self.ratings.numpy(), random)
            return torch.from_numpy(pairs), torch.from_numpy(ratings)
        order = torch.randperm(len(self.pairs), generator=generator, device=self.pairs.device)
        return self.pairs[order], self.ratings[order]


def seeded(device: torch.device, *seed: int) -> torch.Generator:
    """A generator whose numbers follow from all of `seed`, such as (run's seed, epoch)."""
    state = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(state[0]) << 31 ^ int(state[1]))
