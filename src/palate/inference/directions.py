"""Directions among item vectors along which something known of the items grows, such as a genre or the year."""

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from palate.data.catalogue import Catalogue

ENOUGH_RATINGS = 10
"""Items rated less often have vectors that say little; nothing is learned from them."""

LEAST, MOST = 10, 100
"""A category needs so many items in it, and so many outside; of more than MOST categories the most common are taken."""

YEAR = r"\(((?:1[89]|20)\d\d)\)\s*$"
"""The year that a title ends in, as in "Heat (1995)"."""

SHRINK = 0.1
"""The ridge penalty, in units of the vectors' mean variance."""

FOLDS, SHUFFLES = 5, 5


@dataclass(frozen=True, eq=False)
class Attribute:
    """Something known of n items."""

    name: str
    values: Tensor  # (n,) float32; of a category 1 in it and 0 outside; NaN where nothing is known
    measure: str  # "AUC" of a category, "R2" of a number

    @property
    def known(self) -> Tensor:
        return ~self.values.isnan()

    @property
    def items(self) -> int:
        """How many items have it."""
        return int((self.values > 0).sum())


def attributes(catalogue: Catalogue, rows: Tensor) -> list[Attribute]:
    """What the catalogue knows of enough of these item rows (n,): the year in their titles, and their categories."""
    frame = catalogue.frame[rows.cpu().numpy()]
    years = frame["title"].str.extract(YEAR).cast(pl.Float32)
    found = []
    if len(years) - years.null_count() >= 2 * LEAST and years.n_unique() > 2:
        found.append(Attribute("year", torch.tensor(years.fill_null(torch.nan).to_numpy().copy()), "R2"))
    having = frame.select("categories").with_row_index("row").explode("categories").drop_nulls().unique()
    unknown = torch.from_numpy((frame["categories"].list.len() == 0).to_numpy().copy())  # (n,)
    most = int((~unknown).sum()) - LEAST
    common = having.group_by("categories").len().filter(pl.col("len").is_between(LEAST, most))
    for name in common.sort("len", "categories", descending=[True, False])["categories"].head(MOST).to_list():
        values = torch.zeros(len(frame)).masked_fill_(unknown, torch.nan)
        values[torch.from_numpy(having.filter(pl.col("categories") == name)["row"].to_numpy().astype("int64"))] = 1
        found.append(Attribute(name, values, "AUC"))
    return found


def direction(vectors: Tensor, values: Tensor) -> Tensor:
    """The unit vector (d,) along which `values` (n,) grow among item vectors (n, d); NaN among values is unknown."""
    known = ~values.isnan()
    weights = _ridge(functional.normalize(vectors[known], dim=1), values[known].unsqueeze(1))
    return functional.normalize(weights.squeeze(1), dim=0)


def moved(vector: Tensor, along: Tensor, strength: float) -> Tensor:
    """A unit vector's worth of `vector` (d,), and `strength` times the unit vector `along` (d,)."""
    return functional.normalize(vector, dim=0) + strength * along


def measured(vectors: Tensor, attribute: Attribute) -> tuple[float, float]:
    """How well vectors (n, d) tell the attribute of items that a direction was not learned from, and how well they
    seem to where its values are shuffled among the items: the AUC of a category, the R2 of a number.

    Cross-validated over FOLDS folds; the second is the mean of SHUFFLES shuffles. Chance is an AUC of 0.5, an R2 of 0.
    """
    generator = torch.Generator().manual_seed(0)
    known = attribute.known.to(vectors.device)
    units = functional.normalize(vectors[known], dim=1)
    values = attribute.values.to(units)[known]
    orders = [torch.randperm(len(values), generator=generator) for _ in range(SHUFFLES)]
    columns = torch.stack([values, *(values[order] for order in orders)], dim=1)  # (n, 1 + SHUFFLES)
    fold = (torch.randperm(len(values), generator=generator) % FOLDS).to(units.device)
    told, means = torch.empty_like(columns), torch.empty_like(columns)
    for out in (fold == number for number in range(FOLDS)):
        told[out] = (units[out] - units[~out].mean(0)) @ _ridge(units[~out], columns[~out])
        means[out] = columns[~out].mean(0)
    if attribute.measure == "AUC":
        found = [auc(scores, column > 0) for scores, column in zip(told.T, columns.T, strict=True)]
    else:
        off = (columns - means - told).square().sum(0)
        found = (1 - off / (columns - columns.mean(0)).square().sum(0)).tolist()
    return found[0], sum(found[1:]) / SHUFFLES


def table(vectors: Tensor, known: list[Attribute]) -> pl.DataFrame:
    """Each attribute of the items with these vectors (n, d) and how well it is told, the best told first."""
    rows = [(each.name, each.items, each.measure, *measured(vectors, each)) for each in known]
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
    """How often a positive's score (n,) is above a negative's; a tie counts half."""
    negatives, positives = scores[~positive].sort().values, scores[positive].contiguous()
    below = torch.searchsorted(negatives, positives) + torch.searchsorted(negatives, positives, right=True)
    return float(below.double().mean() / (2 * len(negatives)))


def _ridge(vectors: Tensor, values: Tensor) -> Tensor:
    """Centred vectors (n, d) to centred values (n, m) -> weights (d, m).

    Hoerl & Kennard, "Ridge Regression", Technometrics 1970, equation (2.3).
    """
    away = vectors - vectors.mean(0)
    gram = away.T @ away  # (d, d)
    penalty = (SHRINK * gram.diagonal().mean()).clamp(min=torch.finfo(gram.dtype).tiny)
    weights: Tensor = torch.linalg.solve(
        gram + penalty * torch.eye(len(gram)).to(gram), away.T @ (values - values.mean(0))
    )
    return weights
