"""Blends: weighted sums of several models.

Ratings: Breiman, "Stacked Regressions", Machine Learning 1996, by a ridge regression that shrinks towards equal weights
instead of 0. Lists: the scores of each user are standardized to mean 0 and standard deviation 1, then added; after Fox
& Shaw, "Combination of Multiple Searches", TREC-2 1994, with weights.

The members are trained first, then `training/blend_weights.py` chooses the weights.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from torch import Tensor, nn

from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Model, PredictsAtTimes, PredictsRatings, Query
from palate.models.registry import SINGLE

TOWARDS_EQUAL, TOWARDS_EQUAL_PER_RATING = 30.0, 0.005
"""Ridge penalty towards equal weights, in variances of the ratings: a constant part, so that a few ratings leave the
weights nearly equal, and a part for each rating that the weights are fitted to."""


def _with_settings(members: object) -> object:
    """Give each member empty settings: "mf, bias" or ["mf", "bias"] -> {"mf": {}, "bias": {}}."""
    if isinstance(members, str):
        members = [name.strip() for name in members.split(",")]
    return {name: {} for name in members} if isinstance(members, list | tuple) else members


def _model_name(member: str) -> str:
    """Return the model name of a member: "bayes:days" is the blend's name for a member with the model `bayes`."""
    return member.partition(":")[0]


def _config(member: str, settings: dict[str, Any]) -> BaseConfig:
    return SINGLE[_model_name(member)].Config.model_validate(settings)


def _check_settings(members: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name in members:
        if _model_name(name) not in SINGLE or "." in name:
            raise ValueError(f"there is no model {name!r} to blend: choose from {', '.join(SINGLE)}")
        try:
            _config(name, members[name])
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"setting {'.'.join(map(str, first['loc']))} of {name}: {first['msg']}") from None
    return members


def _check_ratings(members: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name in members:
        if not issubclass(SINGLE[_model_name(name)], PredictsRatings):
            raise ValueError(f"{name} predicts no ratings")
    return members


Members = Annotated[dict[str, dict[str, Any]], BeforeValidator(_with_settings), AfterValidator(_check_settings)]
"""Models by name, each with its settings. Members with the same model differ by a colon and a word after its name."""


class BlendConfig(BaseConfig):
    """Settings of every blend."""

    members: Members

    def suited(self, table: Interactions) -> Self:
        configs = {name: _config(name, settings).suited(table) for name, settings in self.members.items()}
        members = {name: config.model_dump(mode="json", exclude_unset=True) for name, config in configs.items()}
        return self.model_copy(update={"members": members})


class RatingBlendConfig(BlendConfig):
    """Settings of `rating-blend`."""

    members: Annotated[Members, AfterValidator(_check_ratings)] = Field(
        {"bayes": {}, "svdpp": {}}, min_length=1, description="Models that predict ratings, such as bayes,svdpp."
    )


class ListBlendConfig(BlendConfig):
    """Settings of `list-blend`."""

    members: Members = Field(
        {"ease": {}, "next-item": {}}, min_length=1, description="Models to blend, such as ease,als."
    )


class Blend(Model):
    """A weighted sum of models. The members and their weights are in the order of the settings."""

    config: BlendConfig
    weights: Tensor  # (M,)

    def __init__(self, config: BlendConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.members = nn.ModuleDict()
        for name, settings in config.members.items():
            self.members[name] = SINGLE[_model_name(name)](_config(name, settings), n_users, n_items)
        self.register_buffer("weights", torch.full((len(self.members),), 1 / len(self.members)))

    @property
    def parts(self) -> list[Any]:
        """The members in order, each a Model."""
        return list(self.members.values())

    def _sum(self, tensors: Iterable[Tensor]) -> Tensor:
        """Return the weighted sum of the members' tensors, one for each member."""
        pairs = zip(self.weights, tensors, strict=True)
        total: Tensor = reduce(torch.add, (weight * tensor for weight, tensor in pairs))
        return total


class RatingBlend(Blend):
    """rating(u, i) = mean + Σ w_m (rating_m(u, i) - mean)"""

    Config: ClassVar[type[BaseConfig]] = RatingBlendConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"members": {"mf": {}, "bayes": {"dim": 4, "chains": 1, "sweeps": 60}}}
    NEEDS_RATINGS: ClassVar[bool] = True

    mean: Tensor  # () of the ratings that the weights were fitted to

    def __init__(self, config: BlendConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("mean", torch.zeros(()))

    def weigh(self, predicted: Tensor, ratings: Tensor) -> None:
        """Fit the weights to ratings (n,) that no member was trained on.

        predicted: (n, M), the prediction of each member for each rating.
        """
        away, target = predicted.double() - ratings.double().mean(), ratings.double() - ratings.double().mean()
        strength = TOWARDS_EQUAL + TOWARDS_EQUAL_PER_RATING * len(ratings)
        variance = float(target.square().mean()) or 1.0
        pull = strength * variance * torch.eye(predicted.shape[1], dtype=torch.float64)
        equal = torch.full((predicted.shape[1],), 1 / predicted.shape[1], dtype=torch.float64)
        self.mean.fill_(ratings.double().mean())
        self.weights.copy_(torch.linalg.solve(away.T @ away + pull, away.T @ target + pull @ equal))

    def score(self, query: Query) -> Tensor:
        return self._sum(part.score(query) - self.mean for part in self.parts) + self.mean

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self._sum(part.predict(query, people, items) - self.mean for part in self.parts) + self.mean

    def predict_at(self, query: Query, people: Tensor, items: Tensor, times: Tensor) -> Tensor:
        ratings = (
            part.predict_at(query, people, items, times)
            if isinstance(part, PredictsAtTimes)
            else part.predict(query, people, items)
            for part in self.parts
        )
        return self._sum(rating - self.mean for rating in ratings) + self.mean


class ListBlend(Blend):
    """score(u, i) = Σ w_m (score_m(u, i) - mean of score_m(u, ·)) / spread of score_m(u, ·)"""

    Config: ClassVar[type[BaseConfig]] = ListBlendConfig

    def score(self, query: Query) -> Tensor:
        return self._sum(standard(part.score(query)) for part in self.parts)

    def evidence(self, query: Query) -> Tensor:
        return self._sum(standard(part.evidence(query)) for part in self.parts)


def standard(scores: Tensor) -> Tensor:
    """Return the scores (B, n_items) with mean 0 and standard deviation 1 in each row; equal scores become 0."""
    away = scores - scores.mean(1, keepdim=True)
    return away / away.square().mean(1, keepdim=True).sqrt().clamp(min=torch.finfo(scores.dtype).tiny)
