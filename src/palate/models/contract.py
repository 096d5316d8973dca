"""The contract of every model. Read this before any other file in models/.

A model scores the whole catalogue for the users of a `Query`: a user of the training part is a user row, a new user
(cold start) is `UNSEEN` with a history. All that a model has learned is in its parameters and buffers, so one artifact
format serves every model.

    Model
    ├── SolvedModel    learns in one step: solve(train, generator)
    └── LearnedModel   learns by gradient descent: start(train), batches(train), loss(batch), finish(train)

Abilities that only some models have are the Protocols below: PredictsRatings, PredictsAtTimes, KnowsSpread, HasVectors.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import cos, pi
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from palate.data.interactions import Interactions

UNSEEN = -1
"""The user row of a new user (cold start), who was not in training."""

PADDING = -1
"""The item row that pads a history to the length of the longest in its batch."""


LARGEST = 1e30
"""Largest number that a setting may be: models compute with float32, which ends at 3e38."""


@dataclass(frozen=True)
class Query:
    """B users to score items for, each with their row and their history of events."""

    users: Tensor  # (B,) int64 user rows, UNSEEN for a new user
    histories: Tensor  # (B, L) int64 item rows, oldest first, PADDING on the left
    ratings: Tensor | None = None  # (B, L) float32, 0 at PADDING; None for data without ratings
    times: Tensor | None = None  # (B, L) float64 unix seconds, 0 at PADDING; None for data without times

    def __len__(self) -> int:
        return len(self.users)

    def people(self, known: Tensor, fold_in: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the vector of each user -> (B, d): their row of `known` (n_users, d), or for N new users the result of
        fold_in(histories (N, L), ratings (N, L)) -> (N, d).

        Ratings are 0 at `PADDING`. Where the query has none (implicit feedback), each event counts as a rating of 1.
        """
        vectors = known.index_select(0, self.users.clamp(min=0))
        new = self.users == UNSEEN
        if new.any():
            histories = self.histories[new]
            ratings = (histories != PADDING).float() if self.ratings is None else self.ratings[new]
            vectors[new] = fold_in(histories, ratings)
        return vectors


