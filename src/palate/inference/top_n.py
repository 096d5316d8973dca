"""Top-N lists: the best scores, under filters, and as different from each other as is asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id
from palate.errors import OptionError, as_number, at_least, option
from palate.inference import queries, ranking
from palate.inference.ids import in_categories, listed_rows
from palate.inference.queries import Person
from palate.models.contract import PADDING, Model

POOL = 5
"""A diverse list of k items is chosen from the best POOL · k, but at least LEAST_POOL, items."""

LEAST_POOL = 50

PADDED_EVENTS = 100_000
"""Most events, with padding, in one query: a model may need many times their memory."""

ItemSimilarity = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""The similarity of item rows (n,) -> (n, n), at most 1."""


class RankedItems(NamedTuple):
    """A list of item rows, best first."""

    rows: NDArray[np.int64]  # (k,)
    scores: NDArray[np.float32]  # (k,)


@dataclass(frozen=True, eq=False)
class Filters:
    """The length of a list, the items that it may hold, and how diverse it is."""

    k: int = 10
    leave_out: NDArray[np.bool_] | None = None  # (n_items,)
    diversity: float = 0.0


class FilterKeywords(TypedDict, total=False):
    """The options of `filters` that lists of all users take, for type checkers."""

    k: int
    exclude: Id | Iterable[Id]
    only: Id | Iterable[Id] | None
    category: str | Iterable[str]
    min_ratings: int


def filters(
    table: Interactions,
    *,
    k: int = 10,
    exclude: Id | Iterable[Id] = (),
    only: Id | Iterable[Id] | None = None,
    category: str | Iterable[str] = (),
    min_ratings: int = 0,
    diversity: float = 0.0,
) -> Filters:
    """Translate the options of `Recommender.recommend`.

    Raises:
        OptionError: a number is out of its bounds.
        UnknownIdError: an item or a category is unknown.
    """
    at_least(k, 1, "k")
    at_least(min_ratings, 0, "min_ratings")
    if not 0 <= as_number(diversity, "diversity") <= 1:
        raise OptionError(f"{option('diversity')} is {diversity}: it must be from 0 to 1")
    excluded = listed_rows(table, exclude)
    categories = [category] if isinstance(category, str) else list(category)
    if not min_ratings and not len(excluded) and only is None and not categories:
        return Filters(k, None, diversity)
    leave_out = table.item_counts < min_ratings
    leave_out[excluded] = True
    if only is not None:
        not_named = np.ones_like(leave_out)
        not_named[listed_rows(table, only)] = False
        leave_out |= not_named
    if categories:
        leave_out |= ~in_categories(table, categories)
    return Filters(k, leave_out, diversity)


def why_empty(table: Interactions, user: Id | None, person: Person, filters: Filters, min_ratings: int) -> str:
    """Return why a person's list has no items, and what would help."""
    who = "this new user" if user is None else f"user {user}"
    met = np.zeros(table.n_items, dtype=np.bool_)
    met[person.items] = True
    if person.viewed is not None:
        met[person.viewed] = True
    if met.all():
        return f"{who} has met all {table.n_items:,} items"
    most = int(table.item_counts.max())
    if min_ratings > most:
        lower = option("min_ratings")
        return f"no item has {min_ratings:,} ratings: the most is {most:,}; lower {lower}"
    asked = ", ".join(option(name) for name in ("exclude", "only", "category", "min_ratings"))
    allowed = np.ones_like(met) if filters.leave_out is None else ~filters.leave_out
    if not allowed.any():
        return f"no item passes the filters together ({asked}): give fewer of them"
    if met[allowed].all():
        return f"{who} has met all {allowed.sum():,} items that pass the filters ({asked}): give fewer of them"
    return "the model scores none of the items that are left"


def choose(
    model: Model, people: Sequence[Person], filters: Sequence[Filters], similarity: ItemSimilarity
) -> list[RankedItems]:
    """Return the list of each of B people under their own filters, items already seen left out; score in batches.

    With diversity d the next item of a list is the one with the largest (1 - d) · score - d · its similarity to the
    most similar item before it, with scores from 0 to 1 over the best items: maximal marginal relevance, Carbonell &
    Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries", SIGIR 1998,
    with the range of the scores in place of a similarity to a query.
    """
    lists: list[RankedItems] = [RankedItems(np.empty(0, np.int64), np.empty(0, np.float32))] * len(people)
    for group in _groups(model, people):
        depths = [_depth(filters[place]) for place in group]
        mask = np.zeros((len(group), model.n_items), dtype=np.bool_)  # (B, n_items)
        for row, place in zip(mask, group, strict=True):
            leave_out = filters[place].leave_out
            if leave_out is not None:
                row |= leave_out
            row[people[place].items] = True
            if people[place].viewed is not None:
                row[people[place].viewed] = True
        query = queries.of_people([people[place] for place in group], model)
        rows, scores = ranking.rank(model, query, max(depths), torch.from_numpy(mask).to(query.users.device))
        for place, depth, items, values in zip(group, depths, rows.cpu().numpy(), scores.cpu().numpy(), strict=True):
            filled = items[:depth] != PADDING
            best = RankedItems(items[:depth][filled], values[:depth][filled])
            lists[place] = _diversify(best, filters[place], similarity) if filters[place].diversity else best
    return lists


def _depth(filters: Filters) -> int:
    """Return how many of the best items a list is chosen from."""
    return max(POOL * filters.k, LEAST_POOL) if filters.diversity else filters.k


def _groups(model: Model, people: Sequence[Person]) -> list[list[int]]:
    """Return the places of the people in groups that fit one query: with like columns, and within memory."""
    by_columns: dict[tuple[bool, bool], list[int]] = {}
    for place, person in enumerate(people):
        by_columns.setdefault((person.ratings is None, person.times is None), []).append(place)
    room = max(1, ranking.MEMORY // (ranking.BYTES_A_SCORE * model.n_items))
    groups: list[list[int]] = []
    for places in by_columns.values():
        group: list[int] = []
        for place in sorted(places, key=lambda place: len(people[place].items)):
            longest = len(people[place].items)
            if group and (len(group) == room or (len(group) + 1) * longest > PADDED_EVENTS):
                groups.append(group)
                group = []
            group.append(place)
        groups.append(group)
    return groups


def _diversify(best: RankedItems, filters: Filters, similarity: ItemSimilarity) -> RankedItems:
    """Choose filters.k of the best items by maximal marginal relevance; see `choose`."""
    scores = best.scores.astype(np.float64)
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    relevance = (1 - filters.diversity) * (scores - low) / (high - low if high > low else 1.0)  # (n,)
    similarities = similarity(best.rows)  # (n, n)
    chosen: list[int] = []
    most_similar = np.zeros(len(scores))  # similarity to the most similar item chosen
    left = np.ones(len(scores), dtype=np.bool_)
    while len(chosen) < filters.k and left.any():
        best_place = int(np.argmax(np.where(left, relevance - filters.diversity * most_similar, -np.inf)))
        row = similarities[best_place]
        most_similar = row if not chosen else np.maximum(most_similar, row)
        left[best_place] = False
        chosen.append(best_place)
    return RankedItems(best.rows[chosen], best.scores[chosen])
