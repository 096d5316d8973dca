"""What a model is. Read this before any other file in models/.

A model scores the whole catalogue for people, who come as a `Query`: someone from training is a user row, someone
never seen is `UNSEEN` with a history. All it has learned lives in parameters and buffers, so one artifact serves all.

    Model
    ├── SolvedModel    learns in one step: solve(train, generator)
    └── LearnedModel   learns by gradient descent: start(train), batches(train), loss(batch), finish(train)

What only some models can do is a Protocol below: PredictsRatings, PredictsAtTimes, KnowsSpread, HasVectors.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import cos, pi
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from palate.data.interactions import Interactions

UNSEEN = -1
"""The user row of a person who was not in training."""

PADDING = -1
"""The item row that fills a history up to the longest of its batch."""


@dataclass(frozen=True)
class Query:
    """B people who ask for items: who they are, and what they rated or touched."""

    users: Tensor  # (B,) int64 user rows, UNSEEN for a person who was not in training
    histories: Tensor  # (B, L) int64 item rows, oldest first, PADDING on the left
    ratings: Tensor | None = None  # (B, L) float32, 0 at PADDING; None for data without ratings
    times: Tensor | None = None  # (B, L) float64 unix seconds, 0 at PADDING; None for data without times

    def __len__(self) -> int:
        return len(self.users)

    def people(self, known: Tensor, fold_in: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the vector of each user -> (B, d): their row of `known` (n_users, d), or what fold-in makes of the
        events of N new users, fold_in(histories (N, L), ratings (N, L)) -> (N, d).

        Ratings are 0 at `PADDING`. Where the query has none (implicit feedback), each event counts as a rating of 1.
        """
        people = known.index_select(0, self.users.clamp(min=0))
        new = self.users == UNSEEN
        if new.any():
            histories = self.histories[new]
            ratings = (histories != PADDING).float() if self.ratings is None else self.ratings[new]
            people[new] = fold_in(histories, ratings)
        return people


