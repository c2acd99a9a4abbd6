"""Where derivatives have no value of their own: kinks, ties, zeros, infinities and NaN."""

import numpy as np
import pytest

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import functions, ops
from tinygrad_loss.inspection.check import check_gradients

from ..op_cases import REDUCTIONS, grad_of

# --- kinks and ties ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (ops.absolute, 0),
        (ops.relu, 0),
        (lambda x: ops.leaky_relu(x, slope=0.25), 0.25),
        (functions.norm, 0),
        (lambda x: ops.maximum(x, 0.0), 0.5),
        (lambda x: ops.minimum(x, 0.0), 0.5),
        (lambda x: ops.clip(x, 0, 1), 1),
        (lambda x: ops.clip(x, -1, 0), 1),
        (lambda x: x**0, 0),
        (lambda x: x**0.0, 0),
        (lambda x: x**1, 1),
        (lambda x: x**2, 0),
        (lambda x: x ** np.array([0.0]), 0),
        (lambda x: 2**x, np.log(2)),
    ],
)
def test_gradient_at_zero(f, expected):
    """Traps 13, 14, 15: the conventions at kinks, with warnings as errors."""
    np.testing.assert_allclose(grad_of(f, np.zeros(1)), [expected], rtol=1e-15)


def test_sqrt_is_honest_at_zero():
    with np.errstate(divide="ignore"):
        assert grad_of(ops.sqrt, np.zeros(1)) == np.inf


def test_norm_of_a_zero_row_leaves_the_other_rows_alone():
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(
        grad_of(lambda t: functions.norm(t, axis=1), x), [[0, 0], [0.6, 0.8]]
    )


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize(("axis", "shares"), [(None, 1 / 6), (0, 1 / 2), (1, 1 / 3)])
def test_ties_share_the_gradient_equally(name, axis, shares):
    """Trap 12: the shares sum to 1."""
    g = grad_of(lambda t: REDUCTIONS[name][0](t, axis=axis), np.ones((2, 3)))
    np.testing.assert_allclose(g, np.full((2, 3), shares), rtol=1e-15)


def test_ties_of_some_elements_only():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 0.0, -1.0]])
    assert grad_of(lambda t: t.max(axis=1), x).tolist() == [[0, 0.5, 0.5], [1, 0, 0]]


@pytest.mark.parametrize("f", [ops.maximum, ops.minimum])
def test_ties_of_two_arrays_share_the_gradient_equally(f):
    a, b = np.array([1.0, 2.0, 5.0]), np.array([1.0, 3.0, 4.0])
    ga, gb = grad_of(f, a, b)
    assert (ga + gb).tolist() == [1, 1, 1]
    assert ga[0] == gb[0] == 0.5


def test_power_of_tensor_exponents():
    """Trap 15: t**t, 0**b, and negative bases with constant exponents."""
    t = np.array([0.5, 2.0])
    np.testing.assert_allclose(grad_of(lambda t: t**t, t), t**t * (1 + np.log(t)), rtol=1e-14)
    assert grad_of(lambda b: 0.0**b, np.array([2.0, 0.5])).tolist() == [0, 0]
    assert grad_of(lambda b: np.zeros(2) ** b, np.array([2.0, 0.5])).tolist() == [0, 0]
    assert grad_of(lambda a: a**3, np.array([-2.0, 0.0])).tolist() == [12, 0]
    assert grad_of(lambda a: a**-2, np.array([-2.0])).tolist() == [0.25]
    a, b = grad_of(ops.power, np.array([0.0, 0.0, 3.0]), np.array([0.0, 2.0, 0.0]))
    assert a.tolist() == [0, 0, 0]
    np.testing.assert_allclose(b, [0, 0, np.log(3)])


def test_second_derivative_of_small_powers_at_zero():
    x = Tensor(np.zeros(1), requires_grad=True)
    for exponent, expected in ((0, 0), (1, 0), (2, 2), (3, 0)):
        (first,) = gradients((x**exponent).sum(), [x], create_graph=True)
        (second,) = gradients(first.sum(), [x])
        assert second.data.tolist() == [expected], exponent


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_product_with_zeros(zeros):
    """Trap 28. The gradient of a product is the product of the others."""
    x = np.array([2.0, 3.0, 5.0, 7.0, -1.0])
    x[:zeros] = 0
    expected = [np.prod(np.delete(x, i)) for i in range(5)]
    np.testing.assert_allclose(grad_of(functions.prod, x), expected, rtol=1e-15)
    check_gradients(functions.prod, x, order=2)


