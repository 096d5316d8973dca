"""Blocks of steps, as a GPU repeats them: the same as step by step, stopped and resumed anywhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from palate.data.batches import RatingBatch, seeded
from palate.data.interactions import Interactions
from palate.models.neural import hidden_layer
from palate.models.neural import step_tensor as tensor_layer
from palate.models.neural.model import NeuralRating
from palate.training import cuda_graphs as captured
from palate.training import fit as fit_module
from palate.training.checkpoint import Checkpoint
from palate.training.cuda_graphs import CudaGraphRunner
from palate.training.fit import Record, fit
from palate.training.optimizers.optimizer import KINDS, Optimizer
from tests.training.test_checkpoint import StopAfter, Stopped, without_timings
from tests.training.test_fit import Heard, neural

STEPS = 4
CPU = torch.device("cpu")


@pytest.fixture
def any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU works as any other device does."""
    for name in ("sgd", "adam"):
        monkeypatch.setitem(KINDS, (name, True), KINDS[name, False])
    monkeypatch.setattr(hidden_layer, "step_on_cpu", lambda: tensor_layer.squared_error)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """It takes blocks too, and repeating what was recorded does it again -> what happened."""
    happened = []

    def on_own_stream(work: Callable[[], None]) -> None:
        happened.append("warm up")
        work()

    def capture(work: Callable[[], None]) -> Callable[[], None]:
        happened.append("record")

        def repeat() -> None:
            happened.append("repeat")
            work()

        return repeat

    monkeypatch.setattr(fit_module, "uses_cuda_graphs", lambda model: model.REPEATABLE)
    monkeypatch.setattr(captured, "STEPS", STEPS)
    monkeypatch.setattr(captured, "on_own_stream", on_own_stream)
    monkeypatch.setattr(captured, "captured", capture)
    return happened


def trained(train: Interactions, preset: str, **settings: Any) -> tuple[NeuralRating, list[Record]]:
    model = neural(train, preset, **settings)
    return model, fit(model, train)


def assert_close(model: NeuralRating, expected: NeuralRating, tolerance: float = 1e-6) -> None:
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, atol=tolerance, rtol=tolerance)


@pytest.mark.usefixtures("any_device")
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
@pytest.mark.parametrize("batch_size", [8, 32, 50, 1000])
def test_blocks_are_steps(small: Interactions, preset: str, batch_size: int, request: pytest.FixtureRequest) -> None:
    """Epochs of whole blocks and a rest, the last batch of which is smaller; and of no block at all."""
    model, records = trained(small, preset, batch_size=batch_size)
    happened = request.getfixturevalue("blocks")
    same, again = trained(small, preset, batch_size=batch_size)
    assert_close(same, model)
    assert [r["train_loss"] for r in again] == pytest.approx([r["train_loss"] for r in records], rel=1e-6)
    whole = len(small) // batch_size // STEPS
    assert happened == ["warm up", "record", *["repeat"] * (4 * whole - 1)][: 2 * 4 * whole]


@pytest.mark.usefixtures("any_device")
@pytest.mark.parametrize("momentum", [0.0, 1e-12, 0.3, 0.5])
def test_blocks_leave_room_for_the_powers_of_sgd(
    small: Interactions, momentum: float, request: pytest.FixtureRequest
) -> None:
    """Which start again in the midst of an epoch, or leave no room for a block of four."""
    settings = {"momentum": momentum, "learning_rate": 0.01, "batch_size": 2, "epochs": 3}
    model, _ = trained(small, "sgd", **settings)
    request.getfixturevalue("blocks")
    same, _ = trained(small, "sgd", **settings)
    assert_close(same, model, 1e-5)


@pytest.mark.usefixtures("any_device", "blocks")
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_a_run_stopped_between_blocks_goes_on(small: Interactions, tmp_path: Path, preset: str) -> None:
    settings = {"batch_size": 16, "epochs": 3}
    whole, records = trained(small, preset, **settings)
    for stop in range(1, 12):
        checkpoint = Checkpoint(tmp_path / str(stop), {}, every=0)
        with pytest.raises(Stopped):
            fit(neural(small, preset, **settings), small, checkpoint=checkpoint, observers=[StopAfter(stop)])
        resumed = neural(small, preset, **settings)
        again = fit(resumed, small, checkpoint=checkpoint, resume=True)
        assert_close(resumed, whole)
        for found, expected in zip(without_timings(again), without_timings(records), strict=True):
            assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("blocks")
