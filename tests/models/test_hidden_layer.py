"""The hidden layer against torch.nn.Linear, ReLU, torch.nn.Linear under automatic differentiation."""

import copy

import pytest
import torch
from torch import Tensor, nn

from palate.models import hidden_layer
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


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 2047, 2048, 2049, 5000])
def test_value_and_gradients_equal_automatic_differentiation(n: int) -> None:
    layer, x = drawn(), inputs(n).requires_grad_()
    reference, same = as_sequential(layer), x.detach().clone().requires_grad_()
    weights = inputs(n, 1).squeeze(1)
    value, expected = layer(x), reference(same)
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-5)
    (value * weights).sum().backward()
    (expected * weights).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, same.grad, atol=1e-5, rtol=1e-5)
    assert layer.flat.grad is not None
    torch.testing.assert_close(layer.flat.grad, gradients(reference), atol=1e-5 * max(1, n**0.5), rtol=1e-5)


def test_gradients_are_those_of_differences() -> None:
    layer, x = drawn(3, 5).double(), inputs(7, 3).double().requires_grad_()

    def value(rows: Tensor, flat: Tensor) -> Tensor:
        found: Tensor = hidden_layer._PiecewiseLinear.apply(rows, flat, layer)  # type: ignore[no-untyped-call]
        return found

    assert torch.autograd.gradcheck(value, (x, layer.flat))


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


def test_two_forwards_before_their_backwards_do_not_disturb_each_other() -> None:
    layer = drawn()
    reference = as_sequential(layer)
    for x in (inputs(40, seed=1), inputs(40, seed=2)):
        reference(x).square().sum().backward()
    layer(inputs(40, seed=5)).sum().backward()  # so that there is a buffer to quarrel over
    layer.flat.grad = None
    first, second = layer(inputs(40, seed=1)), layer(inputs(40, seed=2))
    second.square().sum().backward()
    first.square().sum().backward()
    assert layer.flat.grad is not None
    torch.testing.assert_close(layer.flat.grad, gradients(reference), atol=1e-4, rtol=1e-5)


def test_asking_between_forward_and_backward_changes_nothing() -> None:
    """Values, slopes, pairs and a forward without gradients, all between a forward and its backward."""
    layer = drawn()
    layer(inputs(40)).sum().backward()
    expected = layer.flat.grad
    assert expected is not None
    layer.zero_grad(set_to_none=True)
    outstanding = layer(inputs(40))
    layer.values(inputs(40, seed=2))
    layer.slopes(inputs(40, seed=3))
    layer.pairs(inputs(4, 2), inputs(9, 4))
    with torch.no_grad():
        layer(inputs(40, seed=4))
    outstanding.sum().backward()
    found = layer.flat.grad
    assert found is not None
    assert torch.equal(found, expected)


def test_a_second_backward_after_another_forward_is_refused() -> None:
    """The memory of the first has gone to the second: an error, not a wrong gradient."""
    layer = drawn()
    first = layer(inputs(40)).sum()
    first.backward(retain_graph=True)
    layer(inputs(40, seed=2))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        first.backward()


def test_weights_changed_between_forward_and_backward_are_refused() -> None:
    layer = drawn()
    value = layer(inputs(40)).sum()
    with torch.no_grad():
        layer.flat.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_a_training_loop_uses_the_same_memory_again() -> None:
    layer, places = drawn(), set()
    for n in (40, 40, 17, 40):
        layer(inputs(n)).sum().backward()
        assert layer.spare is not None
        places.add(layer.spare.data_ptr())
    assert len(places) == 1
    layer(inputs(41)).sum().backward()
    assert layer.spare is not None
    assert len(layer.spare) == 41


def test_memory_fits_the_kind_of_number() -> None:
    layer = drawn()
    layer(inputs(10)).sum().backward()
    layer.double()
    layer.flat.grad = None
    layer(inputs(10).double()).sum().backward()
    assert layer.flat.grad is not None
    assert layer.flat.grad.dtype == torch.float64


def test_state_is_the_weights_alone() -> None:
    layer = drawn()
    layer(inputs(10)).sum().backward()
    assert list(layer.state_dict()) == ["flat"]
    assert torch.equal(copy.deepcopy(layer)(inputs(10)), layer(inputs(10)))
