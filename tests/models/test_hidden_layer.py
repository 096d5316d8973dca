"""The hidden layer against torch.nn.Linear, ReLU, torch.nn.Linear under automatic differentiation."""

import copy
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numba
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from palate.models.neural import hidden_layer
from palate.models.neural import step_cpu as compiled_step
from palate.models.neural import step_fused as fused_layer
from palate.models.neural import step_llvm as compiled_parts
from palate.models.neural import step_tensor as tensor_layer
from palate.models.neural.hidden_layer import HiddenLayer
from palate.models.neural.pairs_cpu import TILE, tiles_of_rows


def drawn(n_inputs: int = 6, n_hidden: int = 16, seed: int = 0) -> HiddenLayer:
    layer = HiddenLayer(n_inputs, n_hidden)
    layer.draw(torch.Generator().manual_seed(seed))
    return layer


def as_sequential(layer: HiddenLayer) -> nn.Sequential:
    """The same weights in torch's own layers."""
    first, output, constant = layer.parts(layer.flat.detach())
    hidden, last = nn.Linear(layer.n_inputs, layer.n_hidden), nn.Linear(layer.n_hidden, 1)
    with torch.no_grad():
        hidden.weight.copy_(first[:-1].T)
        hidden.bias.copy_(first[-1])
        last.weight.copy_(output.unsqueeze(0))
        last.bias.copy_(constant)
    return nn.Sequential(hidden, nn.ReLU(), last, nn.Flatten(0)).to(layer.flat.dtype)


def gradients(reference: nn.Sequential) -> Tensor:
    """The gradients of torch's layers, laid out as HiddenLayer's flat parameter."""
    weights, bias, output, constant = (parameter.grad for parameter in reference.parameters())
    assert weights is not None
    assert bias is not None
    assert output is not None
    assert constant is not None
    return torch.cat([weights.T.flatten(), bias, output.flatten(), constant])


def inputs(n: int, width: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [0, 1, 40])
def test_value_is_that_of_torch_s_layers(n: int) -> None:
    layer, x = drawn(), inputs(n)
    torch.testing.assert_close(layer(x), as_sequential(layer)(x), atol=1e-6, rtol=1e-6)