def test_observers_hear_of_blocks(small: Interactions) -> None:
    heard = Heard()
    fit(neural(small, batch_size=30, epochs=2), small, observers=[heard])
    left = len(small) % 120
    assert heard.steps == 2 * [*[120] * (len(small) // 120), *[30] * (left // 30), *[left % 30] * (left % 30 > 0)]


class Learning:
    """A model and its optimizer, and a step of both."""

    def __init__(self, train: Interactions, preset: str, **settings: object) -> None:
        self.model = neural(train, preset, **settings)
        self.model.start(train, seeded(CPU, 0))
        self.model.train()
        self.optimizer = Optimizer(self.model)
        self.batches = self.model.batches(train)
        self.loss = torch.zeros(())

    def step(self, batch: RatingBatch) -> None:
        loss = self.model.backward(batch)
        self.optimizer.take()
        self.loss.add_(loss)

    def tensors(self) -> dict[str, Tensor]:
        return {"loss": self.loss, **self.model.state_dict(), **self.optimizer.state()}


@pytest.mark.usefixtures("any_device", "blocks")
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_a_step_can_be_compiled_as_one_graph(small: Interactions, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it asks the device for no value; once, for all places in a block. Traced only, as compiling takes long."""
    graphs = []

    def traced(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    monkeypatch.setattr(captured, "COMPILER", {"backend": traced})
    plain, compiled = (Learning(small, preset) for _ in range(2))
    for learning in (plain, compiled):
        steps = CudaGraphRunner(learning.step, learning.optimizer, learning.batches, compiled=learning is compiled)
        for epoch in range(3):
            for batch in steps.epoch(seeded(CPU, epoch)):
                steps.learn(batch, done=float(epoch))
        learning.optimizer.settle()
    assert len(graphs) == 1
    found = compiled.tensors()
    for name, value in plain.tensors().items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("any_device", "blocks")
@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_what_a_graph_refers_to_stays_where_it_is(small: Interactions, preset: str) -> None:
    learning = Learning(small, preset, momentum=0.5, batch_size=2)
    steps = CudaGraphRunner(learning.step, learning.optimizer, learning.batches, compiled=False)
    places = {name: value.data_ptr() for name, value in learning.tensors().items()}
    saved = {name: value.clone() for name, value in learning.optimizer.state().items()}
    for _ in range(2):
        for batch in steps.epoch(seeded(CPU, 0)):
            steps.learn(batch)
        learning.optimizer.settle()
        learning.optimizer.restore(saved)
    assert {name: value.data_ptr() for name, value in learning.tensors().items()} == places
    assert learning.model.network.flat.grad is None


def test_only_long_runs_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "find_spec", lambda name: object())
    assert not captured.worth_compiling(captured.COMPILED_FROM - 1)
    assert captured.worth_compiling(captured.COMPILED_FROM)
    monkeypatch.setattr(captured, "find_spec", lambda name: None)
    assert not captured.worth_compiling(captured.COMPILED_FROM)


def test_only_repeatable_models_on_cuda_are_captured(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    model = neural(small)
    assert not captured.uses_cuda_graphs(model)
    for device, expected in (("cuda", True), ("mps", False)):
        monkeypatch.setattr(NeuralRating, "device", torch.device(device))
        assert captured.uses_cuda_graphs(model) is expected
    monkeypatch.setattr(NeuralRating, "device", torch.device("cuda"))
    monkeypatch.setattr(NeuralRating, "REPEATABLE", False)
    assert not captured.uses_cuda_graphs(model)


class Stream:
    """A stream of a GPU that isn't there."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name, self.heard = name, heard

    def wait_stream(self, other: "Stream") -> None:
        self.heard.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What torch.cuda is asked for, in order."""
    heard: list[str] = []

    @contextmanager
    def noted(what: object) -> Iterator[None]:
        name = what.name if isinstance(what, Stream) else "graph"
        heard.append(f"{name} begins")
        yield
        heard.append(f"{name} ends")

    class Graph:
        def replay(self) -> None:
            heard.append("replay")

    monkeypatch.setattr(torch.cuda, "Stream", lambda: Stream("side", heard))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("main", heard))
    monkeypatch.setattr(torch.cuda, "stream", noted)
    monkeypatch.setattr(torch.cuda, "graph", noted)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    return heard


def test_a_graph_is_warmed_up_beside_recorded_once_and_repeated(small: Interactions, cuda: list[str]) -> None:
    learning = Learning(small, "sgd", batch_size=2)
    steps = CudaGraphRunner(lambda batch: cuda.append("step"), learning.optimizer, learning.batches, compiled=False)
    batches = [next(steps.epoch(seeded(CPU, seed))) for seed in range(3)]
    for batch in batches:
        assert steps.learn(batch) == captured.STEPS
        assert steps.block is not None
        assert torch.equal(steps.block.rows, batch.rows)
        assert torch.equal(steps.block.ratings, batch.ratings)
    all_steps = ["step"] * captured.STEPS
    warm_up = ["side waits for main", "side begins", *all_steps, "side ends", "main waits for side"]
    assert cuda == [*warm_up, "graph begins", *all_steps, "graph ends", "replay", "replay"]


@pytest.mark.usefixtures("cuda")
def test_a_step_that_can_t_be_recorded_says_so() -> None:
    def work() -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError, match="can't be captured as a CUDA graph: operation not permitted"):
        captured.captured(work)
