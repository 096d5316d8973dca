"""A limit of memory is read as people write it, and counts what is held already."""

from mmap import mmap
from pathlib import Path

import psutil
import pytest

from palate.errors import OptionError
from palate.models import MODELS
from palate.system import memory
from palate.training.fit import fit
from tests import tables


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1GB", 10**9), ("1.5gb", 1_500_000_000), (" 800 MB ", 8 * 10**8), ("2GiB", 2**31), ("0.5 MiB", 2**19)],
)
def test_sizes(text: str, bytes_: int) -> None:
    assert memory.size(text) == bytes_


@pytest.mark.parametrize("text", ["", "1", "GB", "1 TBs", "-1GB", "1,5GB", "1e9", "one GB", "1GB2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError, match=r"such as 800MB or 1\.5GB"):
        memory.size(text)


def test_what_is_held_is_not_left() -> None:
    held = psutil.Process().memory_info().rss
    assert memory.left(held + 10**9) == pytest.approx(10**9, abs=5e7)
    with pytest.raises(OptionError, match=r"limit is 1 MB, but Python, the model and its table use .* MB already"):
        memory.left(10**6)


def test_a_container_may_have_less_than_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = psutil.virtual_memory().available
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    assert memory.free() == pytest.approx(machine, rel=0.2)
    (tmp_path / "memory.stat").write_text("file 900\nanon 300\nanon_thp 7\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free() == pytest.approx(machine, rel=0.2)
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.free() == 700


@pytest.mark.parametrize(("name", "bytes_held"), [("ease", 4 * 20**2), ("next-item", 4 * 20**2)])
def test_a_number_for_each_pair_of_items_must_fit(name: str, bytes_held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights when a model is made, as when it is opened again, and all else before training."""
    table, kind = tables.random_table(n_items=20), MODELS[name]
    monkeypatch.setattr(memory, "free", lambda: bytes_held)
    model = kind(kind.Config(), table.n_users, 20)
    with pytest.raises(OptionError, match=rf"{name} needs 0.0 GB .* pairs of 20 items, and 0.0 GB are free: item-knn"):
        fit(model, table)
    monkeypatch.setattr(memory, "free", lambda: bytes_held - 1)
    with pytest.raises(OptionError, match=name):
        kind(kind.Config(), table.n_users, 20)
    monkeypatch.setattr(memory, "free", lambda: 7 * 10**9)
    with pytest.raises(
        OptionError, match=r"needs 10\.0 GB of memory for the pairs of 50,000 items, and 7\.0 GB are free"
    ):
        kind(kind.Config(), 1, 50_000)


def test_the_draws_of_bayes_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 chains of 40 draws, of 11 vectors of 24 numbers and a bias."""
    kind, needed = MODELS["bayes"], 4 * 4 * 40 * 11 * 25
    monkeypatch.setattr(memory, "free", lambda: needed)
    kind(kind.Config(), 4, 7)
    monkeypatch.setattr(memory, "free", lambda: needed - 1)
    with pytest.raises(OptionError, match=r"bayes needs 0.0 GB .* 160 draws of 11 vectors, .*: fewer samples, or svd"):
        kind(kind.Config(), 4, 7)


def test_a_peak_is_what_was_taken_in_between() -> None:
    with mmap(-1, 60 * 10**6) as taken, memory.Peak() as peak:  # pages are taken when written to
        for page in range(0, len(taken), 4096):
            taken[page] = 1
    assert 50 * 10**6 < peak.bytes < 90 * 10**6


def test_a_peak_is_not_hidden_by_what_was_freed_before() -> None:
    pieces = [bytes(100_000) for _ in range(600)]
    wall = bytes(100_000)  # the heap can't shrink below it by itself
    del pieces
    with memory.Peak() as peak:
        again = [bytes(100_000) for _ in range(600)]
    assert peak.bytes > 0.8 * sum(map(len, again)) or not Path("/proc").exists()
    del wall
