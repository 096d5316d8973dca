"""Lists for people: scores, what may not appear, and how different the items of a list should be."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.vocabulary import Id
from palate.errors import OptionError, at_least
from palate.inference import queries, ranking
from palate.inference.ids import in_categories, item_rows
from palate.inference.queries import Person
from palate.models.contract import PADDING, Model

POOL = 5
"""A list that should be diverse is chosen from so many times its length, and from at least LEAST_POOL items."""

LEAST_POOL = 50

PADDED_EVENTS = 100_000
"""How many events, with padding, are asked about at once: what models make of them is many times as large."""

Likeness = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""How alike items (n,) are -> (n, n), at most 1."""


class RankedItems(NamedTuple):
    """A list, best first."""

    rows: NDArray[np.int64]  # (k,)
    scores: NDArray[np.float32]  # (k,)


@dataclass(frozen=True, eq=False)
class Filters:
    """What a list may hold."""

    k: int = 10
    leave_out: NDArray[np.bool_] | None = None  # (n_items,)
    diversity: float = 0.0


def filters(
    table: Interactions,
    *,
    k: int = 10,
    exclude: Iterable[Id] = (),
    only: Iterable[Id] | None = None,
    category: str | Iterable[str] = (),
    min_ratings: int = 0,
    diversity: float = 0.0,
) -> Filters:
    """See `Recommender.recommend`.

    Raises:
        OptionError: a number out of its bounds.
        UnknownIdError: an item or a category that is not there.
    """
    at_least(k, 1, "k")
    at_least(min_ratings, 0, "min_ratings")
    if not 0 <= diversity <= 1:
        raise OptionError(f"diversity is {diversity}: it must be from 0 to 1")
    excluded = item_rows(table, exclude)
    categories = [category] if isinstance(category, str) else list(category)
    if not min_ratings and not len(excluded) and only is None and not categories:
        return Filters(k, None, diversity)
    leave_out = table.item_counts < min_ratings
    leave_out[excluded] = True
    if only is not None:
        others = np.ones_like(leave_out)
        others[item_rows(table, only)] = False
        leave_out |= others
    if categories:
        leave_out |= ~in_categories(table, categories)
    return Filters(k, leave_out, diversity)


def choose(model: Model, people: Sequence[Person], wanted: Sequence[Filters], likeness: Likeness) -> list[RankedItems]:
    """The list of each of B people, under the filters of each, without what they met; scored in batches.

    With diversity d the next item of a list is the one with the largest (1 - d) · score - d · its likeness to the
    likest before it, the score taken from 0 to 1 over the best items: maximal marginal relevance, Carbonell &
    Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries", SIGIR 1998,
    with the range of the scores in place of a similarity to a query.
    """
    found: list[RankedItems] = [RankedItems(np.empty(0, np.int64), np.empty(0, np.float32))] * len(people)
    for group in _groups(model, people):
        depths = [_depth(wanted[at]) for at in group]
        mask = np.zeros((len(group), model.n_items), dtype=np.bool_)  # (B, n_items)
        for row, at in zip(mask, group, strict=True):
            leave_out = wanted[at].leave_out
            if leave_out is not None:
                row |= leave_out
            row[people[at].items] = True
            if people[at].viewed is not None:
                row[people[at].viewed] = True
        query = queries.of_people([people[at] for at in group], model)
        rows, scores = ranking.rank(model, query, max(depths), torch.from_numpy(mask).to(query.users.device))
        for at, depth, its_rows, its_scores in zip(
            group, depths, rows.cpu().numpy(), scores.cpu().numpy(), strict=True
        ):
            there = its_rows[:depth] != PADDING
            best = RankedItems(its_rows[:depth][there], its_scores[:depth][there])
            found[at] = _varied(best, wanted[at], likeness) if wanted[at].diversity else best
    return found


def _depth(wanted: Filters) -> int:
    return max(POOL * wanted.k, LEAST_POOL) if wanted.diversity else wanted.k


def _groups(model: Model, people: Sequence[Person]) -> list[list[int]]:
    """People who can be asked about together, in groups that fit in memory."""
    alike: dict[tuple[bool, bool], list[int]] = {}
    for at, person in enumerate(people):
        alike.setdefault((person.ratings is None, person.times is None), []).append(at)
    room = max(1, ranking.MEMORY // (ranking.BYTES_A_SCORE * model.n_items))
    groups: list[list[int]] = []
    for same in alike.values():
        group: list[int] = []
        for at in sorted(same, key=lambda at: len(people[at].items)):
            longest = len(people[at].items)
            if group and (len(group) == room or (len(group) + 1) * longest > PADDED_EVENTS):
                groups.append(group)
                group = []
            group.append(at)
        groups.append(group)
    return groups


def _varied(best: RankedItems, wanted: Filters, likeness: Likeness) -> RankedItems:
    scores = best.scores.astype(np.float64)
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    worth = (1 - wanted.diversity) * (scores - low) / (high - low if high > low else 1.0)  # (n,)
    alike = likeness(best.rows)  # (n, n)
    chosen: list[int] = []
    likest = np.zeros(len(scores))  # to any item chosen
    left = np.ones(len(scores), dtype=np.bool_)
    while len(chosen) < wanted.k and left.any():
        following = int(np.argmax(np.where(left, worth - wanted.diversity * likest, -np.inf)))
        likest = alike[following] if not chosen else np.maximum(likest, alike[following])
        left[following] = False
        chosen.append(following)
    return RankedItems(best.rows[chosen], best.scores[chosen])
