"""Row-wise optimizers against torch's dense ones: the same weights after any steps."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from palate.data.interactions import Interactions
from palate.models.contract import AnnealedConfig, Batches, LearnedConfig, LearnedModel, Query
from palate.models.shared.layers import EmbeddingTable
from palate.training.optimizers import rows as row_updates
from palate.training.optimizers import rows_cpu as compiled_rows
from palate.training.optimizers.dense import AdamDense, SgdDense
from palate.training.optimizers.dense_cpu import CompiledAdamDense, CompiledSgdDense
from palate.training.optimizers.optimizer import KINDS, Optimizer
from palate.training.optimizers.rows import AdamRows, SgdRows
from palate.training.optimizers.rows_cpu import CompiledAdamRows, CompiledSgdRows

N, DIM = 12, 3

Steps = list[list[list[int]]]
"""Per step, per loan, the rows lent."""


class Tables(LearnedModel):
    """Two tables and a parameter; the loss is whatever the test says."""

    config: LearnedConfig

    def __init__(self, config: LearnedConfig, n_rows: int = N, seed: int = 0) -> None:
        super().__init__(config, n_rows, n_rows)
        draw = torch.Generator().manual_seed(seed)
        self.first, self.second = EmbeddingTable(n_rows, DIM), EmbeddingTable(n_rows, DIM)
        for table in (self.first, self.second):
            table.weight.normal_(generator=draw)
        self.scale = nn.Parameter(torch.ones(DIM))

    def score(self, query: Query) -> Tensor:
        raise NotImplementedError

    def start(self, train: Interactions, generator: torch.Generator) -> None:
        raise NotImplementedError

    def batches(self, train: Interactions) -> Batches:
        raise NotImplementedError

    def loss(self, batch: Any) -> Tensor:
        """batch: per loan, rows; each row's distance from a point of its own, whose place moves with the weights."""
        losses = [(self.first(rows) * self.scale - rows.unsqueeze(-1) / N).square().sum() for rows in batch]
        return torch.stack(losses).sum()

    def finish(self, train: Interactions) -> None:
        raise NotImplementedError


def config(optimizer: str, momentum: float = 0.9, rate: float = 0.01) -> LearnedConfig:
    return LearnedConfig.model_validate({"optimizer": optimizer, "momentum": momentum, "learning_rate": rate})


def sgd(weight: Tensor, setting: LearnedConfig) -> torch.optim.Optimizer:
    return torch.optim.SGD([weight], lr=setting.learning_rate, momentum=setting.momentum)


def adam(weight: Tensor, setting: LearnedConfig) -> torch.optim.Optimizer:
    return torch.optim.Adam([weight], lr=setting.learning_rate, betas=(row_updates.BETA1, row_updates.BETA2))


ROWS: dict[str, tuple[Any, Callable[[Tensor, LearnedConfig], torch.optim.Optimizer]]] = {
    "sgd": (SgdRows, sgd),
    "adam": (AdamRows, adam),
    "sgd, compiled": (CompiledSgdRows, sgd),
    "adam, compiled": (CompiledAdamRows, adam),
}
ADAMS = [kind for kind in ROWS if kind.startswith("adam")]
SGDS = [kind for kind in ROWS if kind.startswith("sgd")]


def any_device(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the CPU the kind's way."""
    name, _, compiled = kind.partition(", ")
    monkeypatch.setitem(KINDS, (name, True), KINDS[name, bool(compiled)])


def pull(step: int, lent: Tensor) -> Tensor:
    """A loss with gradients of many sizes that never die out, and depend on where the weights are."""
    noise = torch.randn(lent.shape, generator=torch.Generator().manual_seed(step))
    return ((lent * noise + torch.sin(lent)) * torch.tensor([0.1, 1.0, 10.0])).sum()


def compare(kind: str, setting: LearnedConfig, steps: Steps, tolerance: float, look_every: int = 1) -> None:
    """Take the same steps with ours and with torch's, comparing what is lent, and the whole table at the end."""
    rows_kind, dense_kind = ROWS[kind]
    table = EmbeddingTable(N, DIM)
    table.weight.normal_(generator=torch.Generator().manual_seed(0))
    weight = table.weight.detach().clone().requires_grad_()
    ours, dense = rows_kind(table, setting), dense_kind(weight, setting)
    for number, loans in enumerate(steps):
        weight.grad = torch.zeros_like(weight)
        for loan in loans:
            rows = torch.tensor(loan, dtype=torch.int64)
            lent = table(rows)
            if number % look_every == 0:
                torch.testing.assert_close(lent.detach(), weight.detach()[rows], atol=tolerance, rtol=tolerance)
            pull(number, lent).backward()
            pull(number, weight[rows]).backward()
        with torch.no_grad():
            ours.step()
        dense.step()
    with torch.no_grad():
        ours.settle()
    torch.testing.assert_close(table.weight, weight.detach(), atol=tolerance, rtol=tolerance)


def random_steps(n: int, seed: int, most: int = 5, rows: int = N) -> Steps:
    draw = np.random.default_rng(seed)
    return [[draw.integers(rows, size=draw.integers(1, most)).tolist()] for _ in range(n)]


patterns = st.lists(st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=6), max_size=3), max_size=25)


