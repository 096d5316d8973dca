"""AlternatingLeastSquares: a vector for each person and each item, from what people liked and all that they did not.

Implicit ALS of Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, section 4,
in the parametrisation of Rendle et al., "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys
2022, section 3: every pair weighs a0 and pulls to 0, every event adds a weight of 1 and pulls to 1, and the penalty
grows with the weights (their nu = 1). The regressions are solved by a few conjugate gradient steps from the vectors of
the sweep before, as Takács, Pilászy & Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback
Collaborative Filtering", RecSys 2011. After the last sweep the people are solved to the end, as one never seen is.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from palate.data.interactions import Interactions, in_turn
from palate.models.contract import PADDING, UNSEEN, BaseConfig, Query, SolvedModel
from palate.models.shared.liked_history import LikedHistory
from palate.models.shared.matmul import product
from palate.system.jit import Array, compiled_sums, in_threads, one_thread

FIRST_LENGTH = 0.1
"""Length, on average, of the first item vectors."""

STEPS = 3
"""Conjugate gradient steps of a sweep."""

TO_THE_END = 100
"""The same, at most, of people once the items stand."""


ROWS_A_PART = 256
"""Regressions that one thread takes at a time."""

SOLVED = 1e-12
"""What is left of the right side, squared and relative to it, at which a row is solved."""


class AlternatingLeastSquaresConfig(BaseConfig):
    """Settings of `als`."""

    dim: int = Field(64, ge=1, description="Numbers in a vector.")
    sweeps: int = Field(8, ge=1, description="How often all people and all items are solved by turns.")
    l2: float = Field(0.01, gt=0, description="Penalty on a vector's squares, for each unit of weight.")
    unobserved: float = Field(0.1, gt=0, description="Weight of a pair without an event, where an event weighs 1.")


class AlternatingLeastSquares(SolvedModel):
    """score(u, i) = p_u · q_i; a person never seen is solved from their history as in training."""

    Config: ClassVar[type[BaseConfig]] = AlternatingLeastSquaresConfig
    LOOKS_BACK: ClassVar[bool] = False

    config: AlternatingLeastSquaresConfig
    users: Tensor  # (n_users, dim)
    items: Tensor  # (n_items, dim)
    gram: Tensor  # (dim, dim): the sum of q qᵀ over all items, which every newcomer needs

    def __init__(self, config: AlternatingLeastSquaresConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_items)
        self.register_buffer("users", torch.zeros(n_users, config.dim))
        self.register_buffer("items", torch.zeros(n_items, config.dim))
        self.register_buffer("gram", torch.zeros(config.dim, config.dim))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        train = self.history.learn(train)
        its_users = train.users[in_turn(train.items.astype(np.int64))]
        item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        self.items.normal_(0, FIRST_LENGTH / self.config.dim**0.5, generator=generator)
        items, users = self.items.cpu().numpy(), np.zeros(self.users.shape, dtype=np.float32)
        for _ in range(self.config.sweeps):
            self._improve(users, train.offsets, train.items, items, products_of(items), STEPS)
            self._improve(items, item_starts, its_users, users, products_of(users), STEPS)
        self.items.copy_(torch.from_numpy(items))
        self.gram.copy_(torch.from_numpy(products_of(items)))
        self.users.copy_(self._to_the_end(train.offsets, train.items))

    def score(self, query: Query) -> Tensor:
        people = self.users[query.users.clamp(min=0)]  # (B, dim)
        new = query.users == UNSEEN
        if new.any():
            histories = self.history.items(query)[new]
            known = histories != PADDING
            starts = np.concatenate([[0], known.sum(1).cumsum(0).cpu().numpy()])
            people[new] = self._to_the_end(starts, histories[known].cpu().numpy().astype(np.int32))
        return self.history.or_popular(product(people, self.items.T), people)

    def user_vectors(self) -> Tensor:
        return self.users

    def item_vectors(self) -> Tensor:
        return self.items

    def _to_the_end(self, starts: Array, items: Array) -> Tensor:
        """People whose events are starts[p]:starts[p + 1] of item rows (n,) -> (n people, dim)"""
        found = np.zeros((len(starts) - 1, self.config.dim), dtype=np.float32)
        self._improve(found, starts, items, self.items.cpu().numpy(), self.gram.cpu().numpy(), TO_THE_END)
        return torch.from_numpy(found).to(self.device)

    def _improve(self, found: Array, starts: Array, columns: Array, features: Array, gram: Array, steps: int) -> None:
        improve(found, starts, columns, features, gram, self.config.unobserved, self.config.l2, steps)


@one_thread()
def products_of(vectors: Array) -> Array:
    """(n, d) -> (d, d): the sum of v vᵀ over them."""
    whole = torch.from_numpy(vectors)
    found: Array = (whole.T @ whole).numpy()
    return found


def improve(
    found: Array, starts: Array, columns: Array, features: Array, gram: Array, a0: float, l2: float, steps: int
) -> None:
    """Bring the w_r, rows of found (n_rows, d), nearer to what minimises, each row r for itself,

        the sum over its events e of (1 - features[column_e] · w_r)² + a0 the sum over all columns of (features · w_r)²
        + l2 (n_r + a0 n_columns) |w_r|²

    by at most so many steps of conjugate gradients; with no event w_r is 0. starts (n_rows + 1,): the events of row r
    are starts[r]:starts[r + 1] of columns (n,); features (n_columns, d); gram (d, d) is featuresᵀ features. All but
    starts and columns are float32.
    """
    everything = np.float32(a0) * gram
    penalty = np.float32(l2) * (np.diff(starts) + np.float32(a0 * len(features))).astype(np.float32)

    def solve(part: slice) -> None:
        rows = slice(part.start, part.stop + 1)
        _solve(starts[rows], columns, features, everything, penalty[part], steps, found[part])

    in_threads(solve, len(found), ROWS_A_PART)


@compiled_sums
def _solve(
    starts: Array, columns: Array, features: Array, everything: Array, penalty: Array, steps: int, found: Array
) -> None:
    """Hestenes & Stiefel's conjugate gradients for A w = y, where A w is `_product` and y the sum of the features."""
    d = features.shape[1]
    left, direction, image = (np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32))
    for row in range(len(found)):
        w, events = found[row], columns[starts[row] : starts[row + 1]]
        if len(events) == 0:
            w[:] = 0
            continue
        _product(features, events, everything, penalty[row], w, image)
        left[:] = 0
        for column in events:
            left += features[column]
        enough = np.float32(SOLVED) * _dot(left, left)
        left -= image
        direction[:] = left
        length = _dot(left, left)
        for _ in range(steps):
            if length <= enough:
                break
            _product(features, events, everything, penalty[row], direction, image)
            step = length / _dot(direction, image)
            for k in range(d):
                w[k] += step * direction[k]
                left[k] -= step * image[k]
            before, length = length, _dot(left, left)
            for k in range(d):
                direction[k] = left[k] + length / before * direction[k]


@compiled_sums
def _dot(a: Array, b: Array) -> np.float32:
    total = np.float32(0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled_sums
def _product(features: Array, events: Array, everything: Array, penalty: np.float32, w: Array, product: Array) -> None:
    """(everything + penalty + the sum over events of x xᵀ) w, four rows of `everything` at a time."""
    d = len(w)
    for k in range(d):
        product[k] = penalty * w[k]
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        r0, r1, r2, r3 = everything[j], everything[j + 1], everything[j + 2], everything[j + 3]
        w0, w1, w2, w3 = w[j], w[j + 1], w[j + 2], w[j + 3]
        for k in range(d):
            product[k] += w0 * r0[k] + w1 * r1[k] + w2 * r2[k] + w3 * r3[k]
    for j in range(whole, d):
        for k in range(d):
            product[k] += w[j] * everything[j, k]
    for column in events:
        x = features[column]
        along = _dot(x, w)
        for k in range(d):
            product[k] += along * x[k]
