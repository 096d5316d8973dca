"""Draws of the Gibbs sampler of `bayes` around the rows: priors, their links to side information, noise and cutpoints.

Salakhutdinov & Mnih, ICML 2008, section 3.2, for the prior; Simm et al., MLSP 2017, section 3, for the links;
Lakshminarayanan, Bouchard & Archambeau, "Robust Bayesian Matrix Factorisation", AISTATS 2011, for the noise.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.system.jit import in_threads, one_thread

Floats = NDArray[np.floating]

STRENGTH = 2.0
"""The prior of the mean counts as this many rows with mean 0: beta0 of the paper."""

POWER_STEPS = 4
"""Steps of the subspace iteration that computes the leading singular vectors."""

SHAPES = np.geomspace(1, 100, 65)
"""Candidate shapes of the Gamma distribution of the rows' noise precisions, all equally likely a priori."""

FINE = 64
"""Bins per unit of fitted value in which events are counted for the cutpoints."""

MOST_PRECISION = 1e4
"""Upper bound of a row's noise precision, in units of the ratings' spread: a noise of a hundredth of it. Ratings with
outliers would take it to where float32 can't solve a row's regression."""

STEPS = 6
"""Number of proposals for the cutpoints in a sweep."""

EVENTS_PER_PART = 16_384
"""Latent values that a thread draws at a time; from 32,768 on torch itself would use more threads."""


class Link:
    """A linear part X B of every row's prior mean; B ~ N(0, Λ⁻¹ ⊗ (weight I)⁻¹), weight ~ Gamma(1/2, 1/2).

    With X = U S Wᵀ, only C = Wᵀ B matters, whose rows are independent given the others: C_k ~ N(0, (weight Λ)⁻¹).
    """

    def __init__(self, u: Tensor, s: Tensor, dim: int) -> None:
        self.u, self.s = u.float(), s.double()  # (n, q), (q,)
        self.weight = 1.0
        self.coefficients = torch.zeros(len(s), dim, dtype=torch.float64)  # (q, dim), C above
        self.mean = torch.zeros(len(u), dim)  # (n, dim), X B

    def draw(self, rest: Tensor, precision: Tensor, random: np.random.Generator) -> None:
        """Draw B, then its weight, given rest (n, dim) = X B + noise of that precision."""
        moments = (self.u.T @ rest.float()).double()  # (q, dim)
        scale = (self.s**2 + self.weight)[:, None]
        noise = normals(random, *moments.shape) @ inverse_root(precision)
        self.coefficients = self.s[:, None] / scale * moments + noise / scale.sqrt()
        self.mean = self.u @ (self.s[:, None] * self.coefficients).float()
        squares = float((self.coefficients @ precision * self.coefficients).sum())
        self.weight = random.gamma(0.5 + self.coefficients.numel() / 2) / (0.5 + squares / 2)


class Prior:
    """The prior z_r ~ N(mu + Σ_l X_l B_l, Λ⁻¹) of each row r; mu | Λ ~ N(0, (STRENGTH Λ)⁻¹), Λ ~ Wishart(I, dim +
    1)."""

    def __init__(self, n: int, dim: int, links: Sequence[Link] = ()) -> None:
        self.links = links
        self.precision = torch.eye(dim, dtype=torch.float64)  # Λ
        self.means = torch.zeros(n, dim, dtype=torch.float64)  # of each row

    @one_thread()
    def draw(self, rows: Tensor, random: np.random.Generator) -> None:
        """Draw mu and Λ, then each link, given the rows (n, dim)."""
        rows = rows.double()
        linked = sum((link.mean for link in self.links), torch.zeros_like(rows))
        mean, scatter, n = posterior(rows - linked)
        for link in self.links:
            scatter = scatter + link.weight * link.coefficients.T @ link.coefficients
            n += len(link.s)
        dim = rows.shape[1]
        self.precision = wishart(torch.linalg.inv(scatter), dim + 1 + n, random)
        mu = mean + normals(random, dim) @ inverse_root(self.precision) / (STRENGTH + len(rows)) ** 0.5
        for link in self.links:
            linked -= link.mean
            link.draw(rows - mu - linked, self.precision, random)
            linked += link.mean
        self.means = mu + linked

    @one_thread()
    def shift(self) -> Tensor:
        """Return Λ times each row's prior mean -> (n, dim)."""
        return self.means @ self.precision