@pytest.mark.parametrize("kind", ROWS)
@given(steps=patterns)
@settings(max_examples=60, deadline=None)
def test_any_touches_equal_the_dense_optimizer(kind: str, steps: Steps) -> None:
    """Rows repeated within a loan, several loans in a step, and steps with none."""
    compare(kind, config(kind.split(",")[0]), steps, 1e-4)


@pytest.mark.parametrize("kind", SGDS)
@pytest.mark.parametrize("momentum", [0.0, 1e-3, 0.5, 0.99])
def test_sgd_at_any_momentum(kind: str, momentum: float) -> None:
    compare(kind, config("sgd", momentum, 1e-3), random_steps(150, seed=1), 1e-4)


def test_sgd_beyond_the_range_of_its_powers() -> None:
    """At momentum 0.5 the powers start again every 119 steps; at 0.9 every 786."""
    for momentum, n in ((0.5, 400), (0.9, 1700)):
        setting = config("sgd", momentum, 1e-3)
        rows = SgdRows(EmbeddingTable(N, DIM), setting)
        assert n > 2 * -2 * rows.first
        compare("sgd", setting, random_steps(n, seed=2), 1e-4, look_every=7)


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("gap", [1, 2, 10, 300, 2000])
def test_rows_untouched_for_long_drift_as_in_the_dense_optimizer(kind: str, gap: int) -> None:
    """Row 0 is touched, left alone for a gap while row 1 goes on, and touched again."""
    before, alone = [[[0, 1]]] * 3, [[[1]]] * gap
    compare(kind, config(kind.split(",")[0]), [*before, *alone, [[0]], *alone[:5], [[0, 0, 1]]], 1e-4, look_every=10)


def late_touches(around: int) -> Steps:
    """Rows touched for the last time a little before, at and after a step."""
    touched = {around - 40: 2, around - 1: 3, around: 4, around + 1: 5, around + 40: 6}
    return [[[1, touched[number]] if number in touched else [1]] for number in range(1, around + 200)]


@pytest.mark.parametrize("kind", ADAMS)
def test_adam_late_touches_equal_the_dense_optimizer(kind: str) -> None:
    compare(kind, config("adam"), late_touches(1500), 1e-4, look_every=50)


