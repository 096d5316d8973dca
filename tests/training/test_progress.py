import io
from types import SimpleNamespace

import pytest
from rich.console import Console

import palate
from palate.system import compilation
from palate.system.compilation import CompileTimer
from palate.training.fit import Record
from tests import trained


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def record(epoch: int) -> Record:
    return {
        "epoch": epoch,
        "train_loss": 0.75,
        "validation_loss": 0.875,
        "test_loss": 1.0,
        "seconds": 2.0,
        "ratings_per_second": 1234567.8,
    }


def test_a_line_per_epoch_where_no_one_watches() -> None:
    console = Console(file=io.StringIO(), width=100)
    with palate.Bars(console) as bars:
        bars.started(epochs=3, events=100, epoch=0)
        for epoch in (1, 2):
            bars.stepped(100)
            bars.measured(record(epoch))
    assert lines(console) == [
        "  epoch  train loss    validation loss          test loss ratings per second",
        "      1      0.7500             0.8750             1.0000          1,234,568",
        "      2      0.7500             0.8750             1.0000          1,234,568",
    ], "no bar, no empty lines, no control characters"


def test_a_run_gone_on_with_has_a_heading_too() -> None:
    console = Console(file=io.StringIO(), width=100)
    with palate.Bars(console) as bars:
        bars.started(epochs=5, events=100, epoch=3)
        bars.stepped(50)
        bars.measured(record(4))
    assert [line.split()[0] for line in lines(console)] == ["epoch", "4"]


def test_a_bar_where_someone_watches() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, legacy_windows=False)
    with palate.Bars(console) as bars:
        bars.started(epochs=3, events=100, epoch=0)
        bars.stepped(50)
        bars.progress.refresh()
        bars.measured(record(1))
        bars.progress.refresh()
    shown = "\n".join(lines(console))
    assert "epoch 1 of at most 3" in shown
    assert "epoch 2 of at most 3" in shown
    assert "ratings/s" in shown


def test_training_draws_what_it_measured() -> None:
    trained.train(baselines=(), refit=False)  # all loops are compiled
    console = Console(file=io.StringIO(), width=100)
    with palate.Bars(console) as bars:
        history = trained.train(observers=[bars], baselines=(), refit=False).history
    assert [float(line.split()[1]) for line in lines(console)[1:]] == [round(r["train_loss"], 4) for r in history]


def test_a_model_solved_in_one_step_draws_nothing() -> None:
    trained.train("popularity", baselines=())  # all loops are compiled
    console = Console(file=io.StringIO(), width=100)
    with palate.Bars(console) as bars:
        trained.train("popularity", observers=[bars], baselines=())
    assert lines(console) == []


def test_compilation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "TIMER", CompileTimer())
    console = Console(file=io.StringIO(), width=100)
    with palate.Bars(console) as bars:
        bars.started(epochs=3, events=100, epoch=0)
        compilation.TIMER.notify(SimpleNamespace(is_start=True))
        compilation.TIMER.notify(SimpleNamespace(is_start=False))
    assert lines(console) == [
        "compiling loops for this processor (a model's first training only)",
        "compiled loops for this processor: 0.0 s, kept for next time",
    ]


def test_it_goes_to_stderr_unless_told_otherwise() -> None:
    assert palate.Bars().progress.console.stderr