# --- extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "value", "slope"),
    [
        (ops.sigmoid, 1000.0, 1, 0),
        (ops.sigmoid, -1000.0, 0, 0),
        (ops.sigmoid, -40.0, np.exp(-40.0), np.exp(-40.0)),
        (ops.softplus, 1000.0, 1000, 1),
        (ops.softplus, -1000.0, 0, 0),
        (ops.softplus, -40.0, np.exp(-40.0), np.exp(-40.0)),
        (ops.tanh, 1000.0, 1, 0),
        (ops.tanh, -1000.0, -1, 0),
        (ops.erf, 1000.0, 1, 0),
        (functions.gelu, 1000.0, 1000, 1),
        (functions.gelu, -1000.0, 0, 0),
        (lambda x: ops.logaddexp(x, 0.0), 1000.0, 1000, 1),
        (lambda x: ops.logaddexp(x, 0.0), -1000.0, 0, 0),
        (lambda x: ops.logaddexp(x, x), -1e300, -1e300, 1),
        (lambda x: ops.logaddexp(x, -np.inf), 3.0, 3, 1),
        (ops.expm1, 1e-20, 1e-20, 1),
        (ops.log1p, 1e-20, 1e-20, 1),
    ],
)
def test_extremes_are_exact_and_silent(f, x, value, slope):
    """Trap 16: nothing overflows; warnings are errors here."""
    with np.errstate(under="raise" if abs(x) < 100 else "ignore"):
        assert f(Tensor(x)).item() == pytest.approx(value, rel=1e-13, abs=0)
        assert grad_of(f, np.array(x)) == pytest.approx(slope, rel=1e-13, abs=0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_softmax_and_its_relatives_at_extreme_logits(dtype):
    """Trap 17: rows far apart, infinities, rows of -inf."""
    x = np.array([[1e4, 1e4 - 1e3, -1e4], [-1e4, -1e4, -1e4], [-np.inf, 0, 0]], dtype)
    for f, expected in (
        (ops.softmax, [[1, 0, 0], [1 / 3] * 3, [0, 0.5, 0.5]]),
        (lambda t: ops.exp(ops.log_softmax(t)), [[1, 0, 0], [1 / 3] * 3, [0, 0.5, 0.5]]),
    ):
        y = f(Tensor(x, requires_grad=True))
        assert y.dtype == dtype
        np.testing.assert_allclose(y.data, expected, rtol=1e-2 if dtype == np.float16 else 1e-6)
    lse = ops.logsumexp(Tensor(x))
    np.testing.assert_allclose(lse.data, [1e4, -1e4 + np.log(3), np.log(2)], rtol=1e-3)
    g = grad_of(ops.logsumexp, x)
    expected = [[1, 0, 0], [1 / 3] * 3, [0, 0.5, 0.5]]
    np.testing.assert_allclose(g, expected, rtol=2 * np.finfo(dtype).eps)


def test_a_row_of_minus_infinity_has_no_probabilities():
    x = np.array([[-np.inf, -np.inf], [0.0, 0.0]])
    assert ops.logsumexp(Tensor(x)).data.tolist() == [-np.inf, np.log(2)]
    assert grad_of(ops.logsumexp, x).tolist() == [[0, 0], [0.5, 0.5]]
    for f in (ops.softmax, ops.log_softmax):
        y = f(Tensor(x)).data
        assert np.isnan(y[0]).all()
        assert np.isfinite(y[1]).all()


def test_logsumexp_of_plus_infinity():
    assert ops.logsumexp(Tensor([np.inf, 0.0])).item() == np.inf


@pytest.mark.parametrize(
    "name", ["maximum", "minimum", "max", "min", "relu", "clip", "sum", "norm"]
)
def test_nan_travels(name):
    x = Tensor([np.nan, 1.0], requires_grad=True)
    f = {
        "maximum": lambda x: ops.maximum(x, 0.0),
        "minimum": lambda x: ops.minimum(x, 0.0),
        "clip": lambda x: ops.clip(x, -1, 1),
        "norm": functions.norm,
    }.get(name) or getattr(ops, name)
    assert np.isnan(f(x).data).any()