class Noise:
    """The noise of each row's ratings: its precision ~ Gamma(shape, rate), shape is one of SHAPES, rate ~ Gamma(1, 1).

    With `mean_one` the rate equals the shape. It is set for one of two groups whose precisions are multiplied.
    """

    def __init__(self, n: int, mean_one: bool = True) -> None:
        self.precision: Floats = np.ones(n, np.float32)  # of each row
        self.shape, self.rate, self.mean_one = 1.0, 1.0, mean_one

    def draw(self, counts: NDArray[np.integer], squares: NDArray[np.number], random: np.random.Generator) -> None:
        """Draw precisions, shape and rate, given each row's number of ratings (n,) and sum of squared errors (n,)."""
        drawn = random.gamma(self.shape + counts / 2) / (self.rate + squares / 2)
        n, total = len(drawn), drawn.sum()
        if self.mean_one:
            density = n * SHAPES * np.log(SHAPES) - SHAPES * total
        else:  # with the rate summed out
            density = log_gamma(1 + n * SHAPES) - (1 + n * SHAPES) * np.log(1 + total)
        density += SHAPES * np.log(drawn).sum() - n * log_gamma(SHAPES)
        self.shape = SHAPES[np.argmax(density + random.gumbel(size=len(SHAPES)))]
        self.rate = self.shape if self.mean_one else random.gamma(1 + n * self.shape) / (1 + total)
        self.precision = np.minimum(drawn, MOST_PRECISION).astype(np.float32)


def log_gamma(x: Floats) -> Floats:
    values: Floats = torch.lgamma(torch.from_numpy(x)).numpy()
    return values


