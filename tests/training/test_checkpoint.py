"""Stopped, killed, damaged: a run goes on to the same bits, or says why it can't."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from palate.data.interactions import Interactions
from palate.errors import ArtifactError, Interrupted, OptionError, OutputError
from palate.models.contract import LearnedModel
from palate.models.neural.model import NeuralRating
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Monitor, Record, fit
from tests.tables import ROOT
from tests.training.killed import go, measured
from tests.training.test_fit import Heard, dropping, neural

SETTINGS: dict[str, Any] = {"hidden": 8, "dim": 3, "batch_size": 64, "epochs": 4, "average": 2, "patience": 2}
IDENTITY = {"seed": 0, "data": "abc"}


class Silent:
    """An observer that says nothing."""

    def started(self, epochs: int, events: int, epoch: int) -> None: ...
    def stepped(self, events: int) -> None: ...
    def measured(self, record: Record) -> None: ...


class Stopped(Exception):  # noqa: N818 - it is not a mistake, so not named one
    """What the test throws into the middle of training."""


class StopAfter(Silent):
    """Throws after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def stepped(self, events: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped


MONITORS = {"no criterion": Monitor(), "criterion": Monitor(measured, "validation_loss")}


def without_timings(records: list[Record]) -> list[Record]:
    return [{name: value for name, value in r.items() if "second" not in name} for r in records]


def assert_equal(model: LearnedModel, expected: LearnedModel) -> None:
    for name, value in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


@pytest.mark.parametrize("monitor", MONITORS.values(), ids=MONITORS)
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_a_run_stopped_after_any_batch_goes_on_to_the_same_bits(
    small: Interactions, tmp_path: Path, preset: str, monitor: Monitor
) -> None:
    """Saved after every batch, the last of an epoch among them; stopped there; resumed, and stopped once more."""
    whole = neural(small, preset, **SETTINGS)
    records = fit(whole, small, monitor=monitor)
    batches = len(records) * -(-len(small) // 64)
    assert batches >= 10
    for stop in range(1, batches):
        path = tmp_path / f"run{stop}"
        for _ in range(2):
            with pytest.raises(Stopped):
                fit(
                    neural(small, preset, **SETTINGS),
                    small,
                    monitor=monitor,
                    checkpoint=Checkpoint(path, IDENTITY, every=0),
                    resume=path.exists(),
                    observers=[StopAfter(stop if not path.exists() else 0)],
                )
            if stop == batches - 1:
                break
        resumed = neural(small, preset, **SETTINGS)
        again = fit(resumed, small, monitor=monitor, checkpoint=Checkpoint(path, IDENTITY), resume=True)
        assert_equal(resumed, whole)
        assert without_timings(again) == without_timings(records)
        assert all(r["seconds"] > 0 for r in again)


def test_a_model_that_draws_goes_on_to_the_same_bits(small: Interactions, tmp_path: Path) -> None:
    whole = dropping(small)
    fit(whole, small)
    for stop in (1, 2, 5, 6, 11):
        checkpoint = Checkpoint(tmp_path / str(stop), {}, every=0)
        with pytest.raises(Stopped):
            fit(dropping(small), small, checkpoint=checkpoint, observers=[StopAfter(stop)])
        torch.rand(3)
        resumed = dropping(small)
        fit(resumed, small, checkpoint=checkpoint, resume=True)
        assert_equal(resumed, whole)
        assert resumed.drawn == whole.drawn[stop:]


def test_saving_changes_nothing(small: Interactions, tmp_path: Path) -> None:
    saved, plain = neural(small), neural(small)
    fit(saved, small, checkpoint=Checkpoint(tmp_path / "run", {}, every=0))
    fit(plain, small)
    assert_equal(saved, plain)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_observer_of_a_resumed_run_hears_all_of_the_epoch_under_way(small: Interactions, tmp_path: Path) -> None:
    path = tmp_path / "run"
    batches = -(-len(small) // 64)
    with pytest.raises(Stopped):
        fit(
            neural(small, **SETTINGS),
            small,
            checkpoint=Checkpoint(path, {}, every=0),
            observers=[StopAfter(batches + 2)],
        )
    heard = Heard()
    fit(neural(small, **SETTINGS), small, checkpoint=Checkpoint(path, {}), resume=True, observers=[heard])
    assert heard.starts == [(4, len(small), 1)]
    assert sum(heard.steps) == 3 * len(small)
    assert heard.steps[0] == 2 * 64
    assert [r["epoch"] for r in heard.records] == [2, 3, 4]


def test_a_save_is_due_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    checkpoint = Checkpoint(tmp_path / "run", {}, every=30)
    assert not checkpoint.due()
    clock[0] += 30
    assert checkpoint.due()
    checkpoint.save({}, {})
    assert not checkpoint.due()
    checkpoint.asked_to_stop = True
    assert checkpoint.due()


def test_remove(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run", {})
    checkpoint.save({}, {})
    checkpoint.remove()
    assert not list(tmp_path.iterdir())
    checkpoint.remove()


# What is saved


TENSORS = {
    "scalar": torch.tensor(3),
    "matrix": torch.arange(6.0).view(2, 3).T,  # not contiguous
    "empty": torch.empty(0, 4),
    "flags": torch.tensor([True, False]),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "bytes": torch.get_rng_state(),
}
FACTS: dict[str, Any] = {"epoch": 3, "seconds": 0.1 + 0.2, "records": [{"loss": 1e-17}, {"loss": float("inf")}]}


def test_tensors_and_facts_come_back_exactly(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "er" / "run", IDENTITY)
    checkpoint.save(TENSORS, FACTS)
    tensors, facts = Checkpoint(checkpoint.path, IDENTITY).load()
    assert facts == FACTS
    assert set(tensors) == set(TENSORS)
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value), name


def test_a_run_of_a_model_under_its_former_name_goes_on(tmp_path: Path) -> None:
    """`svdpp` was called `history`."""
    Checkpoint(tmp_path / "run", {"model": "history", "seed": 0}).save({}, {"epoch": 1})
    assert Checkpoint(tmp_path / "run", {"model": "svdpp", "seed": 0}).load() == ({}, {"epoch": 1})
    with pytest.raises(OptionError, match="other model"):
        Checkpoint(tmp_path / "run", {"model": "mf", "seed": 0}).load()


def test_an_identity_is_the_same_after_json(tmp_path: Path) -> None:
    """Tuples come back as lists, and are no other run."""
    identity = {"shares": (0.2, 0.1), "settings": {"dim": 3, "layers": (1, 2)}}
    Checkpoint(tmp_path / "run", identity).save({}, {})
    Checkpoint(tmp_path / "run", identity).load()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1, "data": "abc"}, "other seed;"),
        ({"seed": 1, "data": "abd"}, "other seed, data;"),
        ({"seed": 0, "data": "abc", "split": 1}, "other split;"),
    ],
)
def test_another_run_is_refused_by_what_differs(tmp_path: Path, other: dict[str, Any], named: str) -> None:
    Checkpoint(tmp_path / "run", IDENTITY).save({}, {})
    with pytest.raises(OptionError, match=named) as caught:
        Checkpoint(tmp_path / "run", other).load()
    assert str(tmp_path / "run") in str(caught.value)


