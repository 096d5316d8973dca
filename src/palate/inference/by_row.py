"""A trained model asked by rows: what `Recommender` and the service share below the ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from palate.artifact.header import Training
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.inference import explanations, queries, top_n
from palate.inference import vectors as embeddings
from palate.inference.abilities import item_vectors, unsupported
from palate.inference.cooccurrence import ItemCooccurrence
from palate.inference.explanations import Losses
from palate.inference.neighbours import Neighbours
from palate.inference.predictions import predict_ratings
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.models.contract import HasVectors, Model, PredictsRatings


@dataclass(frozen=True, eq=False)
class RowRecommender:
    """A trained model and its table, whose users and items are named by their rows."""

    model: Model
    split: Split
    training: Training
    places: NDArray[np.float32] | None = None
    """(n_items, 2), the place of each item on the map of `inference/item_map.py`, NaN off it; None without a map."""

    @property
    def table(self) -> Interactions:
        """All known events: training, validation and test part."""
        return self.split.table

    @property
    def predicts_ratings(self) -> bool:
        """True if the model predicts ratings."""
        return isinstance(self.model, PredictsRatings)

    def person_at(self, row: int) -> Person:
        """Return a user of the table with their history, by their row."""
        return queries.of_row(self.split, row)

    def rate(
        self, person: Person, rows: NDArray[np.int64], interval: float | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Predict the rating of item rows (n,) -> {"rating": (n,)}, and with an interval "low" and "high" (n,).

        Raises:
            OptionError: the interval is of an unknown level.
            UnsupportedError: the model predicts no ratings, or has no intervals.
        """
        return predict_ratings(self.model, self.table, person, rows, interval, self.training.half_widths)

    def choose(self, people: Sequence[Person], filters: Sequence[Filters]) -> list[RankedItems]:
        """Recommend to several people at once, each with filters of their own."""
        return top_n.choose(self.model, people, filters, self.likeness)

    def losses(self, person: Person, rows: NDArray[np.int64], deadline: float = inf) -> Losses:
        """Return what the scores of item rows (n,) lose without each event; see `explanations.losses`."""
        return explanations.losses(self.model, person, rows, deadline)

    def likeness(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the similarity of item rows (n,) -> (n, n): the cosine of their vectors.

        For a model without vectors it is the cosine of the sets of users who met the items.
        """
        if isinstance(self.model, HasVectors):
            return embeddings.cosines(item_vectors(self.model), rows)
        return self._cooccurrence.cosines(rows)

    @cached_property
    def _cooccurrence(self) -> ItemCooccurrence:
        return ItemCooccurrence(self.table)

    @property
    def _neighbours(self) -> Neighbours:
        if not isinstance(self.model, HasVectors):
            raise unsupported(self.model, "vectors", HasVectors)
        return Neighbours(self.model, self.table)
