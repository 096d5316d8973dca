"""Similar items and users, analogies and directions by learned vectors; similar items by co-occurrence without them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id
from palate.errors import OptionError, UnknownIdError, as_number, at_least, either, option
from palate.inference import vectors as embeddings
from palate.inference.abilities import item_vectors, user_vectors
from palate.inference.cooccurrence import ItemCooccurrence
from palate.inference.directions import ENOUGH_RATINGS, Attribute, attributes, direction, move_along, table
from palate.inference.ids import item_rows, named_items
from palate.models.contract import HasVectors
from palate.results import DRAWS, CheckedAnalogy, Results
from palate.system.near_names import did_you_mean


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Answers from the vectors of a model, for the users and items of its table. `Recommender` documents each."""

    model: HasVectors
    table: Interactions

    def of_user(self, user: Id, k: int, min_ratings: int) -> Results:
        row = self.table.user_ids.row(user)
        counts = np.diff(self.table.offsets)
        leave_out = self._rare(counts, k, min_ratings)
        leave_out[row] = True
        vectors = user_vectors(self.model)
        rows, cosines = embeddings.nearest(vectors, vectors[row], k, leave_out.to(vectors.device), counts)
        ids = self.table.user_ids.ids[rows.cpu().numpy()]
        return Results(pl.DataFrame({"id": ids, "score": cosines.cpu().numpy().astype(np.float64)}))

    def of_item(self, item: Id, k: int, min_ratings: int, towards: str | None, strength: float) -> Results:
        if not math.isfinite(as_number(strength, "strength")):
            raise OptionError(f"strength is {strength}: it must be a finite number")
        row = int(item_rows(self.table, [item])[0])
        vector = item_vectors(self.model)[row]
        if towards is not None:
            vector = move_along(vector, self._direction(towards), strength)
        return self._nearest(vector, [row], k, min_ratings)

    def analogy(self, a: Id, b: Id, c: Id, k: int, min_ratings: int) -> Results:
        rows = item_rows(self.table, [a, b, c])
        vectors = item_vectors(self.model)
        return self._nearest(
            embeddings.analogy(*(vectors[row] for row in rows.tolist())), rows.tolist(), k, min_ratings
        )

    def check_analogy(self, a: Id, b: Id, c: Id, k: int, min_ratings: int, seed: int) -> CheckedAnalogy:
        answer = self.analogy(a, b, c, k, min_ratings)
        rows, vectors = item_rows(self.table, [a, b, c]).tolist(), item_vectors(self.model)
        unit = functional.normalize(vectors[rows], dim=1)  # (3, d)
        among = self.table.item_counts >= min_ratings
        among[rows] = True
        pairs = vectors[torch.from_numpy(among).to(vectors.device)]
        offsets = embeddings.random_offsets(pairs, unit[0] - unit[1], DRAWS, seed)
        plain = self._nearest(unit[2], rows, k, min_ratings)
        shuffled = [self._nearest(unit[2] + offset, rows, k, min_ratings) for offset in offsets]
        ids = {row.id for row in answer}
        shared = [len(ids & {row.id for row in control}) for control in (plain, *shuffled)]
        return CheckedAnalogy(answer, plain, shuffled[0], shared[0], sum(shared[1:]) / DRAWS)

    def export(self, path: Path, of: Literal["item", "user"], *, header: bool, titles: bool) -> None:
        vectors = user_vectors(self.model) if of == "user" else item_vectors(self.model)
        names = self.table.user_ids.ids.cast(pl.String) if of == "user" else self._item_names(titles)
        filled = vectors.any(dim=1).cpu()
        kept = names.filter(pl.Series(filled.numpy())).to_list()
        embeddings.export_text(vectors.cpu()[filled], kept, path, header=header)

    def _item_names(self, titles: bool) -> pl.Series:
        """Return the ids of the items as text, or the titles; a title of several items has the id behind it."""
        ids, title = self.table.item_ids.ids.cast(pl.String).alias("i"), self.table.catalogue.frame["title"].alias("t")
        if not titles:
            return ids
        several = pl.col("t").is_duplicated()
        named = pl.when(several).then(pl.col("t") + " " + pl.col("i")).otherwise(pl.col("t")).fill_null(pl.col("i"))
        return pl.DataFrame([ids, title]).select(named).to_series()

    def directions(self, min_ratings: int) -> Results:
        at_least(min_ratings, 0, "min_ratings")
        return Results(table(*self._attributes(min_ratings)))

    def _attributes(self, min_ratings: int) -> tuple[Tensor, list[Attribute]]:
        """Return the vectors (n, d) of the items with min_ratings, and the attributes of these items."""
        vectors = item_vectors(self.model)
        rows = torch.from_numpy(np.flatnonzero(self.table.item_counts >= min_ratings))
        return vectors[rows.to(vectors.device)], attributes(self.table.catalogue, rows)

    def _direction(self, name: str) -> Tensor:
        vectors, known = self._attributes(ENOUGH_RATINGS)
        for attribute in known:
            if attribute.name == name:
                return direction(vectors, attribute.values.to(vectors))
        lister = either("directions()", "palate directions")
        hint = did_you_mean(name, [attribute.name for attribute in known])
        raise UnknownIdError(f"unknown attribute {name!r}{hint or f'; {lister} lists the attributes'}")

    def _nearest(self, towards: Tensor, leave_out: list[int], k: int, min_ratings: int) -> Results:
        mask = self._rare(self.table.item_counts, k, min_ratings)
        mask[leave_out] = True
        mask, counts = mask.to(towards.device), self.table.item_counts
        rows, cosines = embeddings.nearest(item_vectors(self.model), towards, k, mask, counts)
        note = "" if rows.numel() else _too_rare(min_ratings)
        return named_items(self.table, rows.cpu().numpy(), note, score=cosines.cpu().numpy())

    @staticmethod
    def _rare(counts: NDArray[np.int64], k: int, min_ratings: int) -> Tensor:
        at_least(k, 1, "k")
        at_least(min_ratings, 0, "min_ratings")
        return torch.from_numpy(counts < min_ratings)


def by_cooccurrence(table: Interactions, cooccurrence: ItemCooccurrence, item: Id, k: int, min_ratings: int) -> Results:
    """Return the k items nearest to an item by the cosine of the sets of users who met them.

    Items that share no user with it have cosine 0 and come last, the most popular of them first.
    """
    at_least(k, 1, "k")
    at_least(min_ratings, 0, "min_ratings")
    [row] = item_rows(table, [item])
    cosines, leave_out = torch.from_numpy(cooccurrence.cosines_with(int(row))), table.item_counts < min_ratings
    leave_out[row] = True
    rows, best = embeddings.by_cosine(cosines, k, torch.from_numpy(leave_out), table.item_counts)
    note = "" if rows.numel() else _too_rare(min_ratings)
    return named_items(table, rows.numpy(), note, score=best.numpy())


def _too_rare(min_ratings: int) -> str:
    return f"no other item has {min_ratings:,} ratings; lower {option('min_ratings')}"
