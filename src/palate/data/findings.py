"""Interactions -> Findings: properties of a table, or of a split, that may mislead a model or its metrics."""

import re
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from palate.data import doubts
from palate.data.doubts import Finding
from palate.data.interactions import Interactions
from palate.data.relevance import liked_ratings
from palate.data.split import Split
from palate.errors import option

MANY_RATINGS = 5
"""Minimum number of equal ratings that make a user a constant rater."""

TOP_ITEMS, TOP_SHARE, UNEVEN = 0.01, 0.2, 0.8
"""Popularity is concentrated if this share of the items has this share of the events, or from this Gini on."""

RARE, COMMON = 0.01, 0.9
"""A rating value is odd if it has at most the share RARE of the events and the other values have at least COMMON."""

SIMULTANEOUS = 0.1
"""If this share of events has the same time as another event of the user, their order is not reliable."""

DATES = 1e8
"""Times with a median below this are no dates but positions in a list, or counts."""

YEAR_1990 = 631_152_000.0


def of_table(table: Interactions, now: float | None = None) -> list[Finding]:
    """Return the findings of a table. now: unix seconds; later times count as future, by default the present."""
    now = time.time() if now is None else now
    return [*_repeats(table), *_ids(table), *_scale(table), *_times(table, now), *_users(table), *_popularity(table)]


def of_split(split: Split) -> list[Finding]:
    """Return the findings of a split: leaks from the test part into what the model learns from."""
    return [*_in_both(split), *_from_the_future(split)]


def _repeats(table: Interactions) -> Iterator[Finding]:
    for note in table.notes:
        if merged := re.match(r"(?P<count>[\d,]+) rows repeat a \(user, item\) pair", note):
            advice = "one row of each pair was kept: if the rows are counts, sum them first"
            yield Finding("note", int(merged["count"].replace(",", "")), "rows repeat a (user, item) pair", advice)
    repeated = len(table) - len(np.unique(_pairs(table)))
    if repeated:
        what = "events repeat a (user, item) pair"
        yield Finding("warning", repeated, what, "keep one event of each pair, so that no pair is in two parts")


def _ids(table: Interactions) -> Iterator[Finding]:
    for vocabulary, rows in ((table.user_ids, table.users), (table.item_ids, table.items)):
        yield from doubts.of_ids(vocabulary, rows)
        yield from doubts.look_alikes(vocabulary)


def _scale(table: Interactions) -> Iterator[Finding]:
    if table.ratings is None:
        return
    yield from doubts.of_ratings(table.ratings)
    values, counts = np.unique(table.ratings, return_counts=True)
    odd = _off_the_grid(values.astype(np.float64), counts)
    if odd.any():
        what = "ratings are off the scale of the other ratings, such as " + ", ".join(
            f"{value:g}" for value in values[odd][:3]
        )
        yield Finding("warning", int(counts[odd].sum()), what, "correct them or leave them out")
    liked = liked_ratings(table)
    if liked is not None and liked.problem and not odd.any():
        what = f"ratings, {liked.least:g} or above, count as liked; {liked.problem}"
        yield Finding("warning", liked.liked, what, liked.advice)