def normals(random: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(random.standard_normal(shape))


def inverse_root(precision: Tensor) -> Tensor:
    """Return R such that standard normals times R have this precision."""
    root: Tensor = torch.linalg.inv(torch.linalg.cholesky(precision))
    return root


def posterior(rows: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return the mean of mu, the inverse scale of Λ, and n, of the normal-Wishart posterior given rows (n, dim)."""
    n, mean = len(rows), rows.mean(0)
    centred = rows - mean
    identity = torch.eye(rows.shape[1], dtype=rows.dtype)
    scatter = identity + centred.T @ centred + STRENGTH * n / (STRENGTH + n) * torch.outer(mean, mean)
    return n * mean / (STRENGTH + n), scatter, n


def wishart(scale: Tensor, freedom: float, random: np.random.Generator) -> Tensor:
    """Draw from a Wishart distribution by Bartlett's decomposition -> (dim, dim)."""
    dim = len(scale)
    lower = normals(random, dim, dim).tril(-1)
    lower += torch.from_numpy(np.diag(np.sqrt(random.chisquare(freedom - np.arange(dim)))))
    root: Tensor = torch.linalg.cholesky(scale) @ lower
    return root @ root.T


def leading(
    times: Callable[[Tensor], Tensor],
    transposed: Callable[[Tensor], Tensor],
    width: int,
    rank: int,
    random: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return U (n, q) and S (q,) of a matrix (n, width) given by its products, q ≤ rank; exact if its rank is lower."""
    basis = orthogonal(normals(random, width, rank).float())
    for _ in range(POWER_STEPS):
        basis = orthogonal(transposed(orthogonal(times(basis))))
    return singular(times(basis))


@one_thread()
def orthogonal(columns: Tensor) -> Tensor:
    """Return an orthogonal basis of the column space."""
    basis: Tensor = torch.linalg.qr(columns)[0].contiguous()
    return basis


@one_thread()
def singular(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the left singular vectors (n, q) and singular values (q,) of a matrix, without those near 0."""
    u, s, _ = torch.linalg.svd(x, full_matrices=False)
    kept = s > 1e-5 * s[:1]
    return u[:, kept], s[kept]


class Cutpoints:
    """The cutpoints between rating levels, on the scale of latent values whose noise has variance 1.

    Albert & Chib, JASA 1993, section 4; drawn with the latent values integrated out, as in Cowles, Statistics and
    Computing 1996. The likelihood uses counts of events in fine bins of their fitted value.
    """

    def __init__(self, ranks: NDArray[np.int64], n_levels: int) -> None:
        self.ranks, self.n_levels = ranks, n_levels  # ranks (n,): the level of each event
        counts = np.bincount(ranks, minlength=n_levels)
        shares = torch.from_numpy(np.cumsum(counts)[:-1] / len(ranks))
        self.inner: Floats = torch.special.ndtri(shares).numpy()  # (n_levels - 1,)
        self.scale = 1 / np.sqrt(np.minimum(counts[1:], counts[:-1]))
        self.step = 0.5

    @property
    def centre(self) -> float:
        return float(self.inner.mean()) if len(self.inner) else 0.0

    def move(self, fitted: Floats, adapt: bool, random: np.random.Generator) -> None:
        """Take a few steps of a random walk. adapt: tune the step length towards an acceptance rate of 0.3."""
        if self.n_levels == 1:
            return
        low = np.floor(fitted.min() * FINE)
        bins = np.rint(fitted * FINE - low).astype(np.int64)
        n_bins = int(bins.max()) + 1
        counts = np.bincount(self.ranks * n_bins + bins, minlength=self.n_levels * n_bins)
        counts = counts.reshape(-1, n_bins).astype(np.int64)
        centres = (low + np.arange(n_bins)) / FINE
        current = self._likelihood(self.inner, counts, centres)
        for _ in range(STEPS):
            proposal = self.inner + self.step * self.scale * random.standard_normal(len(self.inner))
            proposed = self._likelihood(proposal, counts, centres) if (np.diff(proposal) > 0).all() else -np.inf
            accepted = np.log(random.random()) < proposed - current
            if accepted:
                self.inner, current = proposal, proposed
            if adapt:
                self.step *= np.exp(0.1 * (accepted - 0.3))

    @staticmethod
    def _likelihood(inner: Floats, counts: NDArray[np.int64], centres: Floats) -> float:
        shares = np.diff(below(torch.from_numpy(inner[:, None] - centres)).numpy(), axis=0, prepend=0, append=1)
        return float(np.sum(counts * np.log(np.maximum(shares, 1e-300))))

    def latent(self, fitted: Floats, random: np.random.Generator) -> Floats:
        """Draw each event's latent value, given its rating and fitted value -> (n,) float32."""
        edges = np.concatenate([[-np.inf], self.inner, [np.inf]])
        uniforms, drawn = random.random(len(fitted)), np.empty(len(fitted), np.float32)

        def draw(part: slice) -> None:
            low, high = edges[self.ranks[part]], edges[self.ranks[part] + 1]
            drawn[part] = truncated(fitted[part], low, high, uniforms[part])

        in_threads(draw, len(drawn), EVENTS_PER_PART)
        return drawn


def below(x: Tensor) -> Tensor:
    """Return the standard normal distribution function. It is exact in the lower tail, where torch's own is not."""
    return torch.erfc(x * -(0.5**0.5)) / 2


def truncated(mean: Floats, low: Floats, high: Floats, uniforms: Floats) -> Floats:
    """Draw from N(mean, 1) between low and high, by the inverse of its distribution function -> (n,) float32."""
    centre = torch.from_numpy(mean).double()
    a, b = torch.from_numpy(low) - centre, torch.from_numpy(high) - centre
    flip = a > 0  # the lower tail is exact
    a, b = torch.where(flip, -b, a), torch.where(flip, -a, b)
    p, q = below(a), below(b)
    drawn = torch.special.ndtri((p + torch.from_numpy(uniforms) * (q - p)).clamp(1e-300, 1 - 1e-16))
    drawn = torch.maximum(torch.minimum(drawn, b), a)
    values: Floats = (centre + torch.where(flip, -drawn, drawn)).float().numpy()
    return values


def mean_within(mean: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the mean of N(mean, 1) truncated to between low and high."""
    a, b = (low - mean).double(), (high - mean).double()
    flip = a > 0
    a, b = torch.where(flip, -b, a), torch.where(flip, -a, b)
    share = (below(b) - below(a)).clamp(min=1e-300)
    offset = ((-a * a / 2).exp() - (-b * b / 2).exp()) / (share * (2 * torch.pi) ** 0.5)
    offset = torch.minimum(torch.maximum(offset, a), b)
    return mean + torch.where(flip, -offset, offset).to(mean.dtype)
