"""Recommender: a trained model that speaks the user's own ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Unpack, overload

from palate.artifact import folder as artifact
from palate.artifact.folder import Artifact
from palate.data.vocabulary import Id
from palate.errors import OptionError, at_least
from palate.evaluation.calibrate import calibration_table
from palate.evaluation.evaluate import PEOPLE_RANKED, evaluate
from palate.evaluation.held_out import events_to_predict
from palate.inference import explanations, neighbours, top_n
from palate.inference.abilities import unsupported
from palate.inference.bulk import write_lists
from palate.inference.by_row import RowRecommender
from palate.inference.directions import ENOUGH_RATINGS
from palate.inference.explanations import ScoreExplanation
from palate.inference.ids import Rated, Ratings, item_rows, named_items, new_user
from palate.inference.predictions import PredictedRating
from palate.inference.queries import Person
from palate.inference.top_n import FilterKeywords
from palate.models import find
from palate.models.contract import HasVectors, Model, PredictsRatings
from palate.results import CheckedAnalogy, Metrics, Results


@dataclass(frozen=True, eq=False)
class Recommender(RowRecommender):
    """A trained model that answers questions about users and items by their ids.

    `palate.train` makes one, and `palate.load` opens a saved one. In every method

    - an item is named by its id or by its exact title;
    - `user` is the id of a user of the table. A new user (cold start) is `None`, with `ratings` of their own:
      `{item: rating}`, or a list of items for a model that needs no ratings;
    - `k` is the number of rows to return; fewer come back where fewer are left;
    - `min_ratings` leaves out items with fewer ratings in the table.

    Every method raises UnknownIdError for an id that the table does not have, with near misses in its message, and
    OptionError for a number out of its bounds.
    """

    def save(self, path: str | Path) -> None:
        """Write the model, its table and its training record to one folder.

        Raises:
            OutputError: the folder can't be written.
        """
        artifact.write(Path(path), Artifact(self.model, self.split, self.training, self.places))

    def item_id(self, text: str) -> Id:
        """Return the item id that the text spells; the text itself, as a title, where no item has that id."""
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
    def predict(
        self, user: Id | None, item: Id | list[Any], *, ratings: Rated | None = None, interval: float | None = None
    ) -> float | PredictedRating | Results:
        """Predict the rating that a user gives to an item, within the table's scale.

        Args:
            item: one item gives a number; a list gives a table with id, title and rating.
            interval: a level, 0.5, 0.8, 0.9 or 0.95: with 0.8, 80 % of the real ratings lie between low and high, on
                average over users like those of the table. One item then gives a `PredictedRating` with rating, low
                and high; a list gives the columns low and high too.

        Raises:
            OptionError: the interval is of another level.
            UnsupportedError: the model predicts no ratings, or has no intervals, as it had no validation part.
        """
        if not self.predicts_ratings:
            raise unsupported(self.model, "predicted ratings", PredictsRatings)
        rows = item_rows(self.table, item if isinstance(item, list) else [item])
        values = self.rate(self.person(user, ratings), rows, interval)
        if isinstance(item, list):
            return named_items(self.table, rows, "", **values)
        first = {name: float(column[0]) for name, column in values.items()}
        return first["rating"] if interval is None else PredictedRating(**first)

    def recommend(
        self,
        user: Id | None = None,
        *,
        ratings: Ratings | None = None,
        k: int = 10,
        exclude: Id | Iterable[Id] = (),
        only: Id | Iterable[Id] | None = None,
        category: str | Iterable[str] = (),
        min_ratings: int = 0,
        diversity: float = 0.0,
    ) -> Results:
        """Return a user's top-N list: the k best items that the user has not seen, best first.

        The result is a table with id, title and score; the `note` of an empty one says why. The score is the model's
        own; for a model that predicts ratings it is the predicted rating before it is cut to the scale.

        Args:
            exclude: items that must not appear: one, a list, or a text with commas between them.
            only: the only items that may appear.
            category: one category or several; every item of the list is in at least one of them.
            diversity: 0 for the best items, up to 1 for the most different ones; see `inference/top_n.py`.
        """
        filters = top_n.filters(
            self.table,
            k=k,
            exclude=exclude,
            only=only,
            category=category,
            min_ratings=min_ratings,
            diversity=diversity,
        )
        person = self.person(user, ratings)
        [ranked] = self.choose([person], [filters])
        note = "" if len(ranked.rows) else top_n.why_empty(self.table, user, person, filters, min_ratings)
        return named_items(self.table, ranked.rows, note, score=ranked.scores)

    def explain(
        self, user: Id | None, item: Id, *, ratings: Ratings | None = None, k: int | None = None
    ) -> ScoreExplanation:
        """Explain the score of an item for a user, by the k ratings (all if None) that it would lose most without.

        The losses are exact: the model scores the item again without each rating. A user of the table is scored as a
        new user with the same history (fold-in), so the score may differ from that of `recommend`.
        """
        k = None if k is None else at_least(k, 1, "k")
        person, [row] = self.person(user, ratings), item_rows(self.table, [item])
        return explanations.explain(self.model, self.table, person, row, k)

    def lists(
        self, path: str | Path, *, memory: str | None = None, titles: bool = False, **filters: Unpack[FilterKeywords]
    ) -> int:
        """Write the top-N lists of all users of the table to a .csv or .parquet file -> the number of rows.

        The file has a row for each place of each list: user, rank from 1, item, with titles the title, and score.

        Args:
            memory: the most that the whole process may use, such as "1GB"; users are ranked in groups that fit.
            filters: k, exclude, only, category and min_ratings, as `recommend` takes them.

        Raises:
            OptionError: the file has another ending, or the process already uses more than `memory`.
            OutputError: the file can't be written.
        """
        return write_lists(self.model, self.split, Path(path), top_n.filters(self.table, **filters), memory, titles)

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
        """Return the k items nearest to an item, or the k users nearest to a user, by the cosine of their vectors.

        For a model without vectors, items are compared by the sets of users who met them.

        Args:
            min_ratings: the least ratings of an item, or by a user, among the neighbours.
            towards: an attribute of `directions`, such as "Comedy". The item's vector, scaled to length 1, is first
                moved in its direction.
            strength: the length of that move; a negative one moves away.

        Raises:
            OptionError: item and user are both given, or neither is.
            UnsupportedError: users or `towards` are asked of a model without vectors.
        """
        if (item is None) == (user is None):
            raise OptionError("similar needs an item or a user, and not both")
        if item is not None and towards is None and not isinstance(self.model, HasVectors):
            return neighbours.by_cooccurrence(self.table, self._cooccurrence, item, k, min_ratings)
        if item is not None:
            return self._neighbours.of_item(item, k, min_ratings, towards, strength)
        if towards is not None:
            raise OptionError("towards moves an item, not a user")
        assert user is not None
        return self._neighbours.of_user(user, k, min_ratings)

    def directions(self, *, min_ratings: int = ENOUGH_RATINGS) -> Results:
        """Measure what the item vectors know of the catalogue (year and categories), the best known first.

        The result has a row for each attribute: attribute, items that have it, measure (AUC of a category, R2 of a
        number), score by cross-validation, and shuffled, the score that chance gives.

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.directions(min_ratings)

    def analogy(self, a: Id, b: Id, c: Id, *, k: int = 10, min_ratings: int = 0) -> Results:
        """Return the k items nearest to a - b + c without those three, as in "king - man + woman".

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.analogy(a, b, c, k, min_ratings)

    def check_analogy(self, a: Id, b: Id, c: Id, *, k: int = 10, min_ratings: int = 0, seed: int = 0) -> CheckedAnalogy:
        """Compare the answer of `analogy` with controls: c alone, and c plus the difference of random pairs of items.

        The seed draws the pairs, among items with min_ratings.

        Raises:
            UnsupportedError: the model has no vectors.
        """
        return self._neighbours.check_analogy(a, b, c, k, min_ratings, at_least(seed, 0, "seed"))

    def evaluate(
        self, held_out: object = None, *, k: int = 10, people: int = PEOPLE_RANKED, full: bool = False
    ) -> Metrics:
        """Measure the model on its own test part, or on another table; `evaluation/evaluate.py` defines the metrics.

        Args:
            held_out: another table, as `palate.read` takes it. Events with a user or item that the model does not
                know, and those it has learned from, are left out, and counted as `unknown` and `learned`.
            people: the most users to rank, drawn by the seed of the training.
            full: every metric, not only rmse, mae, recall@k and ndcg@k.

        Raises:
            OptionError: there is no test part, or no event of the other table can be predicted.
        """
        at_least(k, 1, "k")
        at_least(people, 1, "people")
        part = events_to_predict(self.split, held_out)
        options: dict[str, Any] = {"half_widths": self.training.half_widths, "newcomers": self.split.newcomers}
        report = evaluate(
            self.model, part.known, part.events, k=k, people=people, seed=self.training.seed, full=full, **options
        )
        return report | part.left_out

    def calibration(self, held_out: object = None) -> Results:
        """Compare predicted with real ratings of what `evaluate` measures, in tenths from the lowest predictions on.

        The result is a table with the number of ratings, their mean prediction and their mean real rating.

        Raises:
            OptionError: there is no test part, or no event of the other table can be predicted.
            UnsupportedError: the model predicts no ratings, or the events have none.
        """
        return calibration_table(self.model, events_to_predict(self.split, held_out), self.split)

    def export_vectors(
        self, path: str | Path, *, of: Literal["item", "user"] = "item", header: bool = True, titles: bool = False
    ) -> None:
        """Write the vectors of all items, or of all users, as text: in word2vec's format, without a header in GloVe's.

        A vector of zeros is left out. titles: an item is called by its title, with its id where others share it.

        Raises:
            OutputError: the file can't be written.
            UnsupportedError: the model has no vectors.
        """
        self._neighbours.export(Path(path), of, header=header, titles=titles)

    def person(self, user: Id | None = None, ratings: Ratings | None = None) -> Person:
        """Return a user of the table with their history, or a new user with these ratings, as the row methods take it.

        Raises:
            OptionError: user and ratings are both given, or neither is; or a rating is off the table's scale.
        """
        if (user is None) == (ratings is None):
            raise OptionError("name a user, or give ratings of a new user, and not both")
        if user is not None:
            return self.person_at(self.table.user_ids.row(user))
        assert ratings is not None
        return new_user(self.table, ratings, self.model)


def load(
    path: str | Path, model: type[Model] | str | None = None, *, outside: type[Model] | None = None
) -> Recommender:
    """Open a saved model folder.

    Args:
        model: the class of a model that is not one of Palate's own, or its name as package.module:Class. The folder
            alone never decides which code runs.
        outside: the former name of `model`.

    Raises:
        ArtifactError: the folder can't be opened.
        OptionError: there is no such class.
    """
    given = outside if model is None else model
    saved = artifact.read(Path(path), find(given) if isinstance(given, str) else given)
    return Recommender(saved.model, saved.split, saved.training, saved.places)
