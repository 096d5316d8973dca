"""Interactions to Findings: what in a table, or in a split of it, may mislead a model or its figures."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.data.interactions import Interactions
from palate.data.split import Split

MANY_RATINGS = 5
"""From so many ratings on, all alike, somebody is a constant rater."""

TOP_ITEMS, TOP_SHARE, UNEVEN = 0.01, 0.2, 0.8
"""Popularity is concentrated where this share of the items has this share of the events, or from this Gini on."""

RARE, COMMON = 0.01, 0.9
"""A rating value is odd that has at most this share of the events, where values less rare have at least this one."""

SIMULTANEOUS = 0.1
"""From this share of events on that share their time with another of the same person, order is not to be trusted."""

DATES = 1e8
"""Times whose median is below are no dates: places in a list, or counts."""

YEAR_1990 = 631_152_000.0


@dataclass(frozen=True)
class Finding:
    """One thing to know."""

    severity: str
    """"warning": figures or models may be wrong; "note": good to know."""
    count: int
    what: str
    advice: str


def of_table(table: Interactions, now: float | None = None) -> list[Finding]:
    """What the table itself shows. now: unix seconds, for what is in the future."""
    now = time.time() if now is None else now
    return [*_repeats(table), *_ids(table), *_scale(table), *_times(table, now), *_people(table), *_popularity(table)]


def of_split(split: Split) -> list[Finding]:
    """What the split lets through from the test to what is learned from."""
    return [*_in_both(split), *_from_the_future(split)]


def _repeats(table: Interactions) -> Iterator[Finding]:
    for note in table.notes:
        if merged := re.match(r"([\d,]+) rows repeat a \(user, item\) pair", note):
            count, advice = (
                int(merged[1].replace(",", "")),
                "reading kept one of each: if they are counts, sum them first",
            )
            yield Finding("note", count, "rows repeat a (user, item) pair", advice)
    repeated = len(table) - len(np.unique(_pairs(table)))
    if repeated:
        what = "events repeat a (user, item) pair"
        yield Finding("warning", repeated, what, "keep one of each, so that no part knows another's")


def _ids(table: Interactions) -> Iterator[Finding]:
    for vocabulary in (table.user_ids, table.item_ids):
        if not vocabulary.is_text:
            continue
        plain = vocabulary.ids.str.strip_chars().str.to_lowercase()
        alike = plain.is_duplicated()
        if alike.any():
            examples = vocabulary.ids.filter(plain == plain.filter(alike)[0]).to_list()
            yield Finding(
                "warning",
                int(alike.sum()),
                f"{vocabulary.kind} ids differ only by case or spaces, such as {' and '.join(map(repr, examples[:2]))}",
                "spell them alike if they are the same, else each learns alone",
            )


def _scale(table: Interactions) -> Iterator[Finding]:
    if table.ratings is None:
        return
    values, counts = np.unique(table.ratings, return_counts=True)
    zeros = int(counts[values == 0].sum())
    positive = values[values > 0]
    if zeros and values[0] == 0 and len(positive) and positive[0] >= 1:
        yield Finding(
            "warning", zeros, "ratings are 0", "if 0 means 'no rating', leave these rows out, or learn without ratings"
        )
    odd = _off_the_grid(values.astype(np.float64), counts)
    if odd.any():
        what = "ratings are off the scale of the others, such as " + ", ".join(
            f"{value:g}" for value in values[odd][:3]
        )
        yield Finding("warning", int(counts[odd].sum()), what, "correct them or leave them out")


def _off_the_grid(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are rare, and either far from the common ones or between their steps."""
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
        yield Finding("note", len(table), "events have no time", "nothing can be split or learned by time")
        return
    at = table.times
    same_person = table.users[1:] == table.users[:-1]
    tied = np.zeros(len(table), dtype=np.bool_)
    tied[1:] |= same_person & (at[1:] == at[:-1])
    tied[:-1] |= tied[1:] & same_person
    if tied.mean() >= SIMULTANEOUS:
        what = f"events ({tied.mean():.0%}) have the same time as another of the same person"
        yield Finding("warning", int(tied.sum()), what, "don't trust their order: prefer split 'time' to 'last'")
    if np.median(at) < DATES:
        return
    mixed = _in_our_time(at / 1000, now) | (_in_our_time(at * 1000, now) & ~_in_our_time(at, now))
    if mixed.any():
        advice = "seconds and milliseconds are mixed, perhaps: make them one unit"
        yield Finding("warning", int(mixed.sum()), "times are off by a factor of 1000", advice)
    for which, what in ((at > now, "in the future"), (at < YEAR_1990, "before 1990")):
        count = int((which & ~mixed).sum())
        if count:
            yield Finding("warning", count, f"times are {what}", "correct them, or check the unit of time")


def _in_our_time(times: NDArray[np.float64], now: float) -> NDArray[np.bool_]:
    ours: NDArray[np.bool_] = (times >= YEAR_1990) & (times <= now)
    return ours


def _people(table: Interactions) -> Iterator[Finding]:
    counts = np.diff(table.offsets)
    if table.ratings is not None:
        starts = table.offsets[:-1][counts > 0]
        alike = np.minimum.reduceat(table.ratings, starts) == np.maximum.reduceat(table.ratings, starts)
        constant = int((alike & (counts[counts > 0] >= MANY_RATINGS)).sum())
        if constant:
            what = f"people give all of their items, {MANY_RATINGS} or more, the same rating"
            yield Finding("note", constant, what, "it tells no item from another: perhaps leave these people out")
    for of, found, advice in (
        ("people", counts, "they can't be both learned from and tested"),
        ("items", table.item_counts, "little is learned of them: recommend with --min-ratings"),
    ):
        single = int((found == 1).sum())
        if single:
            yield Finding("note", single, f"{of} have one event", advice)


def _popularity(table: Interactions) -> Iterator[Finding]:
    counts = np.sort(table.item_counts)
    top = max(1, round(TOP_ITEMS * len(counts)))
    share, uneven = counts[-top:].sum() / counts.sum(), gini(counts)
    if share >= TOP_SHARE or uneven >= UNEVEN:
        what = f"items, the top {TOP_ITEMS:.0%}, have {share:.0%} of all events (Gini {uneven:.2f})"
        yield Finding("note", top, what, "compare with popularity, and look at how much of the catalogue lists show")


def gini(counts: NDArray[np.int64]) -> float:
    """Of ascending counts (n,): 0 where all are alike, near 1 where one has all."""
    n = len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ counts / (n * counts.sum()))


def _in_both(split: Split) -> Iterator[Finding]:
    both = int(np.isin(_pairs(split.test), _pairs(split.shown)).sum())
    if both:
        what = "test events repeat a (user, item) pair of what is learned from"
        yield Finding("warning", both, what, "keep one event a pair")


def _from_the_future(split: Split) -> Iterator[Finding]:
    learned, test = split.before_test, split.test
    if learned.times is None or test.times is None or not len(test):
        return
    last = np.full(learned.n_users, -np.inf)
    last[learned.users] = learned.times  # in turn by time: the latest is what stays
    older = test.times < last[test.users]
    if older.any():
        what = f"test events ({older.mean():.0%}) are older than the last that is learned of the same person"
        yield Finding("warning", int(older.sum()), what, "the future leaks into training: split by 'time' or 'last'")


def _pairs(events: Interactions) -> NDArray[np.int64]:
    return events.users.astype(np.int64) * events.n_items + events.items
