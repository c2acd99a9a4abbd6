"""Penalties and dropout: closed forms, PyTorch, and dropout's equality with ridge regression."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor
from tinygrad_loss.losses import sum_squared_error
from tinygrad_loss.nn import Linear
from tinygrad_loss.regularizers import dropout, elastic_net, l1, l2

from .losses.derivatives import assert_same_as_torch, floats, shapes

quickly = settings(max_examples=30, deadline=None)
PENALTIES = {
    "l1": lambda params, s: l1(params, s),
    "l2": lambda params, s: l2(params, s),
    "elastic_net.l1": lambda params, s: elastic_net(params, l1=s, l2=1.0),
    "elastic_net.l2": lambda params, s: elastic_net(params, l1=1.0, l2=s),
}
every_penalty = pytest.mark.parametrize("name", PENALTIES)


@quickly
@given(shapes.flatmap(floats), shapes.flatmap(floats), st.floats(0, 2), st.floats(0, 2))
def test_penalties_equal_pytorch(u, v, a, b):
    torch = pytest.importorskip("torch")
    u, v = np.where(u == 0, 1, u), np.where(v == 0, 1, v)  # |w| has no derivative at 0
    sums = {
        lambda *p: l1(p, a): lambda u, v: a * (u.abs().sum() + v.abs().sum()),
        lambda *p: l2(p, a): lambda u, v: a * ((u**2).sum() + (v**2).sum()),
        lambda *p: elastic_net(p, l1=a, l2=b): lambda u, v: (
            a * (u.abs().sum() + v.abs().sum()) + b * ((u**2).sum() + (v**2).sum())
        ),
    }
    for penalty, reference in sums.items():
        assert_same_as_torch(torch, penalty, reference, u, v)


def test_gradient_of_l2_is_twice_the_strength_times_w():
    w = Tensor([[3.0, -1.0], [0.0, 2.0]], requires_grad=True)
    l2(w, 0.1).backward()
    np.testing.assert_allclose(w.grad, 2 * 0.1 * w.data, rtol=1e-15)


def test_gradient_at_weights_of_0_is_0_and_finite():
    for penalty in PENALTIES.values():
        w = Tensor(np.zeros(3), requires_grad=True)
        penalty([w], 1.0).backward()
        np.testing.assert_array_equal(w.grad, 0)


@every_penalty
def test_one_tensor_a_list_and_a_generator(name):
    penalty = PENALTIES[name]
    w = Tensor([[1.0, -2.0]], requires_grad=True)
    alone = penalty(w, 0.5).item()
    assert alone == penalty([w], 0.5).item() == penalty((p for p in [w]), 0.5).item()
    assert penalty([w, w], 0.5).item() == pytest.approx(2 * alone)


@every_penalty
def test_nests(name):
    penalty = PENALTIES[name]
    u, v = (Tensor(x, requires_grad=True) for x in ([1.0, -2.0], [[3.0]]))
    expected = penalty([u, v], 0.5).item()
    for nest in ({"u": u, "v": v}, [u, (v,)], {"layers": [{"u": u}, {"v": [v]}]}):
        total = penalty(nest, 0.5)
        assert total.item() == expected
    assert penalty((part for part in ([u], {"v": v})), 0.5).item() == expected
    total.backward()
    assert u.grad is not None
    assert v.grad is not None


@every_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(name, dtype):
    w = Tensor(np.ones(3, dtype), requires_grad=True)
    assert PENALTIES[name](w, np.float64(0.1)).dtype == dtype
    penalty = PENALTIES[name](w, 0.1)
    assert penalty.dtype == dtype
    penalty.backward()
    assert w.grad.dtype == dtype


@every_penalty
def test_errors(name):
    penalty = PENALTIES[name]
    function, _, option = name.partition(".")
    w = Tensor([1.0], requires_grad=True)
    with pytest.raises(
        ValueError, match=rf"{function}: {option or 'strength'} is -0.1; expected .* in \[0, inf\)"
    ):
        penalty(w, -0.1)
    with pytest.raises(ValueError, match=f"{function}: .* is nan"):
        penalty(w, float("nan"))
    with pytest.raises(ValueError, match=f"{function}: params is empty.*generator"):
        penalty([], 0.1)
    with pytest.raises(TypeError, match=f"{function}: params: a str .*not made of real numb"):
        penalty([w, "weight"], 0.1)
    with pytest.raises(TypeError, match=f"{function}: params is a NoneType; expected a list of T"):
        penalty(None, 0.1)
    for strength in (None, "1", [0.1], np.ones(2), True):
        with pytest.raises(TypeError, match=rf"^{function}: .*; expected a number\.$"):
            penalty(w, strength)
    with pytest.raises(
        ValueError, match=rf"{function}: .* is inf; expected a number in \[0, inf\)"
    ):
        penalty(w, float("inf"))

    class Model:
        def parameters(self):
            return [w]

    with pytest.raises(TypeError, match=rf"{function}: params is a Model.*model\.parameters\(\)"):
        penalty(Model(), 0.1)


@every_penalty
def test_arrays_give_the_value_but_may_not_stand_beside_parameters(name):
    penalty, function = PENALTIES[name], name.partition(".")[0]
    layer = Linear(2, 1, rng=np.random.default_rng(0))
    w, b = layer.weight.data, layer.bias.data
    assert penalty([w, b], 0.1) == penalty(layer.parameters(), 0.1).item()
    for params in ([layer.weight, b], {"w": layer.weight, "b": 1.0}):
        with pytest.raises(TypeError, match=rf"^{function}: params holds Tensors and constants"):
            penalty(params, 0.1)
    frozen = Tensor([3.0])  # not to be trained now, but a parameter
    assert penalty([layer.weight, frozen], 0.5).item() > penalty(layer.weight, 0.5).item()


# --- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_dropout_sets_a_share_p_to_0_and_scales_the_rest(p):
    x = Tensor(np.full((100, 100), 3.0), requires_grad=True)
    y = dropout(x, p, rng=np.random.default_rng(0))
    dropped = y.data == 0
    assert dropped.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 1e4))
    np.testing.assert_allclose(y.data[~dropped], 3 / (1 - p), rtol=1e-15)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.where(dropped, 0, 1 / (1 - p)), rtol=1e-15)


def test_each_call_draws_a_new_mask_and_equal_seeds_equal_masks():
    x, rng = np.ones(64), np.random.default_rng(0)
    first, second = dropout(x, 0.5, rng=rng), dropout(x, 0.5, rng=rng)
    assert (first != second).any()
    np.testing.assert_array_equal(first, dropout(x, 0.5, rng=np.random.default_rng(0)))


def test_without_training_or_probability_nothing_happens():
    x = Tensor([1.0, 2.0], requires_grad=True)
    rng = np.random.default_rng(0)
    assert dropout(x, 0.5, rng=rng, training=False) is x
    assert dropout(x, 0.0, rng=rng) is x
    assert rng.random() == np.random.default_rng(0).random()  # none was drawn


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dropout_keeps_the_dtype(dtype):
    x = Tensor(np.ones(8, dtype), requires_grad=True)
    y = dropout(x, 0.2, rng=np.random.default_rng(0))
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad.dtype == dtype


def test_integers_are_scaled_as_floats():
    y = dropout(np.ones(50, int), 0.2, rng=np.random.default_rng(0))
    assert set(y.tolist()) == {0.0, 1.25}


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_probability_out_of_range(p):
    with pytest.raises(ValueError, match=r"dropout: p is .*; expected a number in \[0, 1\)"):
        dropout(np.ones(3), p, rng=np.random.default_rng(0))


class AllMasks:
    """Draws every mask of k elements, one after the other: 1 keeps and 0 drops at p = 1/2."""

    def __init__(self, k):
        self.masks = iter(np.ndindex(*[2] * k))

    def random(self, shape):
        return np.array(next(self.masks), float).reshape(shape)


@settings(max_examples=10, deadline=None)
@given(floats((2, 3)), floats((3, 1)), floats((2, 1)))
def test_dropout_on_linear_regression_is_ridge_regression(x, w, y):
    # E over masks of |y - dropout(x) w|^2 = |y - x w|^2 + p/(1-p) sum_j w_j^2 |x_j|^2
    # (Wager, Wang, Liang 2013), with all 2^6 masks, equally likely at p = 1/2
    rng, n_masks = AllMasks(6), 2**6
    weights = Tensor(w, requires_grad=True)
    losses = [sum_squared_error(dropout(x, 0.5, rng=rng) @ weights, y) for _ in range(n_masks)]
    mean = sum(losses) / n_masks
    mean.backward()
    ridge = Tensor(w, requires_grad=True)
    lengths = (x**2).sum(axis=0)[:, None]
    expected = sum_squared_error(x @ ridge, y) + (0.5 / 0.5) * (ridge**2 * lengths).sum()
    expected.backward()
    assert mean.item() == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(weights.grad, ridge.grad, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("rng", [None, 0])
def test_dropout_wants_a_generator(rng):
    with pytest.raises(TypeError, match=r"rng is .*; expected a generator"):
        dropout(np.ones(3), 0.5, rng=rng)
