"""The hidden layer against torch.nn.Linear, ReLU, torch.nn.Linear under automatic differentiation."""

import copy

import pytest
import torch
from torch import Tensor, nn

from palate.models import compiled_layer, hidden_layer, tensor_layer
from palate.models.hidden_layer import HiddenLayer


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


@pytest.mark.parametrize("n", [1, 2, 17, 511, 512, 2049])
@pytest.mark.parametrize(
    ("weights", "number", "tolerance"),
    [
        (torch.float64, torch.float64, 1e-12),
        (torch.float32, torch.float32, 1e-5),
        (torch.float32, torch.bfloat16, 0.03),
        (torch.float64, torch.bfloat16, 0.03),
    ],
)
def test_squared_error_and_its_gradients_equal_automatic_differentiation(
    n: int, weights: torch.dtype, number: torch.dtype, tolerance: float
) -> None:
    """In bfloat16 a number has three digits, and a unit close to 0 may be taken as on the other side of it."""
    layer, x = drawn().to(weights), inputs(n).to(weights)
    target = inputs(n, 1, seed=3).squeeze(1).to(weights)
    reference, same = as_sequential(layer), x.clone().requires_grad_()
    expected = nn.functional.mse_loss(reference(same), target)
    expected.backward()
    assert same.grad is not None

    loss, by_x = layer.squared_error(x, target, number)
    by_flat = layer.flat.grad
    assert by_flat is not None
    for found, right in ((loss, expected.detach()), (by_x, same.grad), (by_flat, gradients(reference))):
        assert found.dtype == weights
        assert found.shape == right.shape
        assert float((found - right).norm() / right.norm()) <= tolerance


@pytest.mark.parametrize("n", [1, 3, 512])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_loops_of_the_cpu_and_operations_of_any_device_are_the_same(n: int, kind: torch.dtype) -> None:
    x, q, flow = inputs(n).to(kind), inputs(7, n, seed=2).to(kind), inputs(7, 16, seed=3).to(kind)
    first, output, constant = drawn().to(kind).parts(drawn().to(kind).flat.detach())
    found = []
    for way in (compiled_layer, tensor_layer):
        joined = way.joined(x)
        torch.testing.assert_close(joined, torch.cat([x, torch.ones(n, 1, dtype=kind)], dim=1).T)
        loss, by_x, weighted = way.errors(joined, q, constant, x[:, 0])
        found.append((loss, by_x, weighted, way.gradient(flow, weighted, first, output)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_its_gradients_replace_those_of_before() -> None:
    layer, x = drawn(), inputs(20)
    _, once = layer.squared_error(x, x[:, 0], torch.float32)
    by_flat = layer.flat.grad
    _, again = layer.squared_error(x, x[:, 0], torch.float32)
    assert by_flat is not None
    assert layer.flat.grad is not None
    assert torch.equal(once, again)
    assert torch.equal(by_flat, layer.flat.grad)


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
    found = layer.values(x)
    assert found.shape == (n,)
    assert not found.requires_grad
    torch.testing.assert_close(found, as_sequential(layer)(x).detach(), atol=1e-5, rtol=1e-5)


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
    found = layer.pairs(left, right)
    assert found.shape == (n_left, n_right)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


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
    for few_left, few_right in ((1, 301), (2, 130), (33, 129), (3, 1), (67, 2)):
        assert torch.equal(layer.pairs(left[:few_left], right[:few_right]), whole[:few_left, :few_right])


def test_what_is_kept_of_the_rights_follows_the_weights_and_the_rights() -> None:
    layer, left, right = drawn(), inputs(3, 2), inputs(40, 4, seed=2)
    first = layer.pairs(left, right)
    assert layer.kept is not None
    share = layer.kept[1]
    assert torch.equal(layer.pairs(left, right), first)
    assert layer.kept[1] is share
    with torch.no_grad():
        layer.flat.mul_(2)
    assert not torch.equal(layer.pairs(left, right), first)
    with torch.no_grad():
        layer.flat.div_(2)
    right[0] += 1
    found = layer.pairs(left, right)
    assert torch.equal(found[:, 1:], first[:, 1:])
    assert not torch.equal(found[:, 0], first[:, 0])


@pytest.mark.parametrize("n_right", [1, 9, 40])
def test_too_many_rights_to_keep_are_taken_in_blocks(n_right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, left, right = drawn(), inputs(3, 2), inputs(n_right, 4, seed=2)
    expected = layer.pairs(left, right)
    monkeypatch.setattr(hidden_layer, "KEPT_BYTES", 0)
    monkeypatch.setattr(hidden_layer, "INPUTS_A_BLOCK", 9)
    layer.kept = None
    torch.testing.assert_close(layer.pairs(left, right), expected)
    assert layer.kept is None
