"""SVDpp: matrix factorization with implicit and explicit feedback, summed over the ratings of users and of items.

Koren, "Factorization Meets the Neighborhood", KDD 2008, sections 3 and 4: a user's vector is their own vector plus a
sum over the items that they rated, of implicit feedback (his y) and of explicit feedback weighted by the residual of
the rating (his x). Differences from the paper:

- An item's vector has the same sum over the users who rated it, and the biases of both are part of their vectors.
- A training rating is left out of both sums of its own prediction, as a rating to predict is not in them either.
- A sigmoid keeps predictions near the rating scale.
- Every step computes the sums of all rows, and Adam's learning rate falls along a cosine, instead of SGD over events.

Penalties belong to squared errors summed over the training ratings, in units of the ratings' variance, and an epoch has
a fixed number of steps: so the same settings suit tables of any size and scale.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from palate.data.batches import RatingBatch, RatingBatches
from palate.data.interactions import Interactions
from palate.models.contract import PADDING, AnnealedConfig, BaseConfig, LearnedModel, Query
from palate.models.shared.layers import dots_with_biases, identity
from palate.models.svdpp.graph import Graph, sums_of_both
from palate.models.svdpp.step_cpu import step

MARGIN = 0.125
"""Largest distance of a prediction outside the rating scale on each side, as a share of the scale's width."""

FIRST_STD = 0.1
"""Standard deviation of the initial vectors; the vectors in sums start with a tenth of it."""

SHRINK = 3.0
"""Shrinkage of a sum: a number added to its number of ratings."""

USER_L2, ITEM_L2, SWEEPS = 10.0, 5.0, 10
"""Ridge penalties of the biases that define the residuals, and the number of alternating sweeps that solve them."""

NOISE = 0.4
"""Mean squared error of the ratings of users from training, as a share of the ratings' variance."""

FOLD_IN_STEPS = 5
"""Number of Gauss-Newton steps of the fold-in of new users."""

PEOPLE_FOLDED = 64
"""Number of new users that the fold-in solves at once; it bounds memory."""

LEAST_VARIANCE = 1e-3
"""Variance added to the prior in every direction, as few users do not span the space of vectors."""


class SVDppConfig(AnnealedConfig):
    """Settings of `svdpp`."""

    epochs: int = Field(
        10,
        ge=1,
        description="Maximum number of passes over the training part; the learning rate falls to 0 by the last.",
    )
    patience: int = Field(10, ge=1, description="Epochs without a better validation loss before training stops.")
    batch_size: int = Field(16, ge=1, description="Minimum number of ratings per step.")
    steps: int = Field(40, ge=1, description="Maximum number of steps per epoch; more ratings give larger batches.")
    learning_rate: float = Field(0.008, gt=0, description="Learning rate at its highest.")
    dim: int = Field(48, ge=1, description="Number of latent factors (embedding size).")
    l2: float = Field(20.0, ge=0, description="L2 regularization of own vectors of users and items.")
    whole_l2: float = Field(0.01, ge=0, description="L2 regularization of vectors with their sums, per rating.")
    bias_l2: float = Field(0.5, ge=0, description="L2 regularization of own biases of users and items.")
    rated_l2: float = Field(300.0, ge=0, description="L2 regularization of explicit-feedback vectors (x).")
    met_l2: float = Field(12.0, ge=0, description="L2 regularization of implicit-feedback vectors (y).")