@pytest.mark.parametrize("kind", ADAMS)
def test_adam_beyond_its_warm_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of sums ends where its factor is 1; with a short memory of squares that is soon: at step 197."""
    for module in (row_updates, compiled_rows):
        monkeypatch.setattr(module, "BETA2", 0.9)
    monkeypatch.setattr(AdamRows, "RATIO", 0.9 / 0.9**0.5)
    monkeypatch.setattr(AdamRows, "WARM", 197)
    for around in (150, 196, 197, 198, 400):
        compare(kind, config("adam"), late_touches(around), 1e-4, look_every=13)


def test_adam_s_sums_are_those_of_the_formula() -> None:
    tail = AdamRows.tails()
    assert len(tail) == AdamRows.WARM + 1
    ratio = 0.9 / 0.999**0.5
    k = torch.arange(1, 400, dtype=torch.float64)
    for j in (1, 2, 17, AdamRows.WARM - 1, AdamRows.WARM):
        later = j + k - 1
        direct = (ratio ** (k - 1) * (1 - 0.999**later).sqrt() / (1 - 0.9**later)).sum()
        assert float(tail[j]) == pytest.approx(float(direct), rel=1e-6)
    assert 0.999**AdamRows.WARM < 1e-9


@pytest.mark.parametrize("kind", ADAMS)
def test_adam_takes_gradients_as_small_as_epsilon_as_the_dense_one_does(kind: str) -> None:
    """While rows are touched in every step, epsilon stands where it stands in torch."""
    table, setting = EmbeddingTable(N, DIM), config("adam")
    weight = table.weight.detach().clone().requires_grad_()
    ours, dense = ROWS[kind][0](table, setting), adam(weight, setting)
    for number in range(30):
        everyone = torch.arange(N)
        (pull(number, table(everyone)) * 1e-8).backward()
        dense.zero_grad()
        (pull(number, weight[everyone]) * 1e-8).backward()
        with torch.no_grad():
            ours.step()
        dense.step()
    with torch.no_grad():
        ours.settle()
    assert table.weight.abs().max() > 0.03
    torch.testing.assert_close(table.weight, weight.detach(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ROWS)
def test_an_untouched_row_never_moves(kind: str) -> None:
    rows_kind, _ = ROWS[kind]
    table = EmbeddingTable(N, DIM)
    table.weight.normal_()
    before = table.weight.clone()
    ours = rows_kind(table, config(kind.split(",")[0]))
    for number, step in enumerate(random_steps(40, seed=3, rows=N - 2)):
        pull(number, table(torch.tensor(step[0]))).backward()
        with torch.no_grad():
            ours.step()
    with torch.no_grad():
        ours.settle()
    assert torch.equal(table.weight[-2:], before[-2:])
    assert not torch.equal(table.weight[:-2], before[:-2])


@pytest.mark.parametrize("kind", ROWS)
def test_a_step_touches_its_rows_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bit of the other rows' state stays: what a step costs does not follow the table's size."""
    any_device(kind, monkeypatch)
    model = Tables(config(kind.split(",")[0]), n_rows=500)
    optimizer = Optimizer(model)
    for touched in (torch.tensor([3, 3, 77]), torch.tensor([77, 4]), torch.tensor([499])):
        tall = {
            name: t.clone()
            for name, t in optimizer.state().items()
            if name.startswith("first") and t.shape[:1] == (500,)
        }
        weight = model.first.weight.clone()
        model.loss([touched]).backward()
        optimizer.step()
        untouched = torch.ones(500, dtype=torch.bool).index_fill_(0, touched, False)
        assert tall
        for name, before in tall.items():
            now = optimizer.state()[name]
            assert torch.equal(now[untouched], before[untouched]), name
            assert not torch.equal(now[touched], before[touched]), name
        assert torch.equal(model.first.weight, weight)  # brought up to date by settle alone


@pytest.mark.parametrize("kind", ROWS)
def test_lent_gradients_have_the_batch_s_shape(kind: str) -> None:
    """What a step computes with has as many rows as were lent, not as the table has."""
    rows_kind, _ = ROWS[kind]
    table = EmbeddingTable(1000, DIM)
    ours = rows_kind(table, config(kind.split(",")[0]))
    lent = table(torch.tensor([[1, 2], [2, 3], [999, 0]]))
    assert lent.shape == (3, 2, DIM)
    lent.square().sum().backward()
    assert [gradient.grad.shape for _, gradient in ours.lent] == [(3, 2, DIM)]
    assert table.weight.grad is None


DENSE: dict[str, tuple[Any, Callable[[Tensor, LearnedConfig], torch.optim.Optimizer]]] = {
    "sgd": (CompiledSgdDense, sgd),
    "adam": (CompiledAdamDense, adam),
    "sgd, any device": (SgdDense, sgd),
    "adam, any device": (AdamDense, adam),
}


@pytest.mark.parametrize("kind", DENSE)
def test_dense_updates_equal_torch(kind: str) -> None:
    ours_kind, dense_kind = DENSE[kind]
    setting = config(kind.split(",")[0])
    parameter = nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    same = parameter.detach().clone().requires_grad_()
    ours, dense = ours_kind(parameter, setting), dense_kind(same, setting)
    for number in range(50):
        for weight in (parameter, same):
            weight.grad = None
            (weight - number % 7).square().sum().backward()
        with torch.no_grad():
            ours.step(setting.learning_rate)
        dense.step()
        torch.testing.assert_close(parameter.detach(), same.detach(), atol=1e-5, rtol=1e-5)
        assert parameter.grad is None