def test_nothing_to_resume(tmp_path: Path, small: Interactions) -> None:
    with pytest.raises(ArtifactError, match="does not exist: there is no run to resume"):
        fit(neural(small), small, checkpoint=Checkpoint(tmp_path / "run", {}), resume=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "run"
    Checkpoint(path, IDENTITY).save({"a": torch.arange(50.0), "b": torch.tensor(7)}, {"epoch": 12, "step": 3})
    return path.read_bytes()


def refused_or_whole(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    said = f"{path} can't be read, delete it to start anew"
    try:
        tensors, facts = Checkpoint(path, IDENTITY).load()
    except ArtifactError as error:
        if not str(error).startswith(said):
            raise
    else:
        assert facts == {"epoch": 12, "step": 3}
        assert torch.equal(tensors["a"], torch.arange(50.0))
        assert torch.equal(tensors["b"], torch.tensor(7))


def test_every_damaged_byte_is_noticed(saved: bytes, tmp_path: Path) -> None:
    """In the header and in the numbers alike."""
    for place in range(len(saved)):
        for flip in (1, 64):
            refused_or_whole(tmp_path / "run", saved[:place] + bytes([saved[place] ^ flip]) + saved[place + 1 :])


def test_every_truncation_is_noticed(saved: bytes, tmp_path: Path) -> None:
    for length in range(len(saved)):
        (tmp_path / "run").write_bytes(saved[:length])
        with pytest.raises(ArtifactError):
            Checkpoint(tmp_path / "run", IDENTITY).load()


@given(content=st.binary(max_size=300))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(content)
    with pytest.raises(ArtifactError):
        Checkpoint(tmp_path / "run", IDENTITY).load()


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_between_are_noticed(data: st.DataObject, saved: bytes, tmp_path: Path) -> None:
    start = data.draw(st.integers(0, len(saved)))
    stop = data.draw(st.integers(start, min(len(saved), start + 40)))
    refused_or_whole(tmp_path / "run", saved[:start] + data.draw(st.binary(max_size=40)) + saved[stop:])


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"run": "{}"},
        {"run": "nonsense", "digest": "0"},
        {"run": json.dumps({"identity": IDENTITY, "facts": {}}), "digest": ""},
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "run", metadata)
    with pytest.raises(ArtifactError, match="can't be read"):
        Checkpoint(tmp_path / "run", IDENTITY).load()


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be read"):
        Checkpoint(tmp_path, IDENTITY).load()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't write"):
        Checkpoint(tmp_path / "file" / "run", IDENTITY).save({}, {})
    with pytest.raises(OutputError, match="can't write"):
        Checkpoint(tmp_path, IDENTITY).save({}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Ctrl-C and kill -9


class CtrlC(Silent):
    """Presses Ctrl-C after so many batches, and counts what comes after."""

    def __init__(self, after: int, times: int = 1) -> None:
        self.after, self.times, self.heard = after, times, 0

    def stepped(self, events: int) -> None:
        self.heard += 1
        if self.heard == self.after:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_ctrl_c_saves_stops_and_says_how_to_go_on(small: Interactions, tmp_path: Path, preset: str) -> None:
    whole = neural(small, preset, **SETTINGS)
    fit(whole, small)
    model = neural(small, preset, **SETTINGS)
    checkpoint = Checkpoint(tmp_path / "run", IDENTITY)
    before = signal.getsignal(signal.SIGINT)
    observer = CtrlC(after=7)
    with pytest.raises(Interrupted, match=r"stopped in epoch 2, after batch 2 of 5; .*resume=True") as caught:
        fit(model, small, checkpoint=checkpoint, observers=[observer])
    assert str(checkpoint.path) in str(caught.value)
    assert observer.heard == 7  # at once, not at the epoch's end
    assert signal.getsignal(signal.SIGINT) is before
    fit(model, small, checkpoint=checkpoint, resume=True)  # the same objects may go on, too
    assert_equal(model, whole)


def test_a_second_ctrl_c_stops_at_once(small: Interactions, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(neural(small), small, checkpoint=Checkpoint(tmp_path / "run", {}), observers=[CtrlC(3, times=2)])
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "run").exists()


def test_ctrl_c_without_a_checkpoint_is_python_s_own(small: Interactions) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(neural(small), small, observers=[CtrlC(3)])


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not Windows'")
def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    """A process that saves after every batch is killed twice while it trains, and ends as one that never was."""
    draw = random.Random(7)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    for kill in (True, True, False):
        command = [sys.executable, "-m", "tests.training.killed", str(killed)]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"training\n"
            if kill:
                time.sleep(draw.uniform(0.02, 0.12))
                process.kill()
        assert process.returncode == (-signal.SIGKILL if kill else 0)
    go(whole, pause=0)
    found, expected = load_file(killed / "done"), load_file(whole / "done")
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
