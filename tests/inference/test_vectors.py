"""Neighbours and analogies on vectors made by hand, and files read back by hand."""

from pathlib import Path

import pytest
import torch

from palate.errors import OutputError
from palate.inference.vectors import analogy, export_text, nearest, random_offsets

EAST, NORTH, NORTHEAST, WEST, NOTHING = [1.0, 0.0], [0.0, 3.0], [2.0, 2.0], [-5.0, 0.0], [0.0, 0.0]
VECTORS = torch.tensor([EAST, NORTH, NORTHEAST, WEST, NOTHING])
ALL = torch.zeros(5, dtype=torch.bool)


def test_the_nearest_have_the_largest_cosine_whatever_their_length() -> None:
    rows, cosines = nearest(VECTORS, torch.tensor([10.0, 0.0]), 5, ALL)
    assert rows.tolist() == [0, 2, 1, 4, 3]
    torch.testing.assert_close(cosines, torch.tensor([1, 0.5**0.5, 0, 0, -1]))


def test_what_is_left_out_is_no_neighbour() -> None:
    leave_out = torch.tensor([True, False, False, True, True])
    rows, cosines = nearest(VECTORS, torch.tensor(EAST), 5, leave_out)
    assert rows.tolist() == [2, 1]
    assert cosines.shape == (2,)
    assert nearest(VECTORS, torch.tensor(EAST), 1, leave_out)[0].tolist() == [2]
    nobody, none = nearest(VECTORS, torch.tensor(EAST), 3, ~ALL)
    assert nobody.shape == none.shape == (0,)


def test_equals_stand_in_the_order_of_rows() -> None:
    rows, _ = nearest(torch.tensor([[1.0, 0.0]] * 6), torch.tensor([1.0, 1.0]), 3, torch.zeros(6, dtype=torch.bool))
    assert rows.tolist() == [0, 1, 2]


def test_an_analogy_adds_and_subtracts_unit_vectors() -> None:
    king, man, woman = torch.tensor([3.0, 3.0, 0.0]), torch.tensor([0.0, 7.0, 0.0]), torch.tensor([0.0, 0.0, 0.5])
    torch.testing.assert_close(analogy(king, man, woman), torch.tensor([0.5**0.5, 0.5**0.5 - 1, 1.0]))


def read_back(path: Path, header: bool) -> tuple[list[str], torch.Tensor]:
    """As any tool reads it: split at spaces."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    if header:
        n, dim = map(int, lines.pop(0).split(" "))
        assert n == len(lines)
        assert all(len(line.split(" ")) == dim + 1 for line in lines)
    fields = [line.split(" ") for line in lines]
    return [name for name, *_ in fields], torch.tensor([[float(x) for x in rest] for _, *rest in fields])


@pytest.mark.parametrize("header", [True, False])
def test_numbers_come_back_exactly(tmp_path: Path, header: bool) -> None:
    vectors = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    vectors *= 10.0 ** torch.randint(-38, 38, (50, 1), generator=torch.Generator().manual_seed(1))
    vectors[0] = torch.tensor([0.1, 1 / 3, torch.finfo().max, torch.finfo().tiny])
    export_text(vectors, [str(i) for i in range(50)], tmp_path / "v.txt", header=header)
    names, found = read_back(tmp_path / "v.txt", header)
    assert names == [str(i) for i in range(50)]
    assert torch.equal(found, vectors)


def test_names_hold_no_white_space(tmp_path: Path) -> None:
    names = ["Toy Story (1995)", "  Amélie\tPoulain\n", "a\u2003b\u00a0c", "", "  "]
    export_text(torch.eye(5), names, tmp_path / "v.txt", header=True)
    found, numbers = read_back(tmp_path / "v.txt", header=True)
    assert found == ["Toy_Story_(1995)", "Amélie_Poulain", "a_b_c", "_", "_"]
    assert torch.equal(numbers, torch.eye(5))


def test_a_parameter_can_be_exported(tmp_path: Path) -> None:
    export_text(torch.nn.Parameter(torch.ones(1, 2)), ["a"], tmp_path / "v.txt", header=False)
    assert (tmp_path / "v.txt").read_text() == "a 1 1\n"


def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("before")
    with pytest.raises(ValueError, match="zip"):
        export_text(torch.eye(3), ["only one"], tmp_path / "v.txt", header=True)
    with pytest.raises(OutputError):
        export_text(torch.eye(1), ["a"], tmp_path / "v.txt" / "inside", header=True)
    assert [path.name for path in tmp_path.iterdir()] == ["v.txt"]
    assert (tmp_path / "v.txt").read_text() == "before"


def test_random_offsets_are_differences_of_pairs_as_long_as_another() -> None:
    vectors = torch.tensor([EAST, NORTH, WEST])
    like = torch.tensor([0.3, 0.4])
    found = random_offsets(vectors, like, 200, seed=0)
    torch.testing.assert_close(found.norm(dim=1), torch.full((200,), 0.5))
    units = torch.nn.functional.normalize(vectors, dim=1)
    pairs = [units[i] - units[j] for i in range(3) for j in range(3) if i != j]
    expected = torch.stack([0.5 * pair / pair.norm() for pair in pairs])
    nearest_pair = torch.cdist(found, expected)
    assert nearest_pair.min(1).values.max() < 1e-6, "nothing else"
    assert nearest_pair.min(0).values.max() < 1e-6, "and every pair comes"
    assert torch.equal(found, random_offsets(vectors, like, 200, seed=0))
    assert not torch.equal(found, random_offsets(vectors, like, 200, seed=1))
    assert random_offsets(vectors[:1], like, 2, seed=0).tolist() == [[0, 0], [0, 0]]
