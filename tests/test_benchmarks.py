"""The benchmark that has to be ready before there is a machine to run it on."""

import sys
from typing import Any

import pytest
from benchmarks import gpu, synthetic

from palate.training import cuda_graphs as captured


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