class SVDpp(LearnedModel):
    """rating(u, i) = low + width · sigmoid(mean + b_u + b_i + p_u · q_i), vectors and biases with sums over ratings.

    (p_u, b_u) is u's own plus Σ_j (e_uj x_j + y_j) / sqrt(n_u + 3) over the n_u items that u rated, (q_i, b_i) likewise
    over the users who rated i; e is the residual of a rating from the biases; x and y have biases too. The vector and
    bias of a new user (cold start) are their most probable values, given the ratings and the prior of user vectors.
    """

    Config: ClassVar[type[BaseConfig]] = SVDppConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"l2": 1, "rated_l2": 30}
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False
    ANY_THREADS: ClassVar[bool] = True

    config: SVDppConfig
    span: Tensor  # (4,): lowest prediction, width from there, mean of the training ratings as a logit, their std
    users: Tensor  # (n_users, dim + 1): vectors and biases with their sums
    items: Tensor  # (n_items, dim + 1)
    prior_mean: Tensor  # (dim + 1,) of the users
    prior_precision: Tensor  # (dim + 1, dim + 1) of the users, in units of the precision of the noise

    def __init__(self, config: SVDppConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        both, width = n_users + n_items, config.dim + 1
        self.own = nn.Parameter(torch.zeros(both, width))  # rows of users, then of items
        self.rated = nn.Parameter(torch.zeros(both, width))
        self.met = nn.Parameter(torch.zeros(both, width))
        self.register_buffer("span", torch.tensor([0.0, 1.0, 0.0, 1.0]))
        self.register_buffer("users", torch.zeros(n_users, width))
        self.register_buffer("items", torch.zeros(n_items, width))
        self.register_buffer("prior_mean", torch.zeros(width))
        self.register_buffer("prior_precision", identity(width))
        self.graph: Graph | None = None

    @torch.no_grad()
    def start(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        assert train.scale is not None
        low, high = train.scale
        margin = MARGIN * (high - low or 1)
        low, width = low - margin, high - low + 2 * margin
        mean, spread = train.ratings.mean(dtype=np.float64), train.ratings.std(dtype=np.float64)
        share = (mean - low) / width
        self.span.copy_(torch.tensor([low, width, np.log(share / (1 - share)), spread or 1]))
        for parameter, std in (self.own, FIRST_STD), (self.rated, FIRST_STD / 10), (self.met, FIRST_STD / 10):
            parameter.normal_(0, std, generator=generator)
            parameter[:, -1] = 0

    def batches(self, train: Interactions) -> RatingBatches:
        assert train.ratings is not None
        columns = (train.users, train.items, train.ratings, biases(train))
        users, items, ratings, expected = (torch.from_numpy(column).to(self.device) for column in columns)
        self.graph = Graph.of(users, items + self.n_users, ratings, expected, self.span[3])
        batch_size = max(self.config.batch_size, -(-len(train) // self.config.steps))
        return RatingBatches(train, batch_size, self.device)

    def loss(self, batch: RatingBatch) -> Tensor:
        sides = self._sides(batch)  # (B, 2, dim + 1)
        error = functional.mse_loss(self._rating(sides[..., :-1].prod(1).sum(1) + sides[..., -1].sum(1)), batch.ratings)
        whole = self._whole_l2() * sides[..., :-1].square().sum() / len(batch)
        pairs = zip(self._penalties(), self._tables(), strict=True)
        return error + whole + torch.stack([(l2 * table.square()).sum() for l2, table in pairs]).sum()

    def _sides(self, batch: RatingBatch) -> Tensor:
        """Return the vectors and biases of users and items of B training ratings, without that rating in their sums.

        The shape is (B, 2, dim + 1).
        """
        assert self.graph is not None
        rows, other = batch.rows, batch.rows.flip(1)  # (B, 2)
        shrinkage = self._shrinkage(self.graph.counts - 1)  # (n_rows, 1)
        whole = self.own + shrinkage * sums_of_both(self.graph, self.rated, self.met)  # (n_rows, dim + 1)
        residuals = self.graph.residuals(rows, batch.ratings).view(-1, 1, 1)  # (B, 1, 1)
        itself = residuals * functional.embedding(other, self.rated) + functional.embedding(other, self.met)
        return functional.embedding(rows, whole) - shrinkage[rows] * itself

    @torch.no_grad()
    def backward(self, batch: RatingBatch) -> Tensor:
        """Compute `loss` and its gradients; on the CPU in one pass over the batch, without autograd."""
        if self.device.type != "cpu":
            with torch.enable_grad():
                return super().backward(batch)
        assert self.graph is not None
        tables = self._tables()
        gradients = [2 * l2 * table for l2, table in zip(self._penalties(), tables, strict=True)]
        penalty = torch.stack([(half * table).sum() for half, table in zip(gradients, tables, strict=True)]).sum() / 2
        shrinkage = self._shrinkage(self.graph.counts - 1)  # (n_rows, 1)
        whole = self.own + shrinkage * self.graph.of_both(self.rated, self.met)  # (n_rows, dim + 1)
        to_whole = torch.zeros_like(whole)
        events = (batch.rows, batch.ratings, self.graph.residuals(batch.rows, batch.ratings))
        known = (whole, self.rated, self.met, shrinkage.squeeze(1), self.span, self._whole_l2())
        loss = step(*(tensor.detach().numpy() for tensor in (*events, *known, to_whole, *gradients[1:])))
        through_sums = self.graph.back(shrinkage * to_whole)
        for table, gradient, more in zip(tables, gradients, (to_whole, *through_sums), strict=True):
            table.grad = gradient.add_(more)
        return penalty + loss

    def _tables(self) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
        return self.own, self.rated, self.met

    def _penalties(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the L2 regularization of each table, divided by the number of training ratings."""
        assert self.graph is not None
        settings, ratings = self.config, self.graph.counts.sum() / 2
        own = self.own.new_full((settings.dim + 1,), settings.l2)
        own[-1] = settings.bias_l2
        share = self.span[3].square() / ratings
        return own * share, settings.rated_l2 * share, settings.met_l2 * share

    def _whole_l2(self) -> Tensor:
        """Return the L2 regularization of the two vectors of a rating -> ()."""
        return self.config.whole_l2 * self.span[3].square()

    def _shrinkage(self, counts: Tensor) -> Tensor:
        """Return the factors of sums over so many ratings (n_rows,) -> (n_rows, 1)."""
        return (counts + SHRINK).rsqrt().unsqueeze(1)

    @torch.no_grad()
    def train(self, mode: bool = True) -> "SVDpp":
        """Set the mode; when training ends, compute all vectors and the prior from the weights."""
        if self.training and not mode and self.graph is not None:
            counts = self.graph.counts
            whole = self.own + self._shrinkage(counts) * self.graph.of_both(self.rated, self.met)
            users, items = whole.split([self.n_users, self.n_items])
            met = counts > 0
            known = users[met[: self.n_users]]
            away = (known - known.mean(0)).double()
            covariance = away.T @ away / len(known) + LEAST_VARIANCE * torch.eye(away.shape[1], device=self.device)
            self.prior_mean.copy_(known.mean(0))
            self.prior_precision.copy_(torch.linalg.inv(covariance) * NOISE * self.span[3].square())
            self.users.copy_(torch.where(met[: self.n_users, None], users, self.prior_mean))
            self.items.copy_(torch.where(met[self.n_users :, None], items, 0))
        return super().train(mode)

    def finish(self, train: Interactions) -> None:
        self.graph = None

    def score(self, query: Query) -> Tensor:
        people = self._people(query)
        return self._rating(dots_with_biases(people, self.items).add_(people[:, -1:]))

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        left, right = self._people(query)[people], self.items[items]
        return self._rating((left[:, :-1] * right[:, :-1]).sum(1) + left[:, -1] + right[:, -1])

    def user_vectors(self) -> Tensor:
        return self.users[:, :-1]

    def item_vectors(self) -> Tensor:
        return self.items[:, :-1]

    def _rating(self, logits: Tensor) -> Tensor:
        low, width, mean, _ = self.span
        ratings: Tensor = low + width * torch.sigmoid(mean + logits)
        return ratings

    def _people(self, query: Query) -> Tensor:
        """Return the vectors of users -> (B, dim + 1): learned in training, or by fold-in for new users."""
        return query.people(self.users, self._fold_in)

    def _fold_in(self, histories: Tensor, ratings: Tensor) -> Tensor:
        """Return the vectors of new users, from histories (B, L) -> (B, dim + 1)."""
        parts = zip(histories.split(PEOPLE_FOLDED), ratings.split(PEOPLE_FOLDED), strict=True)
        return torch.cat([self._likeliest(*part) for part in parts])

    def _likeliest(self, items: Tensor, ratings: Tensor) -> Tensor:
        """Return the most probable vectors of new users, from histories (B, L) -> (B, dim + 1).

        Gauss-Newton starts at the prior mean and linearizes the sigmoid at each step.
        """
        low, width, *_ = self.span
        known = (items != PADDING).float().unsqueeze(2)  # (B, L, 1)
        theirs = self.items[items.clamp(min=0)]  # (B, L, dim + 1)
        features = torch.cat([theirs[..., :-1], torch.ones_like(known)], dim=2)
        mean = self.prior_mean.unsqueeze(1)  # (dim + 1, 1)
        people = mean.expand(len(items), -1, 1)  # (B, dim + 1, 1)
        for _ in range(FOLD_IN_STEPS):
            rating = self._rating((features @ people).squeeze(2) + theirs[..., -1])  # (B, L)
            share = (rating - low) / width
            slopes = features * (width * share * (1 - share)).unsqueeze(2) * known
            target = (ratings - rating).unsqueeze(2) * known + slopes @ (people - mean)
            people = mean + torch.linalg.solve(slopes.mT @ slopes + self.prior_precision, slopes.mT @ target)
        vectors: Tensor = people.squeeze(2)
        return vectors


def biases(train: Interactions) -> NDArray[np.float32]:
    """Fit biases of users (the mean rating included), then of items, by ridge regression -> (n_users + n_items,)."""
    assert train.ratings is not None
    mean = train.ratings.mean(dtype=np.float64)
    off, users = train.ratings - mean, np.zeros(train.n_users)
    for _ in range(SWEEPS):
        sums = np.bincount(train.items, off - users[train.users], train.n_items)
        items = sums / (train.item_counts + ITEM_L2)
        users = np.bincount(train.users, off - items[train.items], train.n_users) / (np.diff(train.offsets) + USER_L2)
    return np.concatenate([mean + users, items]).astype(np.float32)