class BaseConfig(BaseModel):
    """Base of every model's settings (hyperparameters): each field has a type, bounds, a default and a description.

    An unknown setting is an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _fits_float32(cls, value: Any) -> Any:
        if isinstance(value, float) and abs(value) > LARGEST:
            raise ValueError(f"it must be at most {LARGEST:g}")
        return value

    def suited(self, table: Interactions) -> Self:
        """Return these settings with the values that depend on the size of the table filled in."""
        return self


class LearnedConfig(BaseConfig):
    """Settings of every model that learns by gradient descent."""

    epochs: int = Field(25, ge=1, description="Maximum number of passes over the training part.")
    patience: int = Field(3, ge=1, description="Epochs without a better validation loss before training stops.")
    average: int = Field(1, ge=1, description="Average the weights of this many last epochs (needs a validation part).")
    batch_size: int = Field(512, ge=1, description="Number of ratings per step.")
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="Optimizer that applies the gradients.")
    learning_rate: float = Field(0.01, gt=0, le=1e6, description="Learning rate.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of SGD.")

    def rate(self, done: float) -> float:
        """Return the learning rate of a step that begins after `done` epochs, a fraction included."""
        return self.learning_rate


class AnnealedConfig(LearnedConfig):
    """Settings of models whose learning rate rises from 0, then falls to 0 along a cosine until the last epoch.

    Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, equation (5), without
    restarts. It suits parameters that every step updates completely: an `EmbeddingTable` delays the updates of rows
    between their batches, and their closed form holds for a constant learning rate only.
    """

    optimizer: Literal["sgd", "adam"] = Field("adam", description="Optimizer that applies the gradients.")
    warm_up: float = Field(1.0, ge=0, description="Number of epochs in which the learning rate rises from 0.")

    def rate(self, done: float) -> float:
        if done < self.warm_up:
            return self.learning_rate * done / self.warm_up
        return self.learning_rate * (1 + cos(pi * (done - self.warm_up) / (self.epochs - self.warm_up))) / 2


class Model(nn.Module, ABC):
    """A model that scores the whole catalogue. All that it has learned is in its parameters and buffers."""

    Config: ClassVar[type[BaseConfig]] = BaseConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Presets: named groups of settings; the first holds the defaults."""
    SMALL: ClassVar[Mapping[str, Any]] = {}
    """Settings for tests, where the defaults do not learn a table of a few dozen users in about a second."""
    NEEDS_RATINGS: ClassVar[bool] = False
    """Whether the model learns from ratings, so that it can't be trained on a table without them."""
    LOOKS_BACK: ClassVar[bool] = True
    """Whether the score of a user from training needs their history; the score of a new user always may."""
    SIZED_BY_DATA: ClassVar[frozenset[str]] = frozenset()
    """Names of buffers (n, ...) whose n depends on the training part; `__init__` gives the shapes of all others."""

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__()
        self.config, self.n_users, self.n_items = config, n_users, n_items

    @classmethod
    def of(cls, config: BaseConfig, table: Interactions) -> Self:
        """Return an untrained model for the table or a part of it."""
        return cls(config.suited(table), table.n_users, table.n_items)

    @property
    def device(self) -> torch.device:
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def sized_by_data(self) -> frozenset[str]:
        """The names of `SIZED_BY_DATA` as the state dict has them, those of inner models included."""
        models = ((prefix, module) for prefix, module in self.named_modules() if isinstance(module, Model))
        return frozenset(f"{prefix}.{name}".lstrip(".") for prefix, model in models for name in model.SIZED_BY_DATA)

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *arguments: Any) -> None:
        for name in self.SIZED_BY_DATA:
            if (saved := state_dict.get(prefix + name)) is not None:
                setattr(self, name, getattr(self, name).new_empty(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    @abstractmethod
    def score(self, query: Query) -> Tensor:
        """Return the score of each item for each user -> (B, n_items), larger is better."""

    def evidence(self, query: Query) -> Tensor:
        """Return what the events of each user say of each item -> (B, n_items): 0 where they say nothing.

        It is the score, unless the model puts something else, such as popularity, where nothing is known: explanations
        compare evidence alone.
        """
        return self.score(query)


class SolvedModel(Model):
    """A model that learns in one step, without epochs."""

    @abstractmethod
    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        """Learn all parameters from the training part; random numbers come from the generator."""


class Batches(Protocol):
    """The training part as batches on the device."""

    events: int
    """Number of events of an epoch."""

    def __len__(self) -> int: ...
    def epoch(self, generator: torch.Generator, skip: int = 0) -> Iterator[Any]: ...


class LearnedModel(Model):
    """A model that learns by gradient descent on its own batches, in the one loop of `training/fit.py`."""

    ANY_THREADS: ClassVar[bool] = False
    """Whether a step gives the same bits on any number of CPU threads, so that the engine may choose the number."""
    REPEATABLE: ClassVar[bool] = False
    """Whether a GPU may record a step and replay it (a CUDA graph). This holds if `batches` returns RatingBatches,
    `backward` runs tensor operations without autograd that are the same for every batch of a size and never read a
    value back from the device, and the learning rate is constant."""

    config: LearnedConfig

    @abstractmethod
    def start(self, train: Interactions, generator: torch.Generator) -> None:
        """Draw the initial weights, and store statistics of the training part (such as its mean) before any step."""

    @abstractmethod
    def batches(self, train: Interactions) -> Batches:
        """Return the training part as batches for this model's loss, on this model's device."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """Return the mean loss of the batch -> scalar."""

    def backward(self, batch: Any) -> Tensor:
        """Return the mean loss of the batch -> scalar, and leave its gradients where the optimizer reads them.

        The default is automatic differentiation of `loss`; a model may override it with a faster way to the same
        gradients.
        """
        loss = self.loss(batch)
        loss.backward()
        return loss.detach()

    @abstractmethod
    def finish(self, train: Interactions) -> None:
        """Store what scoring needs (such as the mean user vector), once the final weights are in place."""


@runtime_checkable
class PredictsRatings(Protocol):
    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        """Return the predicted rating of each pair -> (N,), on the table's scale, not clipped to it.

        people: (N,) int64 positions of users in the query, from 0 to B - 1; items: (N,) int64 item rows.
        """


@runtime_checkable
class PredictsAtTimes(Protocol):
    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        """Return the predicted rating of each pair at these times (N,), float64 unix seconds -> (N,).

        people, items: as for `predict`, which is called where no time is known.
        """


@runtime_checkable
class KnowsSpread(Protocol):
    def spread(self, query: Query, people: Tensor, items: Tensor, times: Tensor | None = None) -> Tensor:
        """Return the standard deviation of each predicted rating -> (N,), above 0.

        It covers the uncertainty of the parameters and the noise of ratings. people, items, times: as for `predict`, or
        with times for `predict_at`.
        """


@runtime_checkable
class HasVectors(Protocol):
    def user_vectors(self) -> Tensor: ...  # -> (n_users, d)

    def item_vectors(self) -> Tensor: ...  # -> (n_items, d)