def _off_the_grid(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which values are rare, and either far from the common values or between their steps."""
    common = counts > RARE * counts.sum()
    if common.sum() < 2 or counts[common].sum() < COMMON * counts.sum():
        return np.zeros(len(values), dtype=np.bool_)
    low, high = values[common].min(), values[common].max()
    steps = (values - low) / np.diff(values[common]).min()
    far = (values < low - (high - low)) | (values > high + (high - low))
    odd: NDArray[np.bool_] = ~common & (far | (np.abs(steps - steps.round()) > 0.01))
    return odd


def _times(table: Interactions, now: float) -> Iterator[Finding]:
    if table.times is None:
        yield Finding("note", len(table), "events have no time", "splits by time and models of time are not possible")
        return
    times = table.times
    same_user = table.users[1:] == table.users[:-1]
    tied = np.zeros(len(table), dtype=np.bool_)
    tied[1:] |= same_user & (times[1:] == times[:-1])
    tied[:-1] |= tied[1:] & same_user
    if tied.mean() >= SIMULTANEOUS:
        what = f"events ({tied.mean():.0%}) have the same time as another event of the same user"
        yield Finding("warning", int(tied.sum()), what, "their order is not reliable: prefer split 'time' to 'last'")
    if np.median(times) < DATES:
        return
    mixed = _plausible(times / 1000, now) | (_plausible(times * 1000, now) & ~_plausible(times, now))
    if mixed.any():
        advice = "perhaps seconds and milliseconds are mixed: convert them to one unit"
        yield Finding("warning", int(mixed.sum()), "times are off by a factor of 1000", advice)
    for out_of_range, period in ((times > now, "in the future"), (times < YEAR_1990, "before 1990")):
        count = int((out_of_range & ~mixed).sum())
        if count:
            yield Finding("warning", count, f"times are {period}", "correct them, or check the unit of time")


def _plausible(times: NDArray[np.float64], now: float) -> NDArray[np.bool_]:
    """Return which times are from 1990 to now."""
    in_range: NDArray[np.bool_] = (times >= YEAR_1990) & (times <= now)
    return in_range


def _users(table: Interactions) -> Iterator[Finding]:
    counts = np.diff(table.offsets)
    if table.ratings is not None:
        starts = table.offsets[:-1][counts > 0]
        alike = np.minimum.reduceat(table.ratings, starts) == np.maximum.reduceat(table.ratings, starts)
        constant = int((alike & (counts[counts > 0] >= MANY_RATINGS)).sum())
        if constant:
            what = f"users give all of their items, {MANY_RATINGS} or more, the same rating"
            yield Finding("note", constant, what, "such ratings do not compare items: perhaps leave these users out")
    for kind, n_events, advice in (
        ("users", counts, "such a user is in the training part or in the test part, never in both"),
        ("items", table.item_counts, f"a model learns little about them: recommend with {option('min_ratings')}"),
    ):
        single = int((n_events == 1).sum())
        if single:
            yield Finding("note", single, f"{kind} have one event", advice)


def _popularity(table: Interactions) -> Iterator[Finding]:
    counts = np.sort(table.item_counts)
    top = max(1, round(TOP_ITEMS * len(counts)))
    share, uneven = counts[-top:].sum() / counts.sum(), gini(counts)
    if share >= TOP_SHARE or uneven >= UNEVEN:
        what = f"items, the top {TOP_ITEMS:.0%}, have {share:.0%} of all events (Gini {uneven:.2f})"
        yield Finding("note", top, what, "compare with popularity, and check how much of the catalogue the lists cover")


def gini(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of ascending counts (n,): 0 if all are equal, near 1 if one has all."""
    n = len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ counts / (n * counts.sum()))


def _in_both(split: Split) -> Iterator[Finding]:
    repeated = int(np.isin(_pairs(split.test), _pairs(split.shown)).sum())
    if repeated:
        what = "test events repeat a (user, item) pair of the training part"
        yield Finding("warning", repeated, what, "keep one event of each pair")


def _from_the_future(split: Split) -> Iterator[Finding]:
    training, test = split.before_test, split.test
    if training.times is None or test.times is None or not len(test):
        return
    last = np.full(training.n_users, -np.inf)
    last[training.users] = training.times  # events are in order of time: the latest one remains
    older = test.times < last[test.users]
    if older.any():
        what = f"test events ({older.mean():.0%}) are older than the same user's last training event"
        yield Finding("warning", int(older.sum()), what, "the future leaks into training: split by 'time' or 'last'")


def _pairs(events: Interactions) -> NDArray[np.int64]:
    return events.users.astype(np.int64) * events.n_items + events.items