def test_a_rate_that_rises_and_falls_along_a_cosine() -> None:
    """Two epochs up to 0.1, then eight down: at their quarters (1 + cos 45°) / 2, a half, (1 - cos 45°) / 2."""
    setting = AnnealedConfig.model_validate({"epochs": 10, "learning_rate": 0.1, "warm_up": 2.0})
    found = [setting.rate(done) for done in (0, 0.5, 1, 2, 4, 6, 8, 10)]
    assert found == pytest.approx([0, 0.025, 0.05, 0.1, 0.0853553, 0.05, 0.0146447, 0], abs=1e-7)
    at_once = AnnealedConfig.model_validate({"epochs": 10, "learning_rate": 0.1, "warm_up": 0.0})
    assert at_once.rate(0) == 0.1
    short = AnnealedConfig.model_validate({"epochs": 1, "learning_rate": 0.1, "warm_up": 1.0})
    assert short.rate(0.5) == 0.05
    assert config("sgd").rate(7.5) == config("sgd").learning_rate


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_a_rate_that_changes_equals_torch(kind: str) -> None:
    setting = AnnealedConfig.model_validate({"optimizer": kind, "epochs": 5, "learning_rate": 0.1})
    model = Scale(setting)
    same = model.scale.detach().clone().requires_grad_()
    ours, dense = Optimizer(model), DENSE[kind][1](same, setting)
    for number in range(50):
        dense.param_groups[0]["lr"] = setting.rate(number / 10)
        for weight in (model.scale, same):
            weight.grad = None
            (weight - number % 7).square().sum().backward()
        ours.step(done=number / 10)
        dense.step()
        torch.testing.assert_close(model.scale.detach(), same.detach(), atol=1e-5, rtol=1e-5)


class Scale(Tables):
    """The parameter alone."""

    def __init__(self, config: LearnedConfig) -> None:
        super().__init__(config)
        del self.first, self.second


def test_tables_have_one_rate() -> None:
    with pytest.raises(AssertionError, match="AnnealedConfig"):
        Optimizer(Tables(AnnealedConfig.model_validate({})))


def run(model: Tables, optimizer: Optimizer, steps: Steps) -> Iterator[None]:
    for loans in steps:
        model.loss([torch.tensor(rows) for rows in loans if rows]).backward()
        optimizer.step()
        yield


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("stop", [0, 1, 118, 119, 120, 150])
def test_state_and_restore_go_on_identically(kind: str, stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits, stopped anywhere, also around the start again of SGD's powers (119 steps at momentum 0.5)."""
    any_device(kind, monkeypatch)
    steps, setting = random_steps(160, seed=4), config(kind.split(",")[0], 0.5)
    whole = Tables(setting)
    optimizer = Optimizer(whole)
    saved: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for number, _ in enumerate(run(whole, optimizer, steps)):
        if number == stop:
            saved = {name: value.clone() for name, value in optimizer.state().items()}
            weights = {name: value.clone() for name, value in whole.state_dict().items()}
    optimizer.settle()

    resumed = Tables(setting, seed=99)
    resumed.load_state_dict(weights)
    again = Optimizer(resumed)
    again.restore(saved)
    for _ in run(resumed, again, steps[stop + 1 :]):
        pass
    again.settle()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("kind", ROWS)
def test_a_table_that_no_batch_used_stays(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    any_device(kind, monkeypatch)
    model = Tables(config(kind.split(",")[0]))
    before = model.second.weight.clone()
    optimizer = Optimizer(model)
    for _ in run(model, optimizer, random_steps(10, seed=5)):
        pass
    optimizer.settle()
    assert torch.equal(model.second.weight, before)


@pytest.mark.parametrize("kind", ROWS)
def test_rows_read_without_a_backward_learn_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    any_device(kind, monkeypatch)
    model = Tables(config(kind.split(",")[0]))
    optimizer = Optimizer(model)
    before = model.first.weight.clone()
    model.first(torch.tensor([1, 2]))
    model.loss([torch.tensor([5])]).backward()
    optimizer.step()
    optimizer.settle()
    assert (model.first.weight == before).all(dim=1).nonzero().flatten().tolist() == [*range(5), *range(6, N)]
    assert not any(updates.lent for updates in optimizer.tables.values())


def test_released_tables_are_read_as_they_are() -> None:
    model = Tables(config("sgd"))
    optimizer = Optimizer(model)
    assert model.first(torch.tensor([0])).requires_grad
    optimizer.release()
    assert not model.first(torch.tensor([0])).requires_grad
    assert not model.eval().first(torch.tensor([0])).requires_grad


def test_state_names_say_whose_it_is() -> None:
    names = set(Optimizer(Tables(config("adam"))).state())
    assert names == {f"{t}.{n}" for t in ("first", "second") for n in ("rows", "s")} | {
        f"scale.{n}" for n in ("m", "v", "s")
    }
