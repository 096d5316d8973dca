"""A loaded model: the recommender, with indexes of its items and users for quick responses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from palate.artifact.header import HEADER, read_header
from palate.data.interactions import Scale
from palate.data.vocabulary import Id
from palate.errors import UnknownIdError
from palate.inference.directions import YEAR
from palate.inference.ids import item_rows
from palate.models import name_of
from palate.models.contract import HasVectors, KnowsSpread
from palate.recommender import Recommender, load
from palate.service.cache import Cache
from palate.service.errors import at
from palate.service.parameters import unslashed
from palate.service.responses import Item, ItemDetails, ItemMap, MapItem, MapPosition, ModelInfo, RatingCount
from palate.service.search import NameSearch, whole_text

RANKS_POORLY = (
    "The list is sorted by predicted rating, which puts items that few users rated first: raise the "
    "minimum number of ratings (min_ratings), or serve a model for top-N lists, such as ease."
)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The model of one artifact. A new artifact is a new `LoadedModel`; each request uses one from start to end."""

    recommender: Recommender
    path: Path
    checksum: str
    """See `artifact_checksum`."""
    lists: Cache
    """Encoded lists by user id, query string and the user's number of live events."""

    @classmethod
    def open(cls, path: Path, cached: int = 0, model_class: str | None = None) -> "LoadedModel":
        """Load an artifact and build its indexes.

        cached: number of lists in the cache. model_class: package.module:Class of a model that is not one of Palate's.

        Raises:
            ArtifactError: the artifact can't be opened.
        """
        model = cls(load(path, model_class), path, cls.artifact_checksum(path), Cache(cached))
        model.item_search, model.user_search, model.info  # noqa: B018 - built here, not at the first request
        return model

    @staticmethod
    def artifact_checksum(path: Path) -> str:
        """Return a checksum that differs between any two artifacts.

        Raises:
            ArtifactError: there is no artifact.
        """
        return read_header(path).checksums[HEADER]

    @cached_property
    def note(self) -> str | None:
        """A note on the lists of this model."""
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
        """The fields of `Item`, in order, for each item row."""
        table = self.recommender.table
        frame, counts = table.catalogue.frame, table.item_counts
        years = frame["title"].str.extract(YEAR).cast(pl.Int64).to_list()
        means: list[float | None] = [None] * len(counts)
        if table.ratings is not None:
            sums = np.bincount(table.items, table.ratings, minlength=len(counts))
            pairs = zip(sums.tolist(), counts.tolist(), strict=True)
            means = [total / count if count else None for total, count in pairs]
        columns = (self.item_ids, self.titles, frame["categories"].to_list(), years, counts.tolist(), means)
        return list(zip(*columns, strict=True))

    @cached_property
    def predicted_scale(self) -> Scale | None:
        """The rating scale, where the scores are predicted ratings."""
        return self.recommender.table.scale if self.recommender.predicts_ratings else None

    def rows(self, ids: Iterable[Id]) -> NDArray[np.int64]:
        """Return the rows (n,) of items given by id or exact title."""
        return item_rows(self.recommender.table, ids)

    def rows_at(self, ids: Sequence[Id], where: str) -> NDArray[np.int64]:
        """Return the rows (n,) of the items of a request. where: the place of each id in it, with {} for its number.

        Raises:
            Problem: an item is unknown; it names the place of the first such id.
        """
        try:
            return self.rows(ids)
        except UnknownIdError:
            for number, id_ in enumerate(ids):
                with at(where.format(number)):
                    self.rows([id_])
            raise

    def item_id(self, text: str) -> Id:
        """Return the item id or title that a part of a path stands for."""
        return self.recommender.item_id(unslashed(text))

    def user_id(self, text: str) -> Id:
        """Return the user id that a part of a path stands for."""
        return self.recommender.table.user_ids.parse(unslashed(text))

    def name(self, row: int) -> tuple[Id, str | None]:
        """Return the id and the title of an item row."""
        return self.item_ids[row], self.titles[row]

    def item(self, row: int) -> Item:
        return Item(*self.facts[row])

    def item_details(self, row: int) -> ItemDetails:
        table = self.recommender.table
        histogram = [] if table.ratings is None else _rating_counts(table.ratings[table.items == row])
        text = table.catalogue.frame["text"][row]
        return ItemDetails(*self.facts[row], histogram=histogram, map=self.position(row), overview=text)

    def position(self, row: int) -> MapPosition | None:
        """Return the position of an item on the map, None for an item that is not on it."""
        positions = self.recommender.places
        if positions is None or np.isnan(positions[row, 0]):
            return None
        return MapPosition(*positions[row].astype(float).round(5).tolist())

    @cached_property
    def map(self) -> ItemMap | None:
        """The map of the items; an item is shown in its first category."""
        if self.recommender.places is None:
            return None
        categories = list(self.recommender.table.catalogue.categories)
        index = {name: number for number, name in enumerate(categories)}
        items = []
        for row, (id_, title, item_categories, _, ratings, _) in enumerate(self.facts):
            if position := self.position(row):
                category = index[item_categories[0]] if item_categories else -1
                items.append(MapItem(id_, title, position.x, position.y, category, ratings))
        return ItemMap(1.0, categories, items)

    @cached_property
    def item_search(self) -> NameSearch:
        pairs = zip(self.titles, self.item_ids, strict=True)
        names = [[title, str(id_)] if title else [str(id_)] for title, id_ in pairs]
        return NameSearch(names, self.recommender.table.item_counts)

    @cached_property
    def user_search(self) -> NameSearch:
        return NameSearch([[str(id_)] for id_ in self.user_ids], self.user_counts, whole_text)

    @cached_property
    def info(self) -> ModelInfo:
        recommender, table = self.recommender, self.recommender.table
        training = recommender.training
        return ModelInfo(
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
            rating_counts=[] if table.ratings is None else _rating_counts(table.ratings),
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


def _rating_counts(ratings: NDArray[np.float32]) -> list[RatingCount]:
    values, counts = np.unique(ratings, return_counts=True)
    return [RatingCount(*pair) for pair in zip(values.astype(float).tolist(), counts.tolist(), strict=True)]
