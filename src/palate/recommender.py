"""Recommender: a trained model that speaks the user's own ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from palate.artifact import folder as artifact
from palate.artifact.folder import Artifact
from palate.artifact.header import Training
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.data.vocabulary import Id
from palate.errors import OptionError, UnsupportedError, at_least
from palate.evaluation.evaluate import PEOPLE_RANKED, evaluate, predict
from palate.evaluation.held_out import told_from
from palate.evaluation.intervals import around
from palate.evaluation.rating_metrics import calibration
from palate.inference import explanations as explaining
from palate.inference import queries
from palate.inference import top_n as choosing
from palate.inference import vectors as embeddings
from palate.inference.bulk import write_lists
from palate.inference.cooccurrence import Alike
from palate.inference.directions import ENOUGH_RATINGS
from palate.inference.explanations import Losses, ScoreExplanation
from palate.inference.ids import Rated, item_rows, named_items, on_scale
from palate.inference.neighbours import Neighbours, met_by_the_same
from palate.inference.queries import Person
from palate.inference.top_n import Filters, RankedItems
from palate.models import MODELS, name_of
from palate.models.contract import UNSEEN, HasVectors, KnowsSpread, Model, PredictsRatings
from palate.results import CheckedAnalogy, Metrics, Results

Ratings = Rated | Iterable[Id]
"""What a person never seen has rated: {item: rating}; or the items alone, for models that need no ratings."""


class PredictedRating(NamedTuple):
    """A predicted rating and its interval."""

    rating: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Recommender:
    """Answers questions about users and items by their ids; an item may also be called by its exact title.

    Wherever an id is unknown, UnknownIdError offers near misses.
    """

    model: Model
    split: Split
    training: Training
    places: NDArray[np.float32] | None = None
    """(n_items, 2), where each item lies on the map of `item_map.py`, NaN off it; None without one."""

    def save(self, path: str | Path) -> None:
        """Write all of it to one folder.

        Raises:
            OutputError: the place can't be written.
        """
        artifact.write(Path(path), Artifact(self.model, self.split, self.training, self.places))

    @property
    def table(self) -> Interactions:
        """Every event that is known: of training, validation and test."""
        return self.split.table

    @property
    def predicts_ratings(self) -> bool:
        return isinstance(self.model, PredictsRatings)

    def item_id(self, text: str) -> Id:
        """The id that the text names; the text itself where no item has that id, as it may be a title, such as 1984."""
        id_ = self.table.item_ids.parse(text)
        return id_ if self.table.item_ids.find([id_])[0] >= 0 else text

    @overload
    def predict(self, user: Id | None, item: Id, *, ratings: Rated | None = None, interval: None = None) -> float: ...
    @overload
    def predict(
        self, user: Id | None, item: Id, *, ratings: Rated | None = None, interval: float
    ) -> PredictedRating: ...
    @overload
    def predict(
        self, user: Id | None, item: list[Any], *, ratings: Rated | None = None, interval: float | None = None
    ) -> Results: ...
    @torch.inference_mode()
    def predict(
        self,
        user: Id | None,
        item: Id | list[Any],
        *,
        ratings: Rated | None = None,
        interval: float | None = None,
    ) -> float | PredictedRating | Results:
        """The rating that a user would give to an item, within the table's scale; rated already or not.

        With `ratings` and `None` for the user it is that of a person never seen. A list of items gives a table with
        id, title and rating. interval: such as 0.8, for where 80 % of the real ratings lie: one item gives a
        `PredictedRating` with rating, low and high, a list the columns low and high. It holds on average over people
        like those of the table, and is as wide for all unless the model knows its spread; see
        `evaluation/intervals.py`.

        Raises:
            OptionError: an interval of a level that is not known.
            UnsupportedError: the model does not predict ratings, or was trained without a validation part and so has
                no intervals.
        """
        if not self.predicts_ratings:
            raise UnsupportedError(self._lacks("predicted ratings", PredictsRatings))
        rows = item_rows(self.table, item if isinstance(item, list) else [item])
        found = self.rate(self.person(user, ratings), rows, interval)
        if isinstance(item, list):
            return named_items(self.table, rows, **found)
        one = [float(values[0]) for values in found.values()]
        return one[0] if interval is None else PredictedRating(*one)

    @torch.inference_mode()
    def rate(
        self, person: Person, rows: NDArray[np.int64], interval: float | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """`predict` in rows: the rating of each item row (n,), and with an interval low and high."""
        if not isinstance(self.model, PredictsRatings):
            raise UnsupportedError(self._lacks("predicted ratings", PredictsRatings))
        half_width = None if interval is None else self._half_width(interval)
        query, items = queries.of_people([person], self.model), torch.from_numpy(rows).to(self.model.device)
        people, scale = torch.zeros_like(items), self.table.scale
        assert scale is not None
        predicted = self.model.predict(query, people, items).cpu().numpy()
        found = {"rating": predicted.clip(*scale).astype(np.float64)}
        if half_width is not None:
            widths = self.model.spread(query, people, items).cpu().numpy() if isinstance(self.model, KnowsSpread) else 1
            found["low"], found["high"] = around(found["rating"], half_width * widths, scale)
        return found

    def recommend(
        self,
        user: Id | None = None,
        *,
        ratings: Ratings | None = None,
        k: int = 10,
        exclude: Iterable[Id] = (),
        only: Iterable[Id] | None = None,
        category: str | Iterable[str] = (),
        min_ratings: int = 0,
        diversity: float = 0.0,
    ) -> Results:
        """The k best items that a person has not met, best first: a table with id, title and score.

        user, or ratings: someone of the table, or a person never seen with what they rated.
        exclude: items that must not appear; only: the items that may; category: one or several, an item is in any of
        them; min_ratings: how often an item must have been rated by anyone; diversity: from 0 for the best items to 1
        for the most different ones, see `choosing.choose`. Fewer than k rows come back where fewer items are left. The
        score is the model's own: a rating model's is the predicted rating, not clipped to the scale, so that the best
        remain in order.
        """
        wanted = choosing.filters(
            self.table,
            k=k,
            exclude=exclude,
            only=only,
            category=category,
            min_ratings=min_ratings,
            diversity=diversity,
        )
        [found] = self.choose([self.person(user, ratings)], [wanted])
        return named_items(self.table, found.rows, score=found.scores)

    def choose(self, people: Sequence[Person], wanted: Sequence[Filters]) -> list[RankedItems]:
        """`recommend` for several people at once, in rows: each with filters of their own."""
        return choosing.choose(self.model, people, wanted, self.likeness)

    def explain(
        self, user: Id | None, item: Id, *, ratings: Ratings | None = None, k: int | None = None
    ) -> ScoreExplanation:
        """Why a person has this score for an item: the k ratings of theirs that it would lose most without.

        Exact for this model: it is asked again without each of them. A person of the table asks as one never seen, with
        their history, so that the score is not always that of `recommend`.
        """
        person = self.person(user, ratings)
        found = self.losses(person, item_rows(self.table, [item]))
        events = found.largest(0, len(person.items) if k is None else k)
        rated = np.full(len(person.items), np.nan) if person.ratings is None else person.ratings
        named = named_items(self.table, person.items[events], rating=rated[events], loss=found.losses[events, 0])
        reasons = named.to_polars().with_columns(pl.col("rating").fill_nan(None))
        return ScoreExplanation(float(found.scores[0]), Results(reasons))

    def losses(self, person: Person, rows: NDArray[np.int64], deadline: float = inf) -> Losses:
        """What the scores of item rows (n,) would lose without each event of the person; see `explaining.losses`."""
        return explaining.losses(self.model, person, rows, deadline)

    def likeness(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """How alike items (n,) are -> (n, n): the cosine of their vectors, or of who met them where there are none."""
        if isinstance(self.model, HasVectors):
            units = torch.nn.functional.normalize(self.model.item_vectors()[torch.from_numpy(rows)], dim=1)
            return (units @ units.T).cpu().numpy().astype(np.float64)
        return self._alike.cosines(rows)

    def lists(self, path: str | Path, *, k: int = 10, min_ratings: int = 0, memory: str | None = None) -> int:
        """Write the k best items that each person of the table has not met to a .csv or .parquet -> rows written.

        A row for each place of each list: user, rank from 1, item, score. memory: what the whole process may hold at
        most, such as "1GB"; people are ranked in groups that fit.

        Raises:
            OptionError: the file's ending is another, or the process holds more than `memory` already.
            OutputError: the file can't be written.
        """
        return write_lists(self.model, self.split, Path(path), k, min_ratings, memory)

    def similar(
        self,
        item: Id | None = None,
        *,
        user: Id | None = None,
        k: int = 10,
        min_ratings: int = 0,
        towards: str | None = None,
        strength: float = 1.0,
    ) -> Results:
        """The k items nearest to an item, or users nearest to a user, by the cosine of their vectors.

        Items of a model without vectors: by the cosine of who met them, of those that somebody met with that item.
        min_ratings: how often a neighbour must have been rated, or have rated. towards: an attribute of `directions`,
        such as "Comedy"; the item's vector, of length 1, is first moved along it by `strength`, or away if negative.

        Raises:
            UnsupportedError: the model has no vectors, and users or a way towards something are asked for.
        """
        if (item is None) == (user is None):
            raise OptionError("similar needs an item or a user, and not both")
        if item is not None and towards is None and not isinstance(self.model, HasVectors):
            return met_by_the_same(self.table, self._alike, item, k, min_ratings)
        if item is not None:
            return self._neighbours.of_item(item, k, min_ratings, towards, strength)
        if towards is not None:
            raise OptionError("towards moves an item, not a user")
        assert user is not None
        return self._neighbours.of_user(user, k, min_ratings)

    def directions(self, *, min_ratings: int = ENOUGH_RATINGS) -> Results:
        """What of the catalogue the item vectors tell, the best told first: year and categories.

        A row for each: attribute, items that have it, measure (AUC of a category, R2 of a number), its score on items
        not learned from, and the score with the attribute shuffled among the items, which is what chance gives.
        min_ratings: how often an item must have been rated to be learned from.

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.directions(min_ratings)

    def analogy(self, a: Id, b: Id, c: Id, *, k: int = 10, min_ratings: int = 0) -> Results:
        """The k items nearest to a - b + c, those three left out: "king - man + woman".

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.analogy(a, b, c, k, min_ratings)

    def check_analogy(self, a: Id, b: Id, c: Id, *, k: int = 10, min_ratings: int = 0, seed: int = 0) -> CheckedAnalogy:
        """The answer of `analogy` beside its controls: c without an offset, and with that of a random pair of items.

        The pairs are drawn among items with min_ratings.

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.check_analogy(a, b, c, k, min_ratings, seed)

    def evaluate(
        self, held_out: Interactions | None = None, *, k: int = 10, people: int = PEOPLE_RANKED, full: bool = False
    ) -> Metrics:
        """How good the model is on the test part of its own table, or on another table; see `evaluation/evaluate.py`.

        people: how many are ranked at most, drawn by the seed of the training. full: every metric there is, where
        otherwise it is rmse, mae, recall@k and ndcg@k.

        Of another table, events with a user or an item that the model has never seen can't be asked about, and those
        it has learned from prove nothing: `unknown` and `learned` among the results count them.
        """
        at_least(k, 1, "k")
        at_least(people, 1, "people")
        known, asked, left_out = told_from(self.split, held_out)
        seed, half_widths = self.training.seed, self.training.half_widths
        options: dict[str, Any] = {"full": full, "half_widths": half_widths, "newcomers": self.split.newcomers}
        report = evaluate(self.model, known, asked, k=k, people=people, seed=seed, **options)
        return report | left_out

    def calibration(self, held_out: Interactions | None = None) -> Results:
        """Predicted against real ratings, in tenths from the lowest predictions to the highest: a table with the number
        of ratings, their mean prediction and their mean real rating; of what `evaluate` measures.

        Raises:
            UnsupportedError: the model does not predict ratings, or there are none to compare with.
        """
        known, asked, _ = told_from(self.split, held_out)
        if not isinstance(self.model, PredictsRatings):
            raise UnsupportedError(self._lacks("predicted ratings", PredictsRatings))
        if asked.ratings is None or known.scale is None:
            raise UnsupportedError("the table has no ratings to compare predictions with")
        found = calibration(predict(self.model, known, asked, self.split.newcomers).clip(*known.scale), asked.ratings)
        return Results(pl.DataFrame(found._asdict()))

    def export_vectors(self, path: str | Path, *, of: Literal["item", "user"] = "item", header: bool = True) -> None:
        """Write the vectors of all items, or users, as text: word2vec's format, or without a header GloVe's.

        Raises:
            UnsupportedError: the model has no vectors.
        """
        ids = (self.table.user_ids if of == "user" else self.table.item_ids).ids
        vectors = self._neighbours.model.user_vectors() if of == "user" else self._neighbours.model.item_vectors()
        embeddings.export_text(vectors, [str(id_) for id_ in ids.to_list()], Path(path), header=header)

    def person(self, user: Id | None = None, ratings: Ratings | None = None) -> Person:
        """Who asks: someone of the table, or a person never seen with what they rated."""
        if (user is None) == (ratings is None):
            raise OptionError("name a user, or give ratings of a person never seen, and not both")
        if user is not None:
            return self.person_at(self.table.user_ids.row(user))
        assert ratings is not None
        rows = item_rows(self.table, ratings)
        if len(np.unique(rows)) < len(rows):
            raise OptionError("ratings name an item twice, perhaps once by its id and once by its title")
        if not isinstance(ratings, Mapping):
            if self.model.NEEDS_RATINGS:
                raise OptionError(f"{name_of(type(self.model))} needs a rating for each item: {{item: rating}}")
            return Person(UNSEEN, rows)
        return Person(UNSEEN, rows, on_scale(self.table, ratings))

    def person_at(self, row: int) -> Person:
        """Someone of the table, by their row."""
        theirs = slice(self.table.offsets[row], self.table.offsets[row + 1])
        ratings, times = self.table.ratings, self.table.times
        return Person(
            UNSEEN if self.split.newcomers[row] else row,
            self.table.items[theirs].astype(np.int64),
            None if ratings is None else ratings[theirs],
            None if times is None else times[theirs],
        )

    @cached_property
    def _alike(self) -> Alike:
        return Alike(self.table)

    @property
    def _neighbours(self) -> Neighbours:
        if not isinstance(self.model, HasVectors):
            raise UnsupportedError(self._lacks("vectors", HasVectors))
        return Neighbours(self.model, self.table)

    def _half_width(self, level: float) -> float:
        known = self.training.half_widths
        if not known:
            raise UnsupportedError("this model has no intervals: they need a validation part when it is trained")
        if level not in known:
            levels = ", ".join(f"{each:g}" for each in known)
            raise OptionError(f"interval is {level:g}: it must be one of {levels}")
        return known[level]

    def _lacks(self, what: str, ability: type) -> str:
        able = ", ".join(name for name, cls in MODELS.items() if issubclass(cls, ability))
        return f"model {name_of(type(self.model))!r} has no {what}; train one that has: {able}"


def load(path: str | Path, outside: type[Model] | None = None) -> Recommender:
    """Open a saved folder; `outside` is the class of a model that is not one of Palate's own.

    Raises:
        ArtifactError: it can't be opened.
    """
    found = artifact.read(Path(path), outside)
    return Recommender(found.model, found.split, found.training, found.places)
