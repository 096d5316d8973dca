"""Parts that are disjoint, complete, of the right size, and the same again tomorrow."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data import split
from palate.data.interactions import Interactions
from palate.data.split import TEST, TRAIN, VALIDATION, Split
from palate.errors import OptionError
from tests import tables

BIG = tables.random_table(60, 40, 0.5)


def events(table: Interactions) -> list[tuple[int, int]]:
    return list(zip(table.users.tolist(), table.items.tolist(), strict=True))


@given(n=st.integers(1, len(BIG)), test=st.floats(0, 0.99), validation=st.floats(0, 0.99), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_parts_are_disjoint_complete_and_of_the_right_size(n: int, test: float, validation: float, seed: int) -> None:
    table = BIG.where(np.arange(len(BIG)) < n)
    n_test = round(n * test)
    n_validation = round((n - n_test) * validation)
    if n_test + n_validation >= n:
        with pytest.raises(OptionError, match="leave no event to train on"):
            split.random(table, test=test, validation=validation, seed=seed)
        return
    result = split.random(table, test=test, validation=validation, seed=seed)
    assert (len(result.test), len(result.validation)) == (n_test, n_validation)
    assert sorted(events(result.train) + events(result.validation) + events(result.test)) == sorted(events(table))
    assert len(result.before_test) == len(result.train) + len(result.validation)
    again = split.random(table, test=test, validation=validation, seed=seed)
    assert result.hash == again.hash
    assert np.array_equal(result.part, again.part)


def test_the_defaults_keep_a_fifth_for_the_test_and_a_tenth_of_the_rest_to_choose_by() -> None:
    result = split.random(BIG)
    assert len(result.test) == round(0.2 * len(BIG))
    assert len(result.validation) == round(0.1 * (len(BIG) - len(result.test)))


def test_parts_keep_ids_and_order() -> None:
    result = split.random(BIG, seed=3)
    for part in (result.train, result.validation, result.test, result.before_test):
        assert part.user_ids is BIG.user_ids
        assert part.item_ids is BIG.item_ids
        assert (np.diff(part.users) >= 0).all()
    assert BIG.ratings is not None
    by_pair = dict(zip(events(BIG), BIG.ratings.tolist(), strict=True))
    for part in (result.train, result.test):
        assert part.ratings is not None
        assert [by_pair[pair] for pair in events(part)] == part.ratings.tolist()


def test_every_event_is_as_likely_to_be_held_out() -> None:
    counts = np.zeros(len(BIG))
    for seed in range(300):
        counts += split.random(BIG, test=0.2, validation=0, seed=seed).part == TEST
    assert abs(counts / 300 - 0.2).max() < 0.12  # five standard deviations of a share of 300


def test_another_seed_is_another_split() -> None:
    assert split.random(BIG, seed=0).hash != split.random(BIG, seed=1).hash


def test_the_hash_is_of_the_parts_alone() -> None:
    parts = np.array([TRAIN, TEST, VALIDATION] * 5, dtype=np.uint8)
    first, second = Split(BIG.where(np.arange(len(BIG)) < 15), parts), Split(BIG, parts)
    assert first.hash == second.hash
    moved = parts.copy()
    moved[0], moved[1] = TEST, TRAIN
    assert dataclasses.replace(first, part=moved).hash != first.hash
    assert len(first.hash) == 64


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["test", "validation"])
def test_a_share_out_of_bounds_is_named(name: str, share: float) -> None:
    with pytest.raises(OptionError, match=f"the {name} share is {share}: it must be at least 0 and below 1"):
        split.random(BIG, **{name: share})  # type: ignore[arg-type]


def test_no_share_is_allowed() -> None:
    result = split.random(BIG, test=0, validation=0)
    assert (len(result.train), len(result.validation), len(result.test)) == (len(BIG), 0, 0)
