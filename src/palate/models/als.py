"""AlternatingLeastSquares: matrix factorization for implicit feedback, one vector for each user and each item.

Implicit ALS of Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, section 4,
in the parametrisation of Rendle et al., "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys
2022, section 3: every pair has the weight a0 and the target 0, every event adds the weight 1 with the target 1, and the
penalty grows with the weights (their nu = 1). Each regression is solved by a few conjugate gradient steps that start
from the vectors of the sweep before, as in Takács, Pilászy & Tikk, "Applications of the Conjugate Gradient Method for
Implicit Feedback Collaborative Filtering", RecSys 2011. After the last sweep the users' regressions are solved to
convergence, in the same way as for a new user (fold-in).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

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
"""Average length of the initial item vectors."""

STEPS = 3
"""Conjugate gradient steps for each row in a sweep."""

FINAL_STEPS = 100
"""Maximum number of conjugate gradient steps for a user once the item vectors are final."""

ROWS_PER_PART = 256
"""Regressions that a thread solves at a time."""

SOLVED = 1e-12
"""A row is solved when its squared residual is at most this fraction of the squared right-hand side."""


class AlternatingLeastSquaresConfig(BaseConfig):
    """Settings of `als`."""

    dim: int = Field(64, ge=1, description="Number of latent factors (embedding size).")
    sweeps: int = Field(8, ge=1, description="Number of sweeps; each solves all users, then all items.")
    l2: float = Field(0.01, gt=0, description="L2 regularization of the vectors, per unit of event weight.")
    unobserved: float = Field(0.1, gt=0, description="Weight of a pair without an event; an event has weight 1.")


class AlternatingLeastSquares(SolvedModel):
    """Implicit ALS, matrix factorization for implicit feedback: `score(u, i) = p_u · q_i`.

    The vector of a new user (cold start) is solved from their history as in training (fold-in).
    """

    Config: ClassVar[type[BaseConfig]] = AlternatingLeastSquaresConfig
    SMALL: ClassVar[Mapping[str, Any]] = {"dim": 2}
    LOOKS_BACK: ClassVar[bool] = False

    config: AlternatingLeastSquaresConfig
    users: Tensor  # (n_users, dim)
    items: Tensor  # (n_items, dim)
    gram: Tensor  # (dim, dim): the sum of q qᵀ over all items, used by fold-in

    def __init__(self, config: AlternatingLeastSquaresConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.history = LikedHistory(n_users, n_items)
        self.register_buffer("users", torch.zeros(n_users, config.dim))
        self.register_buffer("items", torch.zeros(n_items, config.dim))
        self.register_buffer("gram", torch.zeros(config.dim, config.dim))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        train = self.history.learn(train)
        users_by_item = train.users[in_turn(train.items.astype(np.int64))]
        item_starts = np.concatenate([[0], np.cumsum(train.item_counts)])
        self.items.normal_(0, FIRST_LENGTH / self.config.dim**0.5, generator=generator)
        items, users = self.items.cpu().numpy(), np.zeros(self.users.shape, dtype=np.float32)
        for _ in range(self.config.sweeps):
            self._improve(users, train.offsets, train.items, items, products_of(items), STEPS)
            self._improve(items, item_starts, users_by_item, users, products_of(users), STEPS)
        self.items.copy_(torch.from_numpy(items))
        self.gram.copy_(torch.from_numpy(products_of(items)))
        self.users.copy_(self._solve_users(train.offsets, train.items))

    def score(self, query: Query) -> Tensor:
        return self.history.or_popular(self.evidence(query))

    def evidence(self, query: Query) -> Tensor:
        vectors = self.users[query.users.clamp(min=0)]  # (B, dim)
        new = query.users == UNSEEN
        if new.any():
            histories = self.history.items(query)[new]
            known = histories != PADDING
            starts = np.concatenate([[0], known.sum(1).cumsum(0).cpu().numpy()])
            vectors[new] = self._solve_users(starts, histories[known].cpu().numpy().astype(np.int32))
        return product(vectors, self.items.T)

    def user_vectors(self) -> Tensor:
        return self.users

    def item_vectors(self) -> Tensor:
        return self.items

    def _solve_users(self, starts: Array, items: Array) -> Tensor:
        """Return the vectors of users whose events are items[starts[u]:starts[u + 1]] -> (n users, dim)"""
        vectors = np.zeros((len(starts) - 1, self.config.dim), dtype=np.float32)
        self._improve(vectors, starts, items, self.items.cpu().numpy(), self.gram.cpu().numpy(), FINAL_STEPS)
        return torch.from_numpy(vectors).to(self.device)

    def _improve(self, vectors: Array, starts: Array, columns: Array, features: Array, gram: Array, steps: int) -> None:
        improve(vectors, starts, columns, features, gram, self.config.unobserved, self.config.l2, steps)


@one_thread()
def products_of(vectors: Array) -> Array:
    """Return the sum of v vᵀ over the vectors: (n, d) -> (d, d)."""
    matrix = torch.from_numpy(vectors)
    gram: Array = (matrix.T @ matrix).numpy()
    return gram


def improve(
    vectors: Array, starts: Array, columns: Array, features: Array, gram: Array, a0: float, l2: float, steps: int
) -> None:
    """Improve the rows w_r of vectors (n_rows, d) in place. Each row r on its own minimises

        the sum over its events e of (1 - features[column_e] · w_r)² + a0 the sum over all columns of (features · w_r)²
        + l2 (n_r + a0 n_columns) |w_r|²

    and takes at most `steps` steps of conjugate gradients. A row without events becomes 0.

    starts (n_rows + 1,): the events of row r are starts[r]:starts[r + 1] of columns (n,); features (n_columns, d);
    gram (d, d) is featuresᵀ features. All arrays but starts and columns are float32.
    """
    base = np.float32(a0) * gram
    penalty = np.float32(l2) * (np.diff(starts) + np.float32(a0 * len(features))).astype(np.float32)

    def solve(part: slice) -> None:
        rows = slice(part.start, part.stop + 1)
        _solve(starts[rows], columns, features, base, penalty[part], steps, vectors[part])

    in_threads(solve, len(vectors), ROWS_PER_PART)


@compiled_sums
def _solve(
    starts: Array, columns: Array, features: Array, base: Array, penalty: Array, steps: int, vectors: Array
) -> None:
    """Solve A w = y by the conjugate gradients of Hestenes & Stiefel: A w is `_product`, y the sum of the features."""
    d = features.shape[1]
    residual, direction, image = (np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32))
    for row in range(len(vectors)):
        w, events = vectors[row], columns[starts[row] : starts[row + 1]]
        if len(events) == 0:
            w[:] = 0
            continue
        _product(features, events, base, penalty[row], w, image)
        residual[:] = 0
        for column in events:
            residual += features[column]
        enough = np.float32(SOLVED) * _dot(residual, residual)
        residual -= image
        direction[:] = residual
        length = _dot(residual, residual)
        for _ in range(steps):
            if length <= enough:
                break
            _product(features, events, base, penalty[row], direction, image)
            step = length / _dot(direction, image)
            for k in range(d):
                w[k] += step * direction[k]
                residual[k] -= step * image[k]
            before, length = length, _dot(residual, residual)
            for k in range(d):
                direction[k] = residual[k] + length / before * direction[k]


@compiled_sums
def _dot(a: Array, b: Array) -> np.float32:
    total = np.float32(0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled_sums
def _product(features: Array, events: Array, base: Array, penalty: np.float32, w: Array, product: Array) -> None:
    """Compute product = (base + penalty + the sum over events of x xᵀ) w, four rows of `base` at a time."""
    d = len(w)
    for k in range(d):
        product[k] = penalty * w[k]
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        r0, r1, r2, r3 = base[j], base[j + 1], base[j + 2], base[j + 3]
        w0, w1, w2, w3 = w[j], w[j + 1], w[j + 2], w[j + 3]
        for k in range(d):
            product[k] += w0 * r0[k] + w1 * r1[k] + w2 * r2[k] + w3 * r3[k]
    for j in range(whole, d):
        for k in range(d):
            product[k] += w[j] * base[j, k]
    for column in events:
        x = features[column]
        along = _dot(x, w)
        for k in range(d):
            product[k] += along * x[k]
