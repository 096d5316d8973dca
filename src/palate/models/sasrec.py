"""SelfAttention: a small transformer reads a user's liked items in order and predicts the next one.

Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, section III: item and position embeddings, blocks
of causal self-attention and a feed-forward network, and the input's item table again as output. Different from there:

- Layers are normalised before each part of a block (Xiong et al., "On Layer Normalization in the Transformer
  Architecture", ICML 2020); the feed-forward network is four times as wide, with GELU.
- The loss is softmax cross-entropy over the next item and negatives shared by the batch, of cosines divided by a
  temperature; theirs is binary cross-entropy against one negative each (Klenitskiy & Vasilev, "Turning Dross Into Gold
  Loss", RecSys 2023, measure the gain).
- A position counts from the oldest event that is read, so that training sees each prefix of a history as scoring does.
- Histories longer than `length` are learned in windows, not from their last events alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from palate.data.interactions import Interactions
from palate.data.relevance import relevant
from palate.errors import DataError
from palate.models.contract import PADDING, AnnealedConfig, BaseConfig, LearnedModel, Query
from palate.models.shared.liked_history import LikedHistory

FIRST_STD = 0.02
"""Standard deviation of the initial weights."""

MIN_STEPS = 100
"""Minimum number of steps of an epoch: on a small table batches are smaller, so that training takes enough steps."""

MIN_BATCH_SIZE = 8
"""Minimum number of histories in a batch, on the smallest tables."""

USERS_PER_BLOCK = 1024
"""Histories that scoring reads at a time, which bounds memory."""


class SelfAttentionConfig(AnnealedConfig):
    """Settings of `sasrec`."""

    epochs: int = Field(
        16,
        ge=1,
        description="Maximum number of passes over the training part; the learning rate falls to 0 by the last.",
    )
    patience: int = Field(16, ge=1, description="Epochs without a better validation metric before training stops.")
    batch_size: int = Field(128, ge=1, description="Histories per step; fewer on a small table.")
    learning_rate: float = Field(0.002, gt=0, le=1e6, description="Learning rate at its highest.")
    dim: int = Field(64, ge=1, description="Embedding size.")
    blocks: int = Field(1, ge=1, description="Number of transformer blocks.")
    heads: int = Field(1, ge=1, description="Number of attention heads; must divide dim.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate in training.")
    length: int = Field(50, ge=1, description="Number of last events of a user that the model reads.")
    negatives: int = Field(2048, ge=1, description="Number of negative items drawn for each step.")
    temperature: float = Field(0.07, ge=0.03, description="Temperature of the softmax: cosines are divided by it.")

    @model_validator(mode="after")
    def _heads_share_dim(self) -> "SelfAttentionConfig":
        if self.dim % self.heads:
            raise ValueError(f"dim is {self.dim}, but it must be a multiple of heads, which is {self.heads}")
        return self


class Block(nn.Module):
    """A transformer block: y = x + attention(norm(x)), then y + network(norm(y))."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads, self.dropout = config.heads, config.dropout
        self.before, self.between = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.asks, self.answers = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.wide, self.narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, d) to (B, L, d); each position depends on itself and on earlier ones."""
        x = x + self._dropped(self.answers(self._attention(self.before(x))))
        inner = self._dropped(functional.gelu(self.wide(self.between(x))))  # (B, L, 4 d)
        return x + self._dropped(self.narrow(inner))

    def _attention(self, x: Tensor) -> Tensor:
        parts = self.asks(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind()  # (B, heads, L, d / heads)
        p = self.dropout if self.training else 0.0
        heads = functional.scaled_dot_product_attention(query, key, value, dropout_p=p, is_causal=True)
        return heads.transpose(1, 2).flatten(2)

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class SelfAttention(LearnedModel):
    """Self-attention over the history (SASRec): `score(u, i) = cos(h_u, e_i) / temperature`.

    h_u is the transformer's output for u's last events; for a user without any event, the mean item vector over all
    training events.
    """

    Config: ClassVar[type[BaseConfig]] = SelfAttentionConfig
    SMALL: ClassVar[Mapping[str, Any]] = {
        "dim": 16,
        "batch_size": 8,
        "epochs": 20,
        "dropout": 0.1,
        "learning_rate": 0.01,
    }

    config: SelfAttentionConfig
    nobody: Tensor  # (dim,) takes the place of h_u for a user without events

    def __init__(self, config: SelfAttentionConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_users, n_items)
        self.items = nn.Parameter(torch.zeros(n_items, config.dim))
        self.positions = nn.Parameter(torch.zeros(config.length, config.dim))
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.blocks)))
        self.norm = nn.LayerNorm(config.dim)
        self.register_buffer("nobody", torch.zeros(config.dim))

    @torch.no_grad()
    def start(self, train: Interactions, generator: torch.Generator) -> None:
        self.history.learn(train)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, FIRST_STD, generator=generator)
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)

    def batches(self, train: Interactions) -> "Windows":
        batches = Windows(relevant(train, train.usual_scale), self.config.length, self.config.batch_size, self.device)
        batches.batch_size = min(batches.batch_size, max(MIN_BATCH_SIZE, len(batches.first) // MIN_STEPS))
        if not batches.events:
            raise DataError(
                "sasrec learns which item comes next, but no user has two events (liked ones, if there are ratings) to "
                "learn from"
            )
        return batches

    def loss(self, batch: "Window") -> Tensor:
        before, after = batch.items[:, :-1], batch.items[:, 1:]  # (B, L)
        real = after != PADDING
        targets = after[real]  # (N,)
        users = self._vectors(self._read(before)[real])  # (N, d)

        negatives = self._negatives()  # (K,)
        vectors = functional.normalize(functional.embedding(torch.cat([targets, negatives]), self.items), dim=1)
        bound = users.new_tensor(1 / self.config.temperature)  # no logit is above it: it serves as every row's maximum
        others = torch.addmm(-bound, users, vectors[len(targets) :].T)  # (N, K)
        others = others.masked_fill_(targets[:, None] == negatives, -torch.inf).exp_().sum(1)
        own = (users * vectors[: len(targets)]).sum(1) - bound  # (N,)
        return (torch.log(own.exp() + others) - own).mean()

    @torch.no_grad()
    def finish(self, train: Interactions) -> None:
        mean = functional.normalize(self.history.counts @ self.item_vectors(), dim=0)
        self.nobody.copy_(mean / self.config.temperature)

    @torch.no_grad()
    def score(self, query: Query) -> Tensor:
        return self._scores(self._learned(query))

    @torch.no_grad()
    def evidence(self, query: Query) -> Tensor:
        histories = self._learned(query)
        return self._scores(histories) * (histories != PADDING).any(1, keepdim=True)

    def _learned(self, query: Query) -> Tensor:
        """Return the histories (B, L) of the liked items, without those that nobody liked in training."""
        histories = self.history.items(query)
        return histories.masked_fill(self.history.counts[histories.clamp(min=0)] == 0, PADDING)

    def _scores(self, histories: Tensor) -> Tensor:
        users = [self._last(block) for block in histories.split(USERS_PER_BLOCK)]
        return torch.cat(users) @ self.item_vectors().T

    def item_vectors(self) -> Tensor:
        """Return the item vectors at length 1 -> (n_items, dim)."""
        return functional.normalize(self.items.detach(), dim=1)

    def _negatives(self) -> Tensor:
        """Draw random item rows -> (K,); all items where the catalogue has no more than `negatives`."""
        if self.n_items <= self.config.negatives:
            return torch.arange(self.n_items, device=self.device)
        return torch.randint(self.n_items, (self.config.negatives,), device=self.device)

    def _read(self, items: Tensor) -> Tensor:
        """Run the transformer over (B, L) item rows, PADDING on the right -> (B, L, d)"""
        vectors = functional.embedding(items.clamp(min=0), self.items) * (items != PADDING).unsqueeze(2)  # (B, L, d)
        hidden: Tensor = self.blocks(
            functional.dropout(vectors + self.positions[: items.shape[1]], self.config.dropout, self.training)
        )
        return hidden

    def _vectors(self, hidden: Tensor) -> Tensor:
        """Return user vectors, whose products with item vectors are logits: (..., d) -> (..., d)"""
        return functional.normalize(self.norm(hidden), dim=-1) / self.config.temperature

    def _last(self, histories: Tensor) -> Tensor:
        """Return the user vector after the last event of each history: (B, L) item rows, PADDING anywhere -> (B, d)"""
        histories = functional.pad(histories, (1, 0), value=PADDING)  # one column at least
        events = histories.gather(1, (histories != PADDING).byte().argsort(dim=1, stable=True))  # PADDING to the left
        recent = events[:, -self.config.length :]
        recent = recent.gather(1, (recent == PADDING).byte().argsort(dim=1, stable=True))  # PADDING to the right
        counts = (recent != PADDING).sum(1)  # (B,)
        last = self._read(recent)[torch.arange(len(recent), device=recent.device), (counts - 1).clamp(min=0)]
        return torch.where((counts > 0).unsqueeze(1), self._vectors(last), self.nobody)


@dataclass(frozen=True)
class Window:
    """Events of B users in order: the target of each position is the next event."""

    items: Tensor  # (B, L + 1) int64 item rows, PADDING on the right
    events: int
    """Number of events to predict."""

    def __len__(self) -> int:
        return self.events


class Windows:
    """Batches in which every event but each user's first is predicted once an epoch, from at most `length` before it.

    The windows of a batch have about the same length, so that there is little PADDING.
    """

    def __init__(self, train: Interactions, length: int, batch_size: int, device: torch.device) -> None:
        firsts, ends = train.offsets[:-1], train.offsets[1:]
        windows = -(-np.maximum(ends - firsts - 1, 0) // length)  # (n_users,)
        users = np.repeat(np.arange(train.n_users), windows)  # (n,)
        number = np.arange(len(users)) - np.repeat(np.cumsum(windows) - windows, windows)  # 0 for the latest
        last = ends[users] - number * length  # (n,)
        first = np.maximum(last - length - 1, firsts[users])  # (n,)
        self.items = torch.from_numpy(train.items).to(device)
        self.first, self.sizes = torch.from_numpy(first).to(device), torch.from_numpy(last - first).to(device)
        self.batch_size = batch_size
        self.events = int((last - first - 1).sum())

    def __len__(self) -> int:
        return -(-len(self.first) // self.batch_size)

    def epoch(self, generator: torch.Generator, skip: int = 0) -> Iterator[Window]:
        """Yield the batches of one epoch, from number `skip` on."""
        device = self.first.device
        order = torch.randperm(len(self.first), generator=generator, device=device)
        batches = order[self.sizes[order].argsort(stable=True)].split(self.batch_size)
        for number in torch.randperm(len(batches), generator=generator, device=device)[skip:].tolist():
            first, sizes = self.first[batches[number]].unsqueeze(1), self.sizes[batches[number]].unsqueeze(1)  # (B, 1)
            places = torch.arange(int(sizes.max()), device=device)  # (L + 1,)
            items = self.items[(first + places).clamp(max=len(self.items) - 1)].long()
            yield Window(items.masked_fill_(places >= sizes, PADDING), int(sizes.sum()) - len(sizes))
