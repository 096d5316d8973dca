"""The number of threads is chosen by the clock, and never changes what is learned."""

import time

import pytest
import torch

from palate.data.interactions import Interactions
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.training.fit import fit
from palate.training.thread_tuner import KEPT, WINDOW, ThreadTuner
from tests import tables


class Clock:
    """Steps take as long as the number of threads says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: dict[int, float], most: int) -> None:
        self.now, self.step, self.used = 0.0, step, most
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(torch, "get_num_threads", lambda: self.used)
        monkeypatch.setattr(torch, "set_num_threads", self.use)

    def use(self, number: int) -> None:
        self.used = number

    def run(self, chosen: ThreadTuner, steps: int) -> list[int]:
        """-> the number of threads that each step had."""
        had = []
        for _ in range(steps):
            had.append(self.used)
            self.now += self.step[self.used]
            chosen.stepped()
        return had


def windows(had: list[int]) -> list[int]:
    assert len(had) % WINDOW == 0
    return had[::WINDOW]


def test_it_goes_up_while_more_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, {1: 1.0, 2: 0.6, 4: 0.7, 6: 0.1}, most=6)
    with ThreadTuner(any_number=True) as chosen:
        had = clock.run(chosen, 3 * WINDOW)
        assert windows(had) == [1, 1, 2]
        assert set(clock.run(chosen, WINDOW)) == {4, 2}  # 4 is given up as soon as it is behind
        assert set(clock.run(chosen, (KEPT - 3) * WINDOW)) == {2}
    assert clock.used == 6


def test_all_are_used_where_all_are_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, {1: 1.0, 2: 0.7, 3: 0.5}, most=3)
    with ThreadTuner(any_number=True) as chosen:
        assert windows(clock.run(chosen, 4 * WINDOW)) == [1, 1, 2, 3]
        assert set(clock.run(chosen, KEPT * WINDOW)) == {3}
        assert windows(clock.run(chosen, 3 * WINDOW)) == [1, 2, 3]  # all are tried again


def test_a_catastrophe_lasts_a_step_or_two(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, {1: 1.0, 2: 0.6}, most=2)
    with ThreadTuner(any_number=True) as chosen:
        clock.run(chosen, 5 * WINDOW)
        clock.step = {1: 1.0, 2: 30.0}
        assert clock.run(chosen, 4 * WINDOW).count(2) <= 3
        clock.step = {1: 1.0, 2: 0.6}
        assert clock.run(chosen, (KEPT + 10) * WINDOW)[-1] == 2


def test_what_depends_on_their_number_keeps_all(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, {4: 1.0}, most=4)
    with ThreadTuner(any_number=False) as chosen:
        assert set(clock.run(chosen, 500 * WINDOW)) == {4}


def test_an_error_within_gives_all_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, {1: 1.0, 2: 1.0}, most=2)
    chosen = ThreadTuner(any_number=True)
    with pytest.raises(ZeroDivisionError), chosen:
        _ = clock.used // 0
    assert clock.used == 2


@pytest.mark.usefixtures("threads_as_before")
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_the_number_of_threads_changes_no_bit(preset: str) -> None:
    """Steps large enough to be shared out."""
    train: Interactions = tables.random_table(300, 200, 0.3)
    found = []
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        settings = {**NeuralRating.PRESETS[preset], "epochs": 2}
        model = NeuralRating(NeuralRatingConfig.model_validate(settings), train.n_users, train.n_items)
        model.ANY_THREADS = False  # type: ignore[misc]  # so that it is this number that is used
        fit(model, train)
        found.append(model.state_dict())
    for other in found[1:]:
        for name, value in found[0].items():
            assert torch.equal(value, other[name]), name