def by_automatic_differentiation(layer: HiddenLayer, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error, its gradient by x, and by all weights."""
    reference, same = as_sequential(layer), x.clone().requires_grad_()
    loss = nn.functional.mse_loss(reference(same), target)
    loss.backward()
    assert same.grad is not None
    return loss.detach(), same.grad, gradients(reference)


WAYS = {"cpu": compiled_step, "any device": tensor_layer, "to be compiled": fused_layer}


@pytest.mark.parametrize("n", [1, 2, 17, 256, 257, 511, 512, 2049])
@pytest.mark.parametrize(("weights", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("way", WAYS)
def test_squared_error_and_its_gradients_equal_automatic_differentiation(
    n: int, weights: torch.dtype, tolerance: float, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden_layer, "step_on_cpu", lambda: WAYS[way].squared_error)
    layer, x = drawn().to(weights), inputs(n).to(weights)
    target = inputs(n, 1, seed=3).squeeze(1).to(weights)
    loss, by_x = layer.squared_error(x, target)
    by_flat = layer.flat.grad
    assert by_flat is not None
    for ours, right in zip((loss, by_x, by_flat), by_automatic_differentiation(layer, x, target), strict=True):
        assert ours.dtype == weights
        assert ours.shape == right.shape
        assert float((ours - right).norm() / right.norm()) <= tolerance


@pytest.mark.parametrize("n_inputs", [1, 10, 11, 21, 23, 24, 40, 60])
@pytest.mark.parametrize("n_hidden", [1, 31, 32, 33, 100])
@pytest.mark.parametrize(("weights", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_a_step_of_any_size(n_inputs: int, n_hidden: int, weights: torch.dtype, tolerance: float) -> None:
    """Sizes that fill registers, and such that are padded."""
    layer, x = drawn(n_inputs, n_hidden).to(weights), inputs(70, n_inputs).to(weights)
    results = layer.squared_error(x, x[:, 0])
    assert layer.flat.grad is not None
    for ours, right in zip((*results, layer.flat.grad), by_automatic_differentiation(layer, x, x[:, 0]), strict=True):
        torch.testing.assert_close(ours, right, atol=tolerance, rtol=tolerance)


def test_a_step_of_any_processor() -> None:
    """What is compiled for one without wide registers, as if this were one."""
    code = """
from palate.models.neural import step_llvm as compiled_parts
from tests.models import test_hidden_layer as tests
assert compiled_parts.LANES == 8
for n_inputs in (10, 21):
    tests.test_a_step_of_any_size(n_inputs, 33, tests.torch.float64, 1e-12)
    tests.test_a_step_of_any_size(n_inputs, 33, tests.torch.float32, 1e-5)
"""
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **plain})


@pytest.mark.parametrize("n", [1, 256, 257, 1100])
def test_no_bit_of_a_step_depends_on_the_threads_that_share_it(n: int) -> None:
    layer, x = drawn(20, 64), inputs(n, 20)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5, 3):
            torch.set_num_threads(threads)
            for _ in range(50):
                loss, by_x = layer.squared_error(x, x[:, 0])
                assert layer.flat.grad is not None
                results.append([each.clone() for each in (loss, by_x, layer.flat.grad)])
    finally:
        torch.set_num_threads(before)
    for others in zip(*results, strict=True):
        assert all(torch.equal(others[0], other) for other in others)


# Where the compiled step can't be made


@pytest.fixture
def first_step() -> Iterator[None]:
    """The next step is the first of this process."""
    hidden_layer.step_on_cpu.cache_clear()
    yield
    hidden_layer.step_on_cpu.cache_clear()


def no_such_module(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "palate.models.neural.step_cpu", None)


def no_such_internals(patch: pytest.MonkeyPatch) -> None:
    for module in ("step_cpu", "step_llvm"):
        patch.delitem(sys.modules, f"palate.models.neural.{module}")
    patch.delattr(numba.extending, "intrinsic")


def no_code(patch: pytest.MonkeyPatch) -> None:
    def step(*arguments: object) -> None:
        raise numba.core.errors.LoweringError("Invalid usage of a type\n  on the next line")

    patch.setattr(compiled_step, "step", step)


def another_result(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compiled_step, "step", lambda *arguments: None)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (no_such_module, "ModuleNotFoundError: import of palate.models.neural.step_cpu halted"),
        (no_such_internals, "ImportError: cannot import name 'intrinsic' from 'numba.extending'"),
        (no_code, "LoweringError: Invalid usage of a type on the next line"),
        (another_result, "AssertionError: Scalars are not close!"),
    ],
)
def test_whole_tensors_stand_in_where_the_step_can_t_be_compiled(
    broken: Callable[[pytest.MonkeyPatch], None],
    reason: str,
    first_step: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer, x = drawn(20, 64), inputs(300, 20)
    right = by_automatic_differentiation(layer, x, x[:, 0])
    with monkeypatch.context() as patch:
        broken(patch)
        for _ in range(2):
            steps = *layer.squared_error(x, x[:, 0]), layer.flat.grad
    for ours, expected in zip(steps, right, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
    (said,) = caplog.messages
    assert re.match(f"the network trains several times as slowly: numba can't compile its step \\({reason}", said)
    assert "\n" not in said


def test_no_bit_depends_on_threads_there(first_step: None, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setitem(sys.modules, "palate.models.neural.step_cpu", None)
    monkeypatch.setattr(tensor_layer, "squared_error", lambda *step: threads.append(torch.get_num_threads()))
    hidden_layer.step_on_cpu()(*[torch.zeros(1)] * 3)
    assert threads[-1] == 1


def test_no_llvm_is_written_but_to_train_the_network() -> None:
    code = """
import sys
import numpy as np
from palate.models import MODELS
from palate.inference.queries import of_users
from palate.training.fit import fit
from tests.tables import random_table
train = random_table()
model = MODELS["neural"](MODELS["neural"].Config(epochs=1, hidden=8), train.n_users, train.n_items)
model.score(of_users(train, np.arange(3), model))
assert "palate.models.neural.step_llvm" not in sys.modules
fit(model, train)
assert "palate.models.neural.step_llvm" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_who_helps_sleeps_when_there_is_no_step_and_wakes_for_the_next() -> None:
    team = compiled_step.Team(n_inputs=21, n_hidden=32, n_parts=3, number=np.dtype(np.float32))
    weights = drawn(20, 32).flat.detach().numpy()
    helper = compiled_step.Helper(team.signal, team.space, weights, number=1)
    assert helper.asleep
    for _ in range(2):
        helper.wake()
        assert not helper.asleep
        deadline = time.monotonic() + 60
        while not helper.asleep and time.monotonic() < deadline:
            time.sleep(0.001)
        assert helper.asleep


def test_who_helps_goes_when_the_team_does() -> None:
    layer, x = drawn(20, 32), inputs(600, 20)
    weights = layer.flat.detach().numpy()
    team = compiled_step.Team(n_inputs=21, n_hidden=32, n_parts=3, number=np.dtype(np.float32))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        team.step(weights, x.numpy(), x[:, 0].numpy())
    finally:
        torch.set_num_threads(before)
    threads = [helper.thread for helper in team.helpers]
    assert [thread.is_alive() for thread in threads] == [True, True]
    del team
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_helper_takes_parts_that_are_left() -> None:
    """A step that nobody leads: three parts, of which a helper takes all."""
    layer, x = drawn(20, 32), inputs(600, 20)
    expected = layer.squared_error(x, x[:, 0])[1]
    team = compiled_step.Team(n_inputs=21, n_hidden=32, n_parts=3, number=np.dtype(np.float32))
    weights = layer.flat.detach().numpy()
    team.step(weights, x.numpy(), x[:, 0].numpy())
    team.space.by_x[:] = 0
    team.signal[[compiled_parts.HELPERS, compiled_parts.NEXT, compiled_parts.DONE]] = 1, 0, 0
    compiled_parts.help_out(team.signal, team.space, weights, 2, 1000)  # the second of them, and only one may
    assert not team.space.by_x.any()
    compiled_parts.help_out(team.signal, team.space, weights, 1, 1000)
    assert team.signal[compiled_parts.DONE] == 3
    np.testing.assert_array_equal(team.space.by_x[:600], expected.numpy())


def test_its_gradients_replace_those_of_before() -> None:
    layer, x = drawn(), inputs(20)
    assert layer.flat.grad is None
    once = layer.squared_error(x, x[:, 0])[1].clone()
    assert layer.flat.grad is not None
    by_flat = layer.flat.grad.clone()
    layer.squared_error(2 * x, x[:, 1])
    assert not torch.equal(by_flat, layer.flat.grad)
    again = layer.squared_error(x, x[:, 0])[1]
    assert torch.equal(once, again)
    assert torch.equal(by_flat, layer.flat.grad)


@pytest.mark.parametrize("way", WAYS)
def test_layers_of_one_size_leave_each_other_s_gradients_alone(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden_layer, "step_on_cpu", lambda: WAYS[way].squared_error)
    layers, x = [drawn(seed=seed) for seed in range(6)], inputs(20)
    results = [layer.squared_error(x, x[:, 0]) for layer in layers]  # more than there are teams
    for layer, (loss, by_x) in zip(layers, results, strict=True):
        assert layer.flat.grad is not None
        right = by_automatic_differentiation(layer, x, x[:, 0])
        for ours, theirs in zip((loss, by_x, layer.flat.grad), right, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_inputs_of_several_dimensions(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden_layer, "step_on_cpu", lambda: WAYS[way].squared_error)
    layer, x = drawn(), inputs(20)
    for shape in ((20, 2, -1), (20, -1, 2), (20, -1)):
        by_x = layer.squared_error(x.view(shape), x[:, 0])[1]
        assert by_x.shape == x.view(shape).shape
        torch.testing.assert_close(by_x.flatten(1), by_automatic_differentiation(layer, x, x[:, 0])[1])


def test_first_weights_are_drawn_as_torch_draws_them() -> None:
    """Uniform within 1/sqrt(inputs): mean 0, and a variance of a third of the bound's square."""
    layer = drawn(25, 1000)
    first, output, constant = layer.parts(layer.flat.detach())
    for part, bound in ((first, 0.2), (output, 1000**-0.5)):
        assert part.abs().max() <= bound
        assert part.abs().max() > 0.99 * bound
        assert float(part.square().mean()) == pytest.approx(bound**2 / 3, rel=0.1)
    assert constant.abs() <= 1000**-0.5
    assert torch.equal(layer.flat, drawn(25, 1000).flat)
    assert not torch.equal(layer.flat, drawn(25, 1000, seed=1).flat)


@pytest.mark.parametrize("n", [0, 1, 2048, 2049, 4500])
def test_values_equal_forward(n: int) -> None:
    layer, x = drawn(), inputs(n)
    values = layer.values(x)
    assert values.shape == (n,)
    assert not values.requires_grad
    torch.testing.assert_close(values, as_sequential(layer)(x).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2048, 2049, 4500])
def test_slopes_are_values_and_their_derivatives(n: int) -> None:
    layer, x = drawn(), inputs(n).requires_grad_()
    value, slope = layer.slopes(x.detach())
    assert (value.shape, slope.shape) == ((n,), (n, 7))
    expected = as_sequential(layer)(x)
    torch.testing.assert_close(value, expected.detach(), atol=1e-5, rtol=1e-5)
    (by_x,) = torch.autograd.grad(expected.sum(), x)
    torch.testing.assert_close(slope[:, :-1], by_x, atol=1e-5, rtol=1e-5)
    assert not slope.requires_grad


@pytest.mark.parametrize("n_left", [0, 1, 3])
@pytest.mark.parametrize("n_right", [0, 1, 255, 256, 257, 600])
def test_pairs_equal_forward_on_every_pair(n_left: int, n_right: int) -> None:
    layer, left, right = drawn(), inputs(n_left, 2), inputs(n_right, 4, seed=2)
    joined = torch.cat([left.repeat_interleave(n_right, 0), right.repeat(n_left, 1)], dim=1)
    expected = layer.values(joined).view(n_left, n_right)
    values = layer.pairs(left, right)
    assert values.shape == (n_left, n_right)
    torch.testing.assert_close(values, expected, atol=1e-5, rtol=1e-5)


def test_pairs_where_units_are_alike_in_whole_tiles_and_where_they_are_not() -> None:
    """Rights in far apart heaps, so that most units are above 0, or below, in all of a heap; lefts from near to far."""
    layer = drawn(6, 64)
    heaps = 20 * inputs(5, 4, seed=3).repeat_interleave(2 * TILE, 0) + 0.01 * inputs(10 * TILE, 4, seed=4)
    right = heaps[torch.randperm(len(heaps), generator=torch.Generator().manual_seed(5))]
    left = inputs(40, 2) * torch.logspace(-2, 2, 40)[:, None]
    joined = torch.cat([left.repeat_interleave(len(right), 0), right.repeat(len(left), 1)], dim=1)
    expected = layer.values(joined).view(len(left), -1)
    torch.testing.assert_close(layer.pairs(left, right), expected, atol=1e-4, rtol=1e-5)
    first, _, _ = layer.parts(layer.flat.detach())
    (tiles,) = layer._tiles(right, first[2:])
    lefts = (left @ first[:2]).numpy()[:, None]
    differing = (lefts + tiles.least < 0) & (lefts + tiles.most > 0)
    assert differing.mean() < 0.05, "few are looked at"


@pytest.mark.parametrize("n", [1, TILE - 1, TILE, TILE + 1, 1000])
def test_tiles_hold_every_row_and_close_ones_together(n: int) -> None:
    right, weights = inputs(n, 4), inputs(4, 8)
    rows = tiles_of_rows(right, weights)
    assert rows.shape == (-(-n // TILE), TILE)
    assert rows.flatten()[:n].tolist() != list(range(n)) or n <= TILE
    assert sorted(rows.flatten()[:n]) == list(range(n))
    assert set(rows.flatten()[n:]) <= {rows.flatten()[n - 1]}
    if n > 5 * TILE:
        within = np.mean([right[tile].var(0).sum().item() for tile in rows])
        assert within < 0.6 * right.var(0).sum()


@pytest.mark.parametrize("n_right", [1, 9, 40])
def test_pairs_by_whole_tensors_equal_those_by_tiles(n_right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_layer, "RIGHTS_PER_BLOCK", 9)
    layer, left, right = drawn(), inputs(3, 2), inputs(n_right, 4, seed=2)
    first, output, constant = layer.parts(layer.flat.detach())
    values = torch.empty(3, n_right)
    tensor_layer.pairs(left @ first[:2], right, first[2:], output, values)
    torch.testing.assert_close(values + constant, layer.pairs(left, right), atol=1e-5, rtol=1e-5)


def test_state_is_the_weights_alone() -> None:
    layer = drawn()
    layer(inputs(10)).sum().backward()
    assert list(layer.state_dict()) == ["flat"]
    assert torch.equal(copy.deepcopy(layer)(inputs(10)), layer(inputs(10)))


@pytest.mark.usefixtures("threads_as_before")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_pair_s_value_does_not_depend_on_the_others_asked(threads: int) -> None:
    torch.set_num_threads(threads)
    layer, left, right = drawn(6, 130), inputs(67, 2), inputs(301, 4, seed=2)
    whole = layer.pairs(left, right)
    for few in (1, 2, 33, 66):
        assert torch.equal(layer.pairs(left[:few], right), whole[:few])


def test_what_is_kept_of_the_rights_follows_the_weights_and_the_rights() -> None:
    layer, left, right = drawn(), inputs(3, 2), inputs(40, 4, seed=2)
    first = layer.pairs(left, right)
    assert layer.kept is not None
    tiles = layer.kept[2]
    assert tiles is not None
    assert torch.equal(layer.pairs(left, right), first)
    assert layer.kept[2] is tiles
    with torch.no_grad():
        layer.flat.mul_(2)
    assert not torch.equal(layer.pairs(left, right), first)
    with torch.no_grad():
        layer.flat.div_(2)
    right[0] += 1
    values = layer.pairs(left, right)
    torch.testing.assert_close(values[:, 1:], first[:, 1:])
    assert (values[:, 0] - first[:, 0]).abs().min() > 1e-3


@pytest.mark.parametrize("n_right", [1, 9, 400])
def test_too_many_rights_to_keep_are_taken_in_blocks(n_right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, left, right = drawn(), inputs(3, 2), inputs(n_right, 4, seed=2)
    expected = layer.pairs(left, right)
    monkeypatch.setattr(hidden_layer, "KEPT_BYTES", 0)
    monkeypatch.setattr(hidden_layer, "INPUTS_A_BLOCK", 1)
    layer.kept = None
    assert torch.equal(layer.pairs(left, right), expected)
    assert layer.kept is not None
    assert layer.kept[2] is None
