"""Directions on vectors made by hand, where it is known which attribute lies along which."""

import polars as pl
import pytest
import torch

from palate.data.catalogue import Catalogue
from palate.inference.directions import LEAST, MOST, Attribute, attributes, auc, cross_validate, direction, move_along

N, DIM = 600, 6
VECTORS = torch.randn(N, DIM, generator=torch.Generator().manual_seed(0))
THIRD = torch.eye(DIM)[2]


def catalogue(categories: list[list[str]], titles: list[str | None] | None = None) -> Catalogue:
    frame = pl.DataFrame(
        {"title": titles or [None] * len(categories), "text": [None] * len(categories), "categories": categories},
        schema={"title": pl.String, "text": pl.String, "categories": pl.List(pl.String)},
    )
    return Catalogue(frame)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("values", [VECTORS[:, 2], (VECTORS[:, 2] > 0).float()], ids=["number", "category"])
def test_the_coordinate_that_is_the_attribute_is_found(values: torch.Tensor, scale: float) -> None:
    found = direction(VECTORS * scale, values * scale + 7)
    assert found.norm() == pytest.approx(1)
    assert found @ THIRD > 0.99
    assert direction(VECTORS, -values) @ THIRD < -0.99


def test_it_is_ridge_regression_on_centred_unit_vectors() -> None:
    values = torch.randn(N, generator=torch.Generator().manual_seed(1))
    units = (VECTORS / VECTORS.norm(dim=1, keepdim=True)).double()
    away, off = units - units.mean(0), values.double() - values.double().mean()
    penalty = 0.1 * (away**2).sum() / DIM
    weights = torch.linalg.inv(away.T @ away + penalty * torch.eye(DIM)) @ away.T @ off
    torch.testing.assert_close(direction(VECTORS, values).double(), weights / weights.norm(), atol=1e-5, rtol=0)


def test_items_of_which_nothing_is_known_teach_nothing() -> None:
    values = VECTORS[:, 2].clone()
    values[::3] = torch.nan
    expected = direction(VECTORS[~values.isnan()], values[~values.isnan()])
    assert torch.equal(direction(VECTORS, values), expected)
    told = cross_validate(VECTORS[~values.isnan()], Attribute("x", values[~values.isnan()], "R2"))
    assert cross_validate(VECTORS, Attribute("x", values, "R2")) == told


def test_vectors_of_nothing_point_nowhere() -> None:
    assert torch.equal(direction(torch.zeros(N, DIM), VECTORS[:, 2]), torch.zeros(DIM))


def test_what_lies_in_the_vectors_is_told_and_shuffled_it_is_not() -> None:
    units = VECTORS / VECTORS.norm(dim=1, keepdim=True)
    score, shuffled = cross_validate(VECTORS, Attribute("number", units[:, 2], "R2"))
    assert score > 0.98
    assert -0.03 < shuffled < 0.01
    score, shuffled = cross_validate(VECTORS, Attribute("category", (units[:, 2] > 0.5).float(), "AUC"))
    assert score > 0.99
    assert shuffled == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("measure", "chance", "room"), [("R2", 0.0, 0.05), ("AUC", 0.5, 0.08)])
def test_what_does_not_lie_in_the_vectors_is_told_no_better_than_shuffled(
    measure: str, chance: float, room: float
) -> None:
    noise = torch.randn(N, generator=torch.Generator().manual_seed(2))
    values = noise if measure == "R2" else (noise > 1).float()
    wide = torch.randn(N, 20, generator=torch.Generator().manual_seed(3))
    score, shuffled = cross_validate(wide, Attribute("noise", values, measure))
    assert score == pytest.approx(chance, abs=room)
    assert shuffled == pytest.approx(chance, abs=room)


def test_auc_by_hand() -> None:
    scores = torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0])
    positive = torch.tensor([True, False, True, False, True])
    # 3 beats 1 and 2; 2 beats 1 and ties with 2; 0 beats none
    assert auc(scores, positive) == pytest.approx((2 + 1.5 + 0) / 6)
    assert auc(-scores, positive) == pytest.approx(1 - 3.5 / 6)


def test_moving_starts_from_length_one() -> None:
    along = torch.tensor([0.0, 1.0])
    torch.testing.assert_close(move_along(torch.tensor([5.0, 0.0]), along, -0.5), torch.tensor([1.0, -0.5]))


def test_attributes_are_the_year_and_the_categories_that_are_common_enough() -> None:
    n = 40
    categories = [["All"] * 2] * n  # in every item: tells nothing apart
    for name, having in (("Common", 20), ("Enough", LEAST), ("Rare", LEAST - 1)):
        categories = [[*names, name] if row < having else names for row, names in enumerate(categories)]
    categories[n - 1] = []
    titles: list[str | None] = [f"Movie (of {1000 + row}) ({1980 + row})" for row in range(n)]
    titles[3], titles[4], titles[5] = None, "2001", "Movie (1234)"
    found = attributes(catalogue(categories, titles), torch.arange(n))
    assert [(each.name, each.measure, each.items) for each in found] == [
        ("year", "R2", n - 3),
        ("Common", "AUC", 20),
        ("Enough", "AUC", LEAST),
    ]
    year, common, _ = (each.values for each in found)
    assert year[:3].tolist() == [1980, 1981, 1982]
    assert year.isnan().nonzero().flatten().tolist() == [3, 4, 5]
    assert common[:-1].tolist() == [1.0] * 20 + [0.0] * 19
    assert common[-1].isnan(), "of an item without categories nothing is known"


def test_attributes_of_some_rows_only() -> None:
    n = 60
    known = catalogue([["Even"] if row % 2 == 0 else ["Odd"] for row in range(n)])
    rows = torch.cat([torch.arange(0, n, 2), torch.arange(1, n, 4)])
    found = {each.name: each for each in attributes(known, rows)}
    assert found.keys() == {"Even", "Odd"}
    assert (found["Even"].items, found["Odd"].items) == (30, 15)
    assert found["Odd"].values.tolist() == [0.0] * 30 + [1.0] * 15
    assert attributes(Catalogue.empty(n), rows) == []
    assert attributes(known, torch.arange(0)) == []


def test_of_very_many_categories_the_most_common_are_taken() -> None:
    categories = [[f"c{number:03d}" for number in range(MOST + 20) if row >= 60 + number] for row in range(200)]
    found = attributes(catalogue(categories), torch.arange(200))
    assert len(found) == MOST
    assert [each.items for each in found] == list(range(130, 130 - MOST, -1)), "140 are known, 10 are outside"
