"""A model as it is served: the recommender, and what is looked up about its items and users at every question."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.artifact.header import HEADER, read_header
from palate.data.vocabulary import Id
from palate.inference.directions import YEAR
from palate.inference.ids import item_rows
from palate.models import name_of
from palate.models.contract import HasVectors, KnowsSpread
from palate.recommender import Recommender, load
from palate.service.cache import Cache
from palate.service.parameters import unslashed
from palate.service.schemas import About, Count, Item, Map, Place, Point, WholeItem
from palate.service.search import NameSearch, whole

RANKS_POORLY = (
    "Ordered by predicted rating, which puts items that few people rated first: ask for items with more ratings, or "
    "serve a model that is made for lists, such as ease."
)


@dataclass(frozen=True, eq=False)
class Served:
    """One artifact; another one is another `Served`, so that each request sees one of them from beginning to end."""

    recommender: Recommender
    path: Path
    stamp: str
    """See `stamp_of`."""
    lists: Cache
    """Lists of people of the table, by person, filters, and how many events of theirs came since."""

    @classmethod
    def open(cls, path: Path, cached: int = 0) -> "Served":
        """Load an artifact with all that answering needs. cached: how many lists are kept.

        Raises:
            ArtifactError: it can't be opened.
        """
        served = cls(load(path), path, cls.stamp_of(path), Cache(cached))
        served.find_items, served.find_users, served.about  # noqa: B018 - made now, and not at the first question
        return served

    @staticmethod
    def stamp_of(path: Path) -> str:
        """Another one for every other artifact.

        Raises:
            ArtifactError: there is none.
        """
        return read_header(path).checksums[HEADER]

    @cached_property
    def note(self) -> str | None:
        """What to know of its lists."""
        return RANKS_POORLY if self.recommender.predicts_ratings else None

    @cached_property
    def item_ids(self) -> list[Id]:
        return self.recommender.table.item_ids.ids.to_list()

    @cached_property
    def user_ids(self) -> list[Id]:
        return self.recommender.table.user_ids.ids.to_list()

    @cached_property
    def user_rows(self) -> dict[Id, int]:
        return {id_: row for row, id_ in enumerate(self.user_ids)}

    @cached_property
    def titles(self) -> list[str | None]:
        return self.recommender.table.catalogue.frame["title"].to_list()

    @cached_property
    def user_counts(self) -> NDArray[np.int64]:
        return np.diff(self.recommender.table.offsets)

    @cached_property
    def facts(self) -> list[tuple[Id, str | None, list[str], int | None, int, float | None]]:
        """Of each item row the fields of `Item`, in order."""
        table = self.recommender.table
        frame, counts = table.catalogue.frame, table.item_counts
        years = frame["title"].str.extract(YEAR).cast(pl.Int64).to_list()
        means: list[float | None] = [None] * len(counts)
        if table.ratings is not None:
            sums = np.bincount(table.items, table.ratings, minlength=len(counts))
            means = [
                total / count if count else None for total, count in zip(sums.tolist(), counts.tolist(), strict=True)
            ]
        columns = (self.item_ids, self.titles, frame["categories"].to_list(), years, counts.tolist(), means)
        return list(zip(*columns, strict=True))

    @cached_property
    def predicted_scale(self) -> tuple[float, float] | None:
        """The scale of the scores, where they are predicted ratings."""
        return self.recommender.table.scale if self.recommender.predicts_ratings else None

    def rows(self, ids: Iterable[Id]) -> NDArray[np.int64]:
        """Ids, or exact titles, -> item rows (n,)."""
        return item_rows(self.recommender.table, ids)

    def item_id(self, text: str) -> Id:
        """The id, or the title, that the text in an address names."""
        return self.recommender.item_id(unslashed(text))

    def user_id(self, text: str) -> Id:
        """The id that the text in an address names."""
        return self.recommender.table.user_ids.parse(unslashed(text))

    def named(self, row: int) -> tuple[Id, str | None]:
        return self.item_ids[row], self.titles[row]

    def item(self, row: int) -> Item:
        return Item(*self.facts[row])

    def whole_item(self, row: int) -> WholeItem:
        table = self.recommender.table
        histogram = [] if table.ratings is None else _counts(table.ratings[table.items == row])
        text = table.catalogue.frame["text"][row]
        return WholeItem(*self.facts[row], histogram=histogram, map=self.place(row), overview=text)

    def place(self, row: int) -> Place | None:
        """Where an item lies on the map."""
        places = self.recommender.places
        if places is None or np.isnan(places[row, 0]):
            return None
        return Place(*places[row].astype(float).round(5).tolist())

    @cached_property
    def map(self) -> Map | None:
        """The whole map; an item's category there is the first that it has."""
        if self.recommender.places is None:
            return None
        categories = list(self.recommender.table.catalogue.categories)
        number = {name: at for at, name in enumerate(categories)}
        points = []
        for row, (id_, title, of_item, _, ratings, _) in enumerate(self.facts):
            if place := self.place(row):
                points.append(Point(id_, title, place.x, place.y, number[of_item[0]] if of_item else -1, ratings))
        return Map(1.0, categories, points)

    @cached_property
    def find_items(self) -> NameSearch:
        names = [
            [name for name in (title, str(id_)) if name] for title, id_ in zip(self.titles, self.item_ids, strict=True)
        ]
        return NameSearch(names, self.recommender.table.item_counts)

    @cached_property
    def find_users(self) -> NameSearch:
        return NameSearch([[str(id_)] for id_ in self.user_ids], self.user_counts, whole)

    @cached_property
    def about(self) -> About:
        recommender, table = self.recommender, self.recommender.table
        training = recommender.training
        return About(
            name=name_of(type(recommender.model)),
            title=next((note for note in training.notes if note.startswith("MovieLens")), None),
            settings=recommender.model.config.model_dump(mode="json"),
            seed=training.seed,
            trained=datetime.fromtimestamp((self.path / HEADER).stat().st_mtime, UTC).isoformat(timespec="seconds"),
            palate=version("palate"),
            size_bytes=sum(file.stat().st_size for file in self.path.iterdir()),
            users=table.n_users,
            items=table.n_items,
            ratings=len(table),
            sparsity=1 - len(table) / (table.n_users * table.n_items),
            scale=table.scale,
            rating_counts=[] if table.ratings is None else _counts(table.ratings),
            predicts_ratings=recommender.predicts_ratings,
            has_vectors=isinstance(recommender.model, HasVectors),
            has_map=recommender.places is not None,
            categories=list(table.catalogue.categories),
            split=dict(training.split),
            history=[dict(record) for record in training.history],
            metrics=dict(training.metrics),
            baselines={name: dict(metrics) for name, metrics in training.baselines.items()},
            half_widths={f"{level:g}": width for level, width in training.half_widths.items()},
            knows_spread=isinstance(recommender.model, KnowsSpread),
            notes=list(training.notes),
            fingerprint=table.fingerprint,
        )


def _counts(ratings: NDArray[np.float32]) -> list[Count]:
    values, counts = np.unique(ratings, return_counts=True)
    return [Count(*pair) for pair in zip(values.astype(float).tolist(), counts.tolist(), strict=True)]
