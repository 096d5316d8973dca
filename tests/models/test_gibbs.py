"""The Gibbs sampler's parts: each conditional against the textbook's distribution."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from palate.models.bayes.loops import products, row_sums
from palate.models.bayes.priors import STRENGTH, Cutpoints, Link, Noise, Prior, leading, truncated, wishart
from palate.models.shared.ridge import draw_rows

Floats = NDArray[np.float64]


def spd(dim: int, draw: np.random.Generator) -> Floats:
    """A precision that is far from diagonal."""
    x = draw.normal(size=(dim + 2, dim))
    return np.asarray(x.T @ x / dim + 0.5 * np.eye(dim))


def tensor(array: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(array)


@pytest.mark.parametrize("dim", [1, 2, 5, 17])
def test_a_row_is_drawn_from_its_conditional(dim: int) -> None:
    """Rows of 0 to 40 events. With normals 0 the mean; with each unit vector a column of a root of the covariance."""
    draw = np.random.default_rng(dim)
    counts = np.array([0, 1, 3, 4, 40, 0, 7, *draw.integers(0, 9, 300)])
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns, targets = draw.integers(0, 30, starts[-1]).astype(np.int32), draw.normal(size=starts[-1])
    features, precision, shift = draw.normal(size=(30, dim)), spd(dim, draw), draw.normal(size=(len(counts), dim))
    y, z, lam, sides = (a.astype(np.float32) for a in (targets, features, precision, shift))
    units = [np.zeros(shift.shape, np.float32), *(np.tile(e, (len(counts), 1)) for e in np.eye(dim, dtype=np.float32))]
    noise = draw.uniform(0.5, 3, len(counts)).astype(np.float32)
    mean, *moved = (draw_rows(starts, columns, y, z, lam, sides, noise, unit) for unit in units)
    for row in range(len(counts)):
        of = slice(starts[row], starts[row + 1])
        x = features[columns[of]]
        covariance = np.linalg.inv(precision + noise[row] * x.T @ x)
        right = covariance @ (shift[row] + noise[row] * x.T @ targets[of])
        np.testing.assert_allclose(mean[row], right, rtol=1e-3, atol=1e-3)
        root = np.stack([other[row] - mean[row] for other in moved], axis=1)
        np.testing.assert_allclose(root @ root.T, covariance, rtol=1e-3, atol=1e-3)


def test_products_and_sums_of_rows() -> None:
    draw = np.random.default_rng(0)
    left, right = draw.normal(size=(7, 4)).astype(np.float32), draw.normal(size=(5, 4)).astype(np.float32)
    users, items = draw.integers(0, 7, 50), draw.integers(0, 5, 50)
    expected = [left[u, 3] + right[i, 3] + left[u, :3] @ right[i, :3] for u, i in zip(users, items, strict=True)]
    np.testing.assert_allclose(products(users, items, left, right), expected, rtol=1e-5, atol=1e-5)
    sums = row_sums(np.array([0, 20, 20, 50]), items, right)
    np.testing.assert_allclose(sums, [right[items[:20]].sum(0), np.zeros(4), right[items[20:]].sum(0)], atol=1e-4)


def test_a_wishart_draw_has_its_mean_and_variance() -> None:
    """E W = n V and Var W_ij = n (V_ij² + V_ii V_jj)."""
    draw = np.random.default_rng(0)
    scale, n = spd(3, draw), 7.5
    drawn = np.stack([wishart(tensor(scale), n, draw).numpy() for _ in range(20_000)])
    np.testing.assert_allclose(drawn.mean(0), n * scale, rtol=0.05, atol=0.2)
    variance = n * (scale**2 + np.outer(np.diag(scale), np.diag(scale)))
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.1)


def test_the_prior_of_a_number_is_normal_gamma() -> None:
    """For numbers, Λ ~ Gamma(shape, rate) and mu ~ Student's t, in closed form: Murphy 2007, equations 85 to 88, 93."""
    rows = np.random.default_rng(1).normal(2, 0.7, 25)
    shape, n = (2 + 25) / 2, len(rows)
    rate = (1 + np.sum((rows - rows.mean()) ** 2) + STRENGTH * n / (STRENGTH + n) * rows.mean() ** 2) / 2
    prior, random = Prior(n, 1), np.random.default_rng(0)
    precisions, means = np.empty(10_000), np.empty(10_000)
    for at in range(10_000):
        prior.draw(tensor(rows[:, None]), random)
        precisions[at], means[at] = prior.precision[0, 0], prior.means[0, 0]
    assert precisions.mean() == pytest.approx(shape / rate, rel=0.01)
    assert precisions.var() == pytest.approx(shape / rate**2, rel=0.06)
    assert means.mean() == pytest.approx(rows.sum() / (n + STRENGTH), abs=0.01)
    assert means.var() == pytest.approx(rate / (shape - 1) / (n + STRENGTH), rel=0.06)


def test_a_link_is_drawn_as_the_regression_it_is() -> None:
    """B given the rest, directly: mean (XᵀX + w I)⁻¹ Xᵀ R, covariance of columns (XᵀX + w I)⁻¹, of rows Λ⁻¹."""
    draw = np.random.default_rng(0)
    x, rest, precision = draw.normal(size=(6, 4)), draw.normal(size=(6, 2)), spd(2, draw)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    link, drawn = Link(tensor(u), tensor(s), 2), np.empty((10_000, 6, 2))
    for at in range(len(drawn)):
        link.weight = 2.5
        link.draw(tensor(rest), tensor(precision), draw)
        drawn[at] = link.mean.numpy()
    inverse = np.linalg.inv(x.T @ x + 2.5 * np.eye(4))
    np.testing.assert_allclose(drawn.mean(0), x @ inverse @ x.T @ rest, atol=0.02)
    covariance = np.kron(x @ inverse @ x.T, np.linalg.inv(precision))
    np.testing.assert_allclose(np.cov(drawn.reshape(len(drawn), -1).T), covariance, atol=0.03)


