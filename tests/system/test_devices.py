"""Where the arithmetic runs, on machines of every kind."""

import pytest
import torch

from palate.errors import OptionError
from palate.system import devices


def machine(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "picked"), [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"), (2, True, "cuda")]
)
def test_auto_is_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, picked: str) -> None:
    machine(monkeypatch, cuda, mps)
    assert devices.pick() == devices.pick("auto") == torch.device(picked)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1", "mps", "mps:0"])
def test_what_is_there_can_be_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    machine(monkeypatch, 2, True)
    assert devices.pick(name) == torch.device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "meta", "xpu"])
def test_what_is_not_there_is_an_error_that_says_what_is(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    machine(monkeypatch)
    with pytest.raises(OptionError, match=f"device '{name}' is not on this machine: choose from auto, cpu"):
        devices.pick(name)


@pytest.mark.parametrize("name", ["cuda:2", "mps:1", "cpu:1"])
def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    machine(monkeypatch, 2, True)
    with pytest.raises(OptionError, match="is not on this machine: choose from auto, cuda, mps, cpu"):
        devices.pick(name)


@pytest.mark.parametrize("name", ["", ":", "AUTO", "gpu", "cpu:x", "cpu:-1", "tpu:0"])
def test_what_is_no_device_is_an_error(name: str) -> None:
    with pytest.raises(OptionError, match="it must be auto, cpu"):
        devices.pick(name)
