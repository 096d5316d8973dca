"""The map of items: near on it is what is near among the vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import palate
from palate.inference import item_map
from tests import trained


def clusters(n: int = 300, d: int = 8, kinds: int = 6) -> torch.Tensor:
    """Unit vectors (n, d) around a few centres; row i belongs to centre i % kinds."""
    generator = torch.Generator().manual_seed(3)
    centres = torch.nn.functional.normalize(torch.randn(kinds, d, generator=generator), dim=1)
    return torch.nn.functional.normalize(
        centres.repeat(n // kinds, 1) + 0.08 * torch.randn(n, d, generator=generator), dim=1
    )


def neighbours(points: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Slow and plain: by all distances -> (n, k)."""
    away = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(away, np.inf)
    found: NDArray[np.int64] = np.argsort(away, axis=1, kind="stable")[:, :k]
    return found


def kept(vectors: torch.Tensor, places: NDArray[np.float32], k: int = 10) -> float:
    """The share of each one's k nearest by vector that are among the k nearest by place."""
    real, shown = neighbours(vectors.numpy(), k), neighbours(places, k)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(real.tolist(), shown.tolist(), strict=True)]))


def test_neighbours_stay_neighbours_far_better_than_in_two_principal_components() -> None:
    vectors = clusters()
    places = item_map.layout(vectors, seed=0)
    assert kept(vectors, places) > 1.5 * kept(vectors, item_map.principal_components(vectors).numpy())
    of_same_kind = neighbours(places, 10) % 6 == np.arange(300)[:, None] % 6
    assert of_same_kind.mean() > 0.95


def test_a_map_lies_within_its_square_around_the_middle() -> None:
    places = item_map.layout(clusters(), seed=0)
    assert np.abs(places).max() == pytest.approx(1)
    assert places.mean(0) == pytest.approx([0, 0], abs=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_map() -> None:
    vectors = clusters()
    assert item_map.layout(vectors, 1).tobytes() == item_map.layout(vectors, 1).tobytes()
    assert item_map.layout(vectors, 1).tobytes() != item_map.layout(vectors, 2).tobytes()


def test_nearest_are_those_of_all_cosines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_map, "BLOCK", 64)
    vectors = clusters(90)
    cosines = vectors @ vectors.T
    cosines.fill_diagonal_(-2)
    assert torch.equal(item_map.nearest(vectors, 7).sort().values, cosines.topk(7).indices.sort().values)


def test_principal_components_are_those_of_the_singular_value_decomposition() -> None:
    vectors = clusters()
    away = (vectors - vectors.mean(0)).double()
    left, sizes, _ = torch.linalg.svd(away, full_matrices=False)
    expected = left[:, :2] * sizes[:2] / (left[:, 0] * sizes[0]).square().mean().sqrt()
    found = item_map.principal_components(vectors).double()
    assert torch.allclose(found.abs(), expected.abs(), atol=1e-4)
    assert (found.gather(0, found.abs().argmax(0, keepdim=True)) > 0).all()


@pytest.mark.parametrize(
    "vectors", [torch.ones(1, 4), torch.ones(2, 3), torch.zeros(5, 2), torch.arange(6.0).view(6, 1)]
)
def test_few_equal_empty_or_one_dimensional_vectors_still_have_places(vectors: torch.Tensor) -> None:
    places = item_map.layout(vectors, seed=0)
    assert places.shape == (len(vectors), 2)
    assert np.isfinite(places).all()


def test_only_the_most_rated_are_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_map, "MOST", 8)
    recommender = trained.train("mf").recommender
    assert recommender.places is not None
    on_it = ~np.isnan(recommender.places[:, 0])
    counts = recommender.table.item_counts
    assert on_it.sum() == 8
    assert counts[on_it].min() >= counts[~on_it].max()


def test_it_is_saved_with_the_model_and_absent_where_there_are_no_vectors(tmp_path: Path) -> None:
    first = trained.train("mf", output=tmp_path / "mf").recommender
    opened = palate.load(tmp_path / "mf")
    assert first.places is not None
    assert opened.places is not None
    assert opened.places.tobytes() == first.places.tobytes()
    trained.train("ease", output=tmp_path / "ease")
    assert palate.load(tmp_path / "ease").places is None
    opened.save(tmp_path / "again")
    assert (tmp_path / "again" / "items.parquet").read_bytes() == (tmp_path / "mf" / "items.parquet").read_bytes()