def test_the_weight_of_a_link_is_gamma() -> None:
    """Coefficients that hardly move give the weight's mean, (1/2 + n / 2) / (1/2 + tr(C Λ Cᵀ) / 2)."""
    draw = np.random.default_rng(0)
    link = Link(torch.eye(5), torch.full((5,), 1e4), 2)
    rest, precision = draw.normal(size=(5, 2)), spd(2, draw)
    weights = []
    for _ in range(4000):
        link.draw(tensor(1e4 * rest), tensor(precision), draw)
        weights.append(link.weight)
    squares = np.sum(rest @ precision * rest)
    assert np.mean(weights) == pytest.approx((0.5 + 5) / (0.5 + squares / 2), rel=0.03)


def test_the_noise_of_rows_is_gamma() -> None:
    """Precisions that were drawn from a known distribution, and are all but known, say which it was."""
    draw = np.random.default_rng(0)
    drawn, counts = draw.gamma(4, 1 / 2, 3000), np.full(3000, 10**6)
    noise, pairs = Noise(3000, mean_one=False), []
    for _ in range(400):
        noise.draw(counts, counts / drawn, draw)
        pairs.append([noise.shape, noise.rate])
    np.testing.assert_allclose(noise.precision, drawn, rtol=0.01)
    np.testing.assert_allclose(np.mean(pairs[100:], axis=0), [4, 2], rtol=0.08)
    noise = Noise(3000)
    for _ in range(50):
        noise.draw(counts, counts / drawn * 2, draw)
    assert noise.shape == noise.rate == pytest.approx(4, rel=0.15)


def test_a_row_s_noise_is_drawn_from_its_conditional() -> None:
    """Gamma(shape + n / 2, rate + squares / 2), of rows with 0, 3 and 40 ratings."""
    draw, counts, squares = np.random.default_rng(0), np.array([0, 3, 40]), np.array([0, 2.0, 25])
    noise, precisions = Noise(3), np.empty((10_000, 3))
    for at in range(len(precisions)):
        noise.shape = noise.rate = 2.0
        noise.draw(counts, squares, draw)
        precisions[at] = noise.precision
    shape, rate = 2 + counts / 2, 2 + squares / 2
    np.testing.assert_allclose(precisions.mean(0), shape / rate, rtol=0.03)
    np.testing.assert_allclose(precisions.var(0), shape / rate**2, rtol=0.08)


@pytest.mark.parametrize("rank", [12, 3])
def test_leading_singular_vectors(rank: int) -> None:
    draw = np.random.default_rng(0)
    x = (draw.normal(size=(40, 3)) * [9, 3, 1] @ draw.normal(size=(3, 12))).astype(np.float32)
    u, s = leading(lambda y: tensor(x) @ y, lambda y: tensor(x).T @ y, 12, rank, draw)
    assert len(s) == 3
    np.testing.assert_allclose(u * s @ (u * s).T, x @ x.T, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    ("mean", "low", "high"),
    [
        (0.0, -1.0, 0.5),
        (0.3, -np.inf, 0.0),
        (0.0, 1.0, np.inf),
        (-6.0, 0.0, 1.0),
        (9.0, 0.0, 1.0),
        (1.0, -np.inf, np.inf),
    ],
)
def test_truncated_normals_have_the_right_moments(mean: float, low: float, high: float) -> None:
    n = 40_000
    uniforms = (np.arange(n) + 0.5) / n
    drawn = truncated(np.full(n, mean), np.full(n, low), np.full(n, high), uniforms).astype(np.float64)
    grid = np.linspace(max(low, mean - 10), min(high, mean + 10), 400_001)
    density = np.exp(-0.5 * (grid - mean) ** 2 + 0.5 * np.min((grid - mean) ** 2))
    first = np.sum(grid * density) / np.sum(density)
    assert drawn.min() >= low
    assert drawn.max() <= high
    assert drawn.mean() == pytest.approx(first, abs=2e-3)
    assert drawn.var() == pytest.approx(np.sum((grid - first) ** 2 * density) / np.sum(density), rel=0.01, abs=1e-4)


def test_far_from_its_level_a_latent_value_stays_within() -> None:
    drawn = truncated(np.array([60.0, -60.0]), np.array([-np.inf, 1.0]), np.array([0.0, 2.0]), np.array([0.5, 0.5]))
    assert drawn.tolist() == pytest.approx([0, 1], abs=0.1)


def test_a_cutpoint_moves_as_its_posterior_says() -> None:
    """Against the posterior on a grid, exact, for two levels."""
    draw = np.random.default_rng(0)
    fitted = draw.normal(size=60)
    ranks = (fitted + draw.normal(size=60) > 0.4).astype(np.int64)
    cutpoints, places = Cutpoints(ranks, 2), np.empty(2500)
    for at in range(-200, len(places)):
        cutpoints.move(fitted, at < 0, draw)
        if at >= 0:
            places[at] = cutpoints.inner[0]
    grid = np.linspace(-2, 3, 2001)
    below = torch.special.log_ndtr(torch.from_numpy(grid[:, None] - fitted)).numpy()
    above = torch.special.log_ndtr(torch.from_numpy(fitted - grid[:, None])).numpy()
    density = np.where(ranks == 0, below, above).sum(1)
    density = np.exp(density - density.max())
    mean = np.sum(grid * density) / density.sum()
    assert places.mean() == pytest.approx(mean, abs=0.02)
    assert places.std() == pytest.approx(np.sqrt(np.sum((grid - mean) ** 2 * density) / density.sum()), rel=0.1)