class BaseConfig(BaseModel):
    """Base of every model's settings: type, bounds, default and meaning, written once; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def suited(self, table: Interactions) -> Self:
        """The same, with what it leaves to the size of the table set by that."""
        return self


class LearnedConfig(BaseConfig):
    """Settings of every model that learns by gradient descent."""

    epochs: int = Field(25, ge=1, description="Passes over the training part, at most.")
    patience: int = Field(3, ge=1, description="Epochs without a better validation loss before training stops.")
    average: int = Field(1, ge=1, description="Epochs whose closing weights are averaged, if a validation part judges.")
    batch_size: int = Field(512, ge=1, description="Ratings in a step.")
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="How a gradient becomes a step.")
    learning_rate: float = Field(0.01, gt=0, le=1e6, description="Size of a step.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the last step that SGD keeps in the next.")

    def rate(self, done: float) -> float:
        """The learning rate of a step that begins when `done` epochs are."""
        return self.learning_rate


class AnnealedConfig(LearnedConfig):
    """Settings of models whose learning rate rises from 0, and falls back to it along a cosine until the last epoch.

    Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, equation (5), without
    restarts. For parameters that every step touches whole: what moves an `EmbeddingTable` between its steps is known in
    closed form at one learning rate only.
    """

    optimizer: Literal["sgd", "adam"] = Field("adam", description="How a gradient becomes a step.")
    warm_up: float = Field(1.0, ge=0, description="Epochs in which the learning rate rises.")

    def rate(self, done: float) -> float:
        if done < self.warm_up:
            return self.learning_rate * done / self.warm_up
        return self.learning_rate * (1 + cos(pi * (done - self.warm_up) / (self.epochs - self.warm_up))) / 2


class Model(nn.Module, ABC):
    """Scores the whole catalogue. Everything it knows lives in parameters and buffers."""

    Config: ClassVar[type[BaseConfig]] = BaseConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named settings that belong together; the first is the default's."""
    SMALL: ClassVar[Mapping[str, Any]] = {}
    """Settings that learn a table of a few dozen users in about a second, for tests, where the defaults do not."""
    NEEDS_RATINGS: ClassVar[bool] = False
    """Whether data without ratings teaches it nothing."""
    LOOKS_BACK: ClassVar[bool] = True
    """Whether the score of a person from training needs their history; that of a newcomer always may."""
    SIZED_BY_DATA: ClassVar[frozenset[str]] = frozenset()
    """Buffers (n, ...) whose n only the training part says; the shape of all others follows from what __init__ gets."""

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__()
        self.config, self.n_users, self.n_items = config, n_users, n_items

    @classmethod
    def of(cls, config: BaseConfig, table: Interactions) -> Self:
        """A model to learn from the table or a part of it."""
        return cls(config.suited(table), table.n_users, table.n_items)

    @property
    def device(self) -> torch.device:
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def sized_by_data(self) -> frozenset[str]:
        """`SIZED_BY_DATA` as they are called in its state, those of models within it too."""
        within = ((place, each) for place, each in self.named_modules() if isinstance(each, Model))
        return frozenset(f"{place}.{name}".lstrip(".") for place, each in within for name in each.SIZED_BY_DATA)

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *arguments: Any) -> None:
        for name in self.SIZED_BY_DATA:
            if (found := state_dict.get(prefix + name)) is not None:
                setattr(self, name, getattr(self, name).new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    @abstractmethod
    def score(self, query: Query) -> Tensor:
        """How well each item suits each person -> (B, n_items), larger is better."""


class SolvedModel(Model):
    """Learns in one step."""

    @abstractmethod
    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        """Learn all there is to learn from the training part; what is drawn by chance is drawn from the generator."""


class Batches(Protocol):
    """A training part as batches on the device."""

    events: int
    """Events to learn from in an epoch."""

    def __len__(self) -> int: ...
    def epoch(self, generator: torch.Generator, skip: int = 0) -> Iterator[Any]: ...


class LearnedModel(Model):
    """Learns by gradient descent on its own batches, in the one loop of `training/fit.py`."""

    ANY_THREADS: ClassVar[bool] = False
    """Whether a step comes out the same to the last bit on any number of CPU threads, so that the engine may choose."""
    REPEATABLE: ClassVar[bool] = False
    """Whether a GPU may repeat a step it has recorded: `batches` are RatingBatches, `backward` is operations on tensors
    without autograd, the same for every batch of a size and none of which asks the device for a value, and the learning
    rate is one."""

    config: LearnedConfig

    @abstractmethod
    def start(self, train: Interactions, generator: torch.Generator) -> None:
        """Draw the first weights, and note what the training part says before any step (such as its mean)."""

    @abstractmethod
    def batches(self, train: Interactions) -> Batches:
        """The training part, cut for this model's loss, on this model's device."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """The batch's mean loss -> scalar."""

    def backward(self, batch: Any) -> Tensor:
        """The batch's mean loss -> scalar, its gradients left where the optimizer takes them.

        By automatic differentiation of `loss`; a model that knows a faster way to the same gradients goes it here.
        """
        loss = self.loss(batch)
        loss.backward()
        return loss.detach()

    @abstractmethod
    def finish(self, train: Interactions) -> None:
        """With the final weights in place, note what answering needs (such as what a typical person looks like)."""


@runtime_checkable
class PredictsRatings(Protocol):
    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        """The rating of each pair -> (N,), on the table's scale, not clipped to it.

        people: (N,) int64, which of the query's B people; items: (N,) int64 item rows.
        """


@runtime_checkable
class PredictsAtTimes(Protocol):
    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        """The rating of each pair if given at these times (N,), float64 unix seconds -> (N,).

        people, items: as for `predict`, which is asked where no time is known.
        """


@runtime_checkable
class KnowsSpread(Protocol):
    def spread(self, query: Query, people: Tensor, items: Tensor, times: Tensor | None = None) -> Tensor:
        """The standard deviation of the rating that is predicted -> (N,), above 0: what isn't known and what can't be.

        people, items, times: as for `predict`, or with times for `predict_at`.
        """


@runtime_checkable
class HasVectors(Protocol):
    def user_vectors(self) -> Tensor: ...  # -> (n_users, d)

    def item_vectors(self) -> Tensor: ...  # -> (n_items, d)
