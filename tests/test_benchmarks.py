"""The benchmarks that others rely on: the one for a GPU, and metrics block after block of time."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from benchmarks import gpu, rolling, synthetic
from hypothesis import given
from hypothesis import strategies as st

from palate.data.split import TEST, by_time
from palate.errors import OptionError, UnsupportedError
from palate.training import cuda_graphs as captured
from tests import tables
from tests.data.test_splits import EVENTS, Event, parts, quickly, timed, times_of


def test_the_gpu_s_steps_learn_what_the_cpu_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, at two batch sizes; the larger learns less in as many epochs, and the figures say so."""
    small = synthetic.interactions(30_000, n_users=900, n_items=300)
    monkeypatch.setattr(synthetic, "interactions", lambda n: small.where(slice(n)))
    monkeypatch.setattr(captured, "STEPS", 8)
    command = ["gpu", "--device", "cpu", "--ratings", "30000", "--epochs", "2", "--batch-size", "512", "2048"]
    monkeypatch.setattr(sys, "argv", command)
    written: dict[str, Any] = {}

    def record(name: str, figures: Any, text: str, rows: Any) -> None:
        written.update(name=name, figures=figures, text=text, rows=rows)

    monkeypatch.setattr(gpu, "record", record)
    gpu.main()

    assert written["name"] == "gpu-cpu"
    cpu, same, larger = (written["figures"][name] for name in ("cpu", "512", "2048"))
    for loss in ("training loss", "held-out loss"):
        assert same[loss] == pytest.approx(cpu[loss], rel=0.003)
    assert larger["training loss"] > 1.003 * same["training loss"]
    assert 0 < same["before the first steps were done"] < same["seconds"]
    assert [row["batch size"] for row in written["rows"]] == [512, 512, 2048]
    assert written["rows"][1].keys() == written["rows"][0].keys()
    assert written["text"].startswith("2 epochs over 30,000 ratings, batch 512: ")


@quickly
@given(EVENTS, st.integers(1, 3))
def test_rolling_tests_follow_each_other(events: list[Event], blocks: int) -> None:
    table = timed(events)
    splits = list(rolling.rolling(table, blocks=blocks, test=0.4, validation=0.2))
    assert len(splits) == blocks
    assert sum(len(split.test) for split in splits) == round(0.4 * len(table))
    tested = [event for split in splits for event, part in parts(split).items() if part == TEST]
    assert len(set(tested)) == len(tested)
    assert set(tested) == {event for event, part in parts(by_time(table, test=0.4)).items() if part == TEST}
    for split, following in pairwise(splits):
        assert set(parts(split)) == {event for event, part in parts(following).items() if part != TEST}
        assert max(times_of(split.before_test)) <= min(times_of(split.test))
        assert len(split.validation) == round(0.2 * len(split.before_test))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [(0, "blocks is 0: it must be at least 1"), (9, "at most the 2 events to test on")],
)
def test_a_number_of_blocks_out_of_bounds_is_named(blocks: int, message: str) -> None:
    table = timed([(1, 1, 0), (1, 2, 1), (1, 3, 2), (2, 1, 3), (2, 2, 4), (2, 3, 5), (3, 1, 6), (1, 4, 7), (2, 4, 8)])
    with pytest.raises(OptionError, match=message):
        list(rolling.rolling(table, blocks=blocks))


def test_rolling_needs_times() -> None:
    with pytest.raises(UnsupportedError, match="no times to split by"):
        list(rolling.rolling(tables.random_table()))


def test_rolling_prints_the_metrics_of_each_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    users, items = np.divmod(np.arange(400), 20)
    times = np.random.default_rng(0).permutation(400) * 86_400.0
    table = tables.table(users.tolist(), items.tolist(), (1 + (users + items) % 5).tolist(), times.tolist())
    monkeypatch.setattr(rolling, "load_table", lambda *_: table)
    monkeypatch.setattr(sys, "argv", ["rolling", "table.csv", "--model", "bias", "--blocks", "2"])
    rolling.main()
    header, _, *rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert header[:6] == ["from", "to", "train", "validation", "test", "rmse"]
    assert [row[:5] for row in rows] == [
        ["1970-11-17", "1970-12-26", "288", "32", "40"],
        ["1970-12-27", "1971-02-04", "324", "36", "40"],
    ]
