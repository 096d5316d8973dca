"""Directions in the space of item vectors along which an attribute of the items grows, such as a genre or the year."""

from dataclasses import dataclass
from typing import NamedTuple

import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from palate.data.catalogue import Catalogue

ENOUGH_RATINGS = 10
"""Items with fewer ratings have vectors that say little, so directions are not learned from them."""

LEAST, MOST = 10, 100
"""A category needs LEAST items in it and LEAST outside it; only the MOST most common categories are used."""

YEAR = r"\(((?:1[89]|20)\d\d)\)\s*$"
"""Pattern of the year at the end of a title, as in "Heat (1995)"."""

SHRINK = 0.1
"""Ridge penalty, as a share of the vectors' mean variance."""

FOLDS, SHUFFLES = 5, 5
"""Folds of the cross-validation, and shuffles of the values whose mean score shows what chance gives."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """An attribute of n items from the catalogue."""

    name: str
    values: Tensor  # (n,) float32; of a category 1 in it and 0 outside; NaN if unknown
    measure: str  # "AUC" of a category, "R2" of a number

    @property
    def known(self) -> Tensor:
        """(n,) bool, the items whose value is known."""
        return ~self.values.isnan()

    @property
    def items(self) -> int:
        """Number of items that have the attribute."""
        return int((self.values > 0).sum())


def attributes(catalogue: Catalogue, rows: Tensor) -> list[Attribute]:
    """Return the attributes that enough of these item rows (n,) have: the year of the title, and the categories."""
    frame = catalogue.frame[rows.cpu().numpy()]
    years = frame["title"].str.extract(YEAR).cast(pl.Float32)
    result = []
    if len(years) - years.null_count() >= 2 * LEAST and years.n_unique() > 2:
        result.append(Attribute("year", torch.tensor(years.fill_null(torch.nan).to_numpy().copy()), "R2"))
    having = frame.select("categories").with_row_index("row").explode("categories").drop_nulls().unique()
    unknown = torch.from_numpy((frame["categories"].list.len() == 0).to_numpy().copy())  # (n,)
    most = int((~unknown).sum()) - LEAST
    common = having.group_by("categories").len().filter(pl.col("len").is_between(LEAST, most))
    for name in common.sort("len", "categories", descending=[True, False])["categories"].head(MOST).to_list():
        values = torch.zeros(len(frame)).masked_fill_(unknown, torch.nan)
        values[torch.from_numpy(having.filter(pl.col("categories") == name)["row"].to_numpy().astype("int64"))] = 1
        result.append(Attribute(name, values, "AUC"))
    return result


def direction(vectors: Tensor, values: Tensor) -> Tensor:
    """Return the unit vector (d,) along which `values` (n,) of item vectors (n, d) grow; NaN values are unknown."""
    known = ~values.isnan()
    weights = _ridge(functional.normalize(vectors[known], dim=1), values[known].unsqueeze(1))
    return functional.normalize(weights.squeeze(1), dim=0)


def move_along(vector: Tensor, along: Tensor, strength: float) -> Tensor:
    """Scale `vector` (d,) to length 1, and add `strength` times the unit vector `along` (d,)."""
    return functional.normalize(vector, dim=0) + strength * along


class AttributeScore(NamedTuple):
    """Score of an attribute by item vectors: the AUC of a category, the R2 of a number. Chance gives 0.5 and 0."""

    score: float
    """By cross-validation over FOLDS folds."""
    shuffled: float
    """The same with the values shuffled among the items, as a mean over SHUFFLES shuffles."""


def cross_validate(vectors: Tensor, attribute: Attribute) -> AttributeScore:
    """Measure how well vectors (n, d) predict the attribute of items that the direction was not learned from."""
    generator = torch.Generator().manual_seed(0)
    known = attribute.known.to(vectors.device)
    units = functional.normalize(vectors[known], dim=1)
    values = attribute.values.to(units)[known]
    orders = [torch.randperm(len(values), generator=generator) for _ in range(SHUFFLES)]
    columns = torch.stack([values, *(values[order] for order in orders)], dim=1)  # (n, 1 + SHUFFLES)
    fold = (torch.randperm(len(values), generator=generator) % FOLDS).to(units.device)
    predicted, means = torch.empty_like(columns), torch.empty_like(columns)
    for out in (fold == number for number in range(FOLDS)):
        predicted[out] = (units[out] - units[~out].mean(0)) @ _ridge(units[~out], columns[~out])
        means[out] = columns[~out].mean(0)
    if attribute.measure == "AUC":
        scores = [auc(values, column > 0) for values, column in zip(predicted.T, columns.T, strict=True)]
    else:
        squared_errors = (columns - means - predicted).square().sum(0)
        scores = (1 - squared_errors / (columns - columns.mean(0)).square().sum(0)).tolist()
    return AttributeScore(scores[0], sum(scores[1:]) / SHUFFLES)


def table(vectors: Tensor, known: list[Attribute]) -> pl.DataFrame:
    """Return a row for each attribute of the items with these vectors (n, d) and its scores, the best first."""
    rows = [(each.name, each.items, each.measure, *cross_validate(vectors, each)) for each in known]
    schema = {
        "attribute": pl.String(),
        "items": pl.Int64(),
        "measure": pl.String(),
        "score": pl.Float64(),
        "shuffled": pl.Float64(),
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("measure", "score", descending=True, maintain_order=True)


def auc(scores: Tensor, positive: Tensor) -> float:
    """Return the share of pairs in which a positive's score (n,) is above a negative's; a tie counts half."""
    negatives, positives = scores[~positive].sort().values, scores[positive].contiguous()
    below = torch.searchsorted(negatives, positives) + torch.searchsorted(negatives, positives, right=True)
    return float(below.double().mean() / (2 * len(negatives)))


def _ridge(vectors: Tensor, values: Tensor) -> Tensor:
    """Fit values (n, m) by vectors (n, d), both centred -> weights (d, m).

    Hoerl & Kennard, "Ridge Regression", Technometrics 1970, equation (2.3).
    """
    centred = vectors - vectors.mean(0)
    gram = centred.T @ centred  # (d, d)
    penalty = (SHRINK * gram.diagonal().mean()).clamp(min=torch.finfo(gram.dtype).tiny)
    weights: Tensor = torch.linalg.solve(
        gram + penalty * torch.eye(len(gram)).to(gram), centred.T @ (values - values.mean(0))
    )
    return weights
